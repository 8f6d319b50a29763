/* The listener: real HTTP over TCP, and what the callbacks see and decide. */
#include <pthread.h>
#include <stdatomic.h>

#include "stream.h"

struct server {
  ssecast_hub *hub;
  ssecast_listener *listener;
  /* One request is kept and answered from another thread. */
  _Atomic(ssecast_responder *) later;
  atomic_int opened, closed, drained;
  atomic_ullong routed_stream, opened_stream, closed_stream;
  atomic_uint reason;
  _Atomic(ssecast_connection *) connection;
};

static void route(void *user_data, const ssecast_request *request, ssecast_responder *responder) {
  struct server *server = user_data;
  ssecast_error error;
  ssecast_slice topics[1];
  uint64_t stream;
  CHECK_OK(ssecast_responder_stream(responder, &stream, &error));
  atomic_store(&server->routed_stream, stream);
  if (is(ssecast_request_path(request), "/later")) {
    atomic_store(&server->later, responder);
    return;
  }
  if (is(ssecast_request_path(request), "/see me")) {
    CHECK(is(ssecast_request_method(request), "GET"));
    CHECK(is(ssecast_request_query(request), "room=a%26b&x"));
    CHECK(is(ssecast_request_query_value(request, "room"), "a&b"));
    CHECK(is(ssecast_request_query_value(request, "x"), ""));
    CHECK(ssecast_request_query_value(request, "y").data == NULL);
    CHECK(is(ssecast_request_header(request, "AUTHORIZATION"), "Bearer 7"));
    CHECK(ssecast_request_header(request, "cookie").data == NULL);
    CHECK(is(ssecast_request_last_event_id(request), "abc"));
    CHECK(strncmp(ssecast_request_peer(request).data, "127.0.0.1:", 10) == 0);
    topics[0] = ssecast_request_query_value(request, "room");
    CHECK_OK(ssecast_responder_allow(responder, topics, 1, &error));
    CHECK_FAILS(SSECAST_ENDED, ssecast_responder_refuse(responder, 403, &error));
  } else if (is(ssecast_request_path(request), "/ticks")) {
    topics[0] = text("");
    CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_responder_allow(responder, topics, 1, &error));
    topics[0] = text("ticks");
    CHECK_OK(ssecast_responder_allow(responder, topics, 1, &error));
  } else if (is(ssecast_request_path(request), "/private")) {
    CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_responder_refuse(responder, 200, &error));
    CHECK_OK(ssecast_responder_refuse(responder, 403, &error));
  }
  /* Any other path: freed without an answer. */
  ssecast_responder_free(responder);
}

static void on_open(void *user_data, uint64_t stream, ssecast_connection *connection) {
  struct server *server = user_data;
  atomic_store(&server->opened_stream, stream);
  ssecast_connection_free(atomic_exchange(&server->connection, connection));
  atomic_fetch_add(&server->opened, 1);
}

static void on_close(void *user_data, uint64_t stream, ssecast_reason reason) {
  struct server *server = user_data;
  atomic_store(&server->closed_stream, stream);
  atomic_store(&server->reason, reason);
  atomic_fetch_add(&server->closed, 1);
}

static void on_drain(void *user_data, uint64_t stream) {
  struct server *server = user_data;
  CHECK(stream == atomic_load(&server->opened_stream));
  atomic_fetch_add(&server->drained, 1);
}

static ssecast_listen_config config_of(struct server *server) {
  ssecast_listen_config config;
  CHECK(ssecast_listen_config_init(&config, sizeof config) == SSECAST_OK);
  CHECK(config.max_head_bytes == 16384 && config.max_headers == 100 && config.head_ms == 10000);
  CHECK(config.answer_ms == 30000 && config.max_pending == 4096 && is(config.address, "127.0.0.1:0"));
  memset(server, 0, sizeof *server);
  server->hub = quiet_hub();
  config.route = route;
  config.on_open = on_open;
  config.on_close = on_close;
  config.on_drain = on_drain;
  config.user_data = server;
  return config;
}

static uint16_t serve(struct server *server, const ssecast_listen_config *config) {
  ssecast_error error;
  char expected[64];
  uint16_t port;
  CHECK_OK(ssecast_hub_listen(server->hub, config, &server->listener, &error));
  port = ssecast_listener_port(server->listener);
  snprintf(expected, sizeof expected, "127.0.0.1:%u", port);
  CHECK(is(ssecast_listener_address(server->listener), expected));
  return port;
}

static void stop(struct server *server, int closed) {
  ssecast_listener_free(server->listener);
  ssecast_hub_free(server->hub);
  EVENTUALLY(atomic_load(&server->closed) == closed);
  ssecast_connection_free(atomic_load(&server->connection));
}

static void ask(struct stream *client, uint16_t port, const char *target, const char *headers) {
  char request[512];
  tcp_connect(client, port);
  snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, headers);
  say(client, request);
}

static void check_status(uint16_t port, const char *target, const char *status) {
  struct stream client;
  ask(&client, port, target, "");
  stream_finish(&client);
  if (strstr(client.bytes, status) != client.bytes) check_failed(target, 0, client.bytes);
  close(client.socket);
}

static void the_route_sees_the_request_and_the_client_gets_the_stream(void) {
  ssecast_error error;
  struct server server;
  struct stream client;
  ssecast_event private = event_of("alone");
  ssecast_listen_config config = config_of(&server);
  uint16_t port = serve(&server, &config);
  ask(&client, port, "/see%20me?room=a%26b&x", "Authorization: Bearer 7\r\nLast-Event-ID: abc\r\n");
  EVENTUALLY(atomic_load(&server.opened) == 1);
  publish(server.hub, "a&b", "1");
  CHECK_OK(ssecast_connection_send(atomic_load(&server.connection), &private, &error));
  EVENTUALLY(stream_has(&client, "data: alone\n\n"));
  CHECK(strncmp(client.bytes, "HTTP/1.1 200 OK\r\n", 17) == 0);
  CHECK(strstr(client.bytes, "text/event-stream") != NULL && strstr(client.bytes, "data: 1\n\n") != NULL);
  CHECK(strstr(client.bytes, "{\"reason\":\"unknown\",\"missed\":null}") != NULL);
  CHECK(atomic_load(&server.opened_stream) == atomic_load(&server.routed_stream));
  close(client.socket);
  EVENTUALLY(atomic_load(&server.closed) == 1);
  CHECK(atomic_load(&server.reason) == SSECAST_REASON_CLIENT);
  CHECK(atomic_load(&server.closed_stream) == atomic_load(&server.routed_stream));
  stop(&server, 1);
}

static void requests_are_refused_with_their_status(void) {
  struct server server;
  struct stream client;
  ssecast_listen_config config = config_of(&server);
  uint16_t port = serve(&server, &config);
  check_status(port, "/private", "HTTP/1.1 403 ");
  check_status(port, "/unanswered", "HTTP/1.1 500 ");
  check_status(port, "nowhere", "HTTP/1.1 400 ");
  tcp_connect(&client, port);
  say(&client, "POST /ticks HTTP/1.1\r\nHost: localhost\r\n\r\n");
  stream_finish(&client);
  CHECK(strncmp(client.bytes, "HTTP/1.1 405 ", 13) == 0);
  close(client.socket);
  ask(&client, port, "/ticks", "Accept: text/html\r\n");
  stream_finish(&client);
  CHECK(strncmp(client.bytes, "HTTP/1.1 406 ", 13) == 0);
  close(client.socket);
  stop(&server, 0);
}

static void *answer(void *user_data) {
  ssecast_error error;
  struct server *server = user_data;
  ssecast_slice ticks = text("ticks");
  EVENTUALLY(atomic_load(&server->later) != NULL);
  CHECK_OK(ssecast_responder_allow(atomic_load(&server->later), &ticks, 1, &error));
  ssecast_responder_free(atomic_load(&server->later));
  return NULL;
}

static void an_answer_may_come_later_from_another_thread(void) {
  pthread_t thread;
  struct server server;
  struct stream client;
  ssecast_listen_config config = config_of(&server);
  uint16_t port = serve(&server, &config);
  CHECK(pthread_create(&thread, NULL, answer, &server) == 0);
  ask(&client, port, "/later", "");
  CHECK(pthread_join(thread, NULL) == 0);
  EVENTUALLY(atomic_load(&server.opened) == 1);
  publish(server.hub, "ticks", "1");
  EVENTUALLY(stream_has(&client, "data: 1\n\n"));
  stop(&server, 1);
  CHECK(atomic_load(&server.reason) == SSECAST_REASON_SHUTDOWN);
  close(client.socket);
}

static void topics_by_the_query_must_be_turned_on(void) {
  ssecast_error error;
  struct server server;
  struct stream client;
  uint16_t port;
  ssecast_listen_config config = config_of(&server);
  config.query_topics = 1;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  config.route = NULL;
  config.query_topics = 0;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  CHECK(strcmp(error.field, "route") == 0);
  config.query_topics = 1;
  port = serve(&server, &config);
  check_status(port, "/", "HTTP/1.1 400 ");
  ask(&client, port, "/?topic=ticks&topic=news", "");
  EVENTUALLY(atomic_load(&server.opened) == 1);
  publish(server.hub, "news", "1");
  EVENTUALLY(stream_has(&client, "data: 1\n\n"));
  stop(&server, 1);
  close(client.socket);
}

static void headers_path_and_origins_are_as_configured(void) {
  ssecast_error error;
  struct server server;
  struct stream client;
  uint16_t port;
  ssecast_header header = {{"X-Served-By", 11}, {"one", 3}}, reserved = {{"Connection", 10}, {"close", 5}};
  ssecast_slice origins[] = {{"https://app.example", 19}, {"https://b.example", 17}}, all = {"*", 1}, bad = {"app", 3};
  ssecast_listen_config config = config_of(&server);
  config.path = text("/ticks");
  config.headers = &reserved;
  config.headers_len = 1;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  config.headers = &header;
  config.cors_origins = &bad;
  config.cors_origins_len = 1;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  CHECK(strcmp(error.field, "cors_origins") == 0);
  config.cors_credentials = 1;
  config.cors_origins = &all;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  CHECK(strcmp(error.field, "cors_credentials") == 0);
  config.cors_origins_len = 0;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  CHECK(strcmp(error.field, "cors_credentials") == 0);
  config.cors_origins = origins;
  config.cors_origins_len = 2;
  port = serve(&server, &config);
  check_status(port, "/private", "HTTP/1.1 404 ");
  ask(&client, port, "/ticks", "Origin: https://b.example\r\n");
  EVENTUALLY(stream_has(&client, "\r\n\r\n"));
  CHECK(strstr(client.bytes, "X-Served-By: one\r\n") != NULL);
  CHECK(strstr(client.bytes, "Access-Control-Allow-Origin: https://b.example\r\n") != NULL);
  CHECK(strstr(client.bytes, "Access-Control-Allow-Credentials: true\r\n") != NULL);
  close(client.socket);
  EVENTUALLY(atomic_load(&server.closed) == 1);
  ssecast_listener_free(server.listener);
  config.cors_origins = &all;
  config.cors_origins_len = 1;
  config.cors_credentials = 0;
  port = serve(&server, &config);
  ask(&client, port, "/ticks", "");
  EVENTUALLY(stream_has(&client, "Access-Control-Allow-Origin: *\r\n"));
  stop(&server, 2);
  close(client.socket);
}

static void an_option_out_of_range_is_named(void) {
  ssecast_error error;
  struct server server;
  ssecast_listen_config config = config_of(&server);
  struct {
    size_t option;
    const char *name;
  } zeros[] = {
      {offsetof(ssecast_listen_config, max_head_bytes), "max_head_bytes"},
      {offsetof(ssecast_listen_config, max_headers), "max_headers"},
      {offsetof(ssecast_listen_config, head_ms), "head_ms"},
      {offsetof(ssecast_listen_config, answer_ms), "answer_ms"},
      {offsetof(ssecast_listen_config, max_pending), "max_pending"},
  };
  for (size_t at = 0; at < sizeof zeros / sizeof *zeros; at++) {
    ssecast_listen_config bad = config;
    *(uint64_t *)(void *)((char *)&bad + zeros[at].option) = SSECAST_ZERO;
    CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &bad, &server.listener, &error));
    CHECK(strcmp(error.field, zeros[at].name) == 0);
  }
  config.address = text("127.0.0.1:notaport");
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  CHECK(strcmp(error.field, "address") == 0);
  CHECK_OK(ssecast_hub_listen(server.hub, (config.address = text("127.0.0.1:0"), &config), &server.listener, &error));
  config.address = ssecast_listener_address(server.listener);
  ssecast_listener *second;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &second, &error));
  CHECK(error.os_error == EADDRINUSE && strcmp(error.option, "address") == 0);
  ssecast_listener_free(server.listener);
  ssecast_hub_free(server.hub);
}

static void closing_twice_is_an_error_and_streams_go_on(void) {
  ssecast_error error;
  struct server server;
  struct stream client;
  ssecast_listen_config config = config_of(&server);
  uint16_t port = serve(&server, &config);
  ask(&client, port, "/ticks", "");
  EVENTUALLY(atomic_load(&server.opened) == 1);
  CHECK_OK(ssecast_listener_close(server.listener, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_listener_close(server.listener, &error));
  publish(server.hub, "ticks", "1");
  EVENTUALLY(stream_has(&client, "data: 1\n\n"));
  /* In this order, too: the listener outlives its hub. */
  ssecast_hub_free(server.hub);
  ssecast_listener_free(server.listener);
  EVENTUALLY(atomic_load(&server.closed) == 1);
  ssecast_connection_free(atomic_load(&server.connection));
  stream_finish(&client);
  close(client.socket);
}

static void a_source_that_asked_is_told_when_all_is_out(void) {
  ssecast_error error;
  struct server server;
  struct stream client;
  size_t pending = 0;
  ssecast_event event = event_of("x");
  ssecast_listen_config config = config_of(&server);
  uint16_t port = serve(&server, &config);
  ask(&client, port, "/ticks", "");
  EVENTUALLY(atomic_load(&server.opened) == 1);
  while (pending == 0) {
    CHECK_OK(ssecast_connection_send(atomic_load(&server.connection), &event, &error));
    CHECK_OK(ssecast_connection_pending_bytes(atomic_load(&server.connection), &pending, &error));
    stream_read(&client, 0);
    client.length = 0;
  }
  EVENTUALLY(atomic_load(&server.drained) >= 1);
  stop(&server, 1);
  close(client.socket);
}

/* A client of its own for each request: who it is, and what became of it. */
struct guest {
  char name[16];
  struct server *server;
  _Atomic(ssecast_connection *) connection;
  atomic_int closed, drained;
  atomic_uint reason;
};

static struct guest guests[2];

static void guest_on_open(void *user_data, ssecast_connection *connection) {
  struct guest *guest = user_data;
  CHECK(ssecast_connection_user_data(connection) == guest);
  atomic_store(&guest->connection, connection);
}

static void guest_on_close(void *user_data, ssecast_reason reason, bool cut) {
  struct guest *guest = user_data;
  (void)cut;
  atomic_store(&guest->reason, reason);
  atomic_fetch_add(&guest->closed, 1);
}

static void route_to_guests(void *user_data, const ssecast_request *request, ssecast_responder *responder) {
  struct server *server = user_data;
  ssecast_error error;
  ssecast_slice topics[1] = {text("ticks")};
  ssecast_slice name = ssecast_request_query_value(request, "name");
  ssecast_header headers[1] = {{text("Set-Cookie"), text("seen=1")}};
  ssecast_stream_config stream;
  ssecast_refusal refusal;
  CHECK(ssecast_stream_config_init(&stream, sizeof stream) == SSECAST_OK);
  CHECK(ssecast_refusal_init(&refusal, sizeof refusal) == SSECAST_OK && refusal.status == 403);
  if (name.data == NULL) {
    headers[0] = (ssecast_header){text("WWW-Authenticate"), text("Bearer")};
    refusal.headers = headers;
    refusal.headers_len = 1;
    refusal.body = text("{\"error\":\"who are you?\"}");
    refusal.status = 302;
    CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_responder_refuse_with(responder, &refusal, &error));
    CHECK(strcmp(error.field, "headers") == 0);
    refusal.status = 70000;
    CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_responder_refuse_with(responder, &refusal, &error));
    CHECK(strcmp(error.field, "status") == 0);
    refusal.status = 401;
    CHECK_OK(ssecast_responder_refuse_with(responder, &refusal, &error));
    CHECK_FAILS(SSECAST_ENDED, ssecast_responder_refuse_with(responder, &refusal, &error));
  } else {
    struct guest *guest = &guests[name.data[0] == 'b'];
    memset(guest, 0, sizeof *guest);
    memcpy(guest->name, name.data, name.len);
    guest->server = server;
    stream.topics = topics;
    stream.topics_len = 1;
    stream.replay = SSECAST_REPLAY_ALL;
    stream.headers = headers;
    stream.headers_len = 1;
    /* The second has nothing of its own but who it is: the listener's callbacks hear of it. */
    if (guest == &guests[0]) stream.on_open = guest_on_open, stream.on_close = guest_on_close;
    stream.user_data = guest;
    CHECK_OK(ssecast_responder_allow_stream(responder, &stream, &error));
    CHECK_FAILS(SSECAST_ENDED, ssecast_responder_allow_stream(responder, &stream, &error));
  }
  ssecast_responder_free(responder);
}

static void a_route_says_who_a_client_is_and_sends_to_it_alone(void) {
  ssecast_error error;
  struct server server;
  struct stream ann, bob, nobody;
  uint64_t number;
  ssecast_connection *handle;
  ssecast_slice news = text("news");
  ssecast_event private = event_of("for ann");
  ssecast_listen_config config = config_of(&server);
  uint16_t port;
  config.route = route_to_guests;
  port = serve(&server, &config);
  publish(server.hub, "ticks", "before");
  ask(&nobody, port, "/", "");
  stream_finish(&nobody);
  CHECK(strncmp(nobody.bytes, "HTTP/1.1 401 Unauthorized\r\n", 27) == 0);
  CHECK(strstr(nobody.bytes, "WWW-Authenticate: Bearer\r\n") && strstr(nobody.bytes, "\r\n\r\n{\"error\":\"who are you?\"}"));
  ask(&ann, port, "/?name=ann", "");
  ask(&bob, port, "/?name=bob", "");
  EVENTUALLY(stream_has(&ann, "data: before\n\n") && stream_has(&bob, "data: before\n\n"));
  CHECK(strstr(ann.bytes, "Set-Cookie: seen=1\r\n") != NULL);
  EVENTUALLY(atomic_load(&guests[0].connection) != NULL && atomic_load(&server.connection) != NULL);
  handle = atomic_load(&guests[0].connection);
  CHECK(ssecast_connection_user_data(atomic_load(&server.connection)) == &guests[1]);
  CHECK_OK(ssecast_connection_stream(atomic_load(&server.connection), &number, &error));
  CHECK(number == atomic_load(&server.opened_stream) && atomic_load(&server.opened) == 1);
  CHECK_OK(ssecast_connection_send(handle, &private, &error));
  CHECK_OK(ssecast_connection_change_topics(handle, &news, 1, NULL, 0, &error));
  publish(server.hub, "news", "of the day");
  publish(server.hub, "ticks", "last");
  EVENTUALLY(stream_has(&ann, "data: last\n\n") && stream_has(&bob, "data: last\n\n"));
  CHECK(strstr(ann.bytes, "data: for ann\n\n") && strstr(ann.bytes, "data: of the day\n\n"));
  CHECK(!strstr(bob.bytes, "for ann") && !strstr(bob.bytes, "of the day"));
  CHECK_OK(ssecast_connection_disconnect(handle, SSECAST_REASON_SERVER, &error));
  stream_finish(&ann);
  EVENTUALLY(atomic_load(&guests[0].closed) == 1);
  CHECK(atomic_load(&guests[0].reason) == SSECAST_REASON_SERVER && atomic_load(&server.closed) == 0);
  ssecast_connection_free(handle);
  /* A stream that never begins has its end, too. */
  ask(&nobody, port, "/?name=ann", "Last-Event-ID: ssecast-finished\r\n");
  stream_finish(&nobody);
  CHECK(strncmp(nobody.bytes, "HTTP/1.1 204 ", 13) == 0);
  EVENTUALLY(atomic_load(&guests[0].closed) == 1);
  close(bob.socket);
  stop(&server, 1);
  close(ann.socket), close(nobody.socket);
}

/* Uses the hub, and ends its own listener. */
static void farewell(void *user_data, const ssecast_request *request, ssecast_responder *responder) {
  ssecast_error error;
  struct server *server = user_data;
  (void)request;
  publish(server->hub, "ticks", "from inside");
  CHECK_OK(ssecast_responder_refuse(responder, 403, &error));
  ssecast_responder_free(responder);
  ssecast_listener_free(server->listener);
  CHECK_OK(ssecast_hub_close(server->hub, NULL, 0, &error));
  atomic_fetch_add(&server->opened, 1);
}

static void a_route_may_call_the_library_and_free_its_own_listener(void) {
  struct server server;
  struct stream client;
  ssecast_listen_config config = config_of(&server);
  uint16_t port;
  config.route = farewell;
  port = serve(&server, &config);
  ask(&client, port, "/", "");
  stream_finish(&client);
  CHECK(strncmp(client.bytes, "HTTP/1.1 403 ", 13) == 0 || strncmp(client.bytes, "HTTP/1.1 503 ", 13) == 0);
  EVENTUALLY(atomic_load(&server.opened) == 1);
  CHECK(stats_of(server.hub).published == 1 && ssecast_hub_is_closed(server.hub));
  ssecast_hub_free(server.hub);
  close(client.socket);
}

int main(void) {
  TEST("the route sees the request, and the client gets the stream", the_route_sees_the_request_and_the_client_gets_the_stream);
  TEST("requests are refused with their status", requests_are_refused_with_their_status);
  TEST("an answer may come later, from another thread", an_answer_may_come_later_from_another_thread);
  TEST("topics by the query must be turned on", topics_by_the_query_must_be_turned_on);
  TEST("headers, path and origins are as configured", headers_path_and_origins_are_as_configured);
  TEST("an option out of range is named", an_option_out_of_range_is_named);
  TEST("closing twice is an error, and streams go on", closing_twice_is_an_error_and_streams_go_on);
  TEST("a source that asked is told when all is out", a_source_that_asked_is_told_when_all_is_out);
  TEST("a route says who a client is, and sends to it alone", a_route_says_who_a_client_is_and_sends_to_it_alone);
  TEST("a route may call the library, and free its own listener", a_route_may_call_the_library_and_free_its_own_listener);
  return 0;
}
