/* Sockets that the engine writes to. */
#include <stdatomic.h>
#include <sys/resource.h>

#include "stream.h"

/* What the callbacks told. They run on threads of the engine. */
struct ending {
  atomic_int closed, drained;
  atomic_uint reason;
  atomic_bool cut;
};

static void on_close(void *user_data, ssecast_reason reason, bool cut) {
  struct ending *ending = user_data;
  atomic_store(&ending->reason, reason);
  atomic_store(&ending->cut, cut);
  atomic_fetch_add(&ending->closed, 1);
}

static void on_drain(void *user_data) {
  atomic_fetch_add(&((struct ending *)user_data)->drained, 1);
}

static const ssecast_slice TICKS[] = {{"ticks", 5}};

static ssecast_attach_config config_of(struct ending *ending) {
  ssecast_attach_config config;
  CHECK(ssecast_attach_config_init(&config, sizeof config) == SSECAST_OK);
  CHECK(config.framing == SSECAST_FRAMING_DEFAULT && config.released == 0);
  memset(ending, 0, sizeof *ending);
  config.topics = TICKS;
  config.topics_len = 1;
  config.framing = SSECAST_FRAMING_RAW;
  config.on_close = on_close;
  config.on_drain = on_drain;
  config.user_data = ending;
  return config;
}

static void what_is_published_arrives_framed_or_raw(void) {
  ssecast_error error;
  struct ending endings[2];
  struct stream raw, chunked;
  ssecast_connection *connections[2];
  ssecast_hub *hub = quiet_hub();
  int raw_socket = connected(&raw), chunked_socket = connected(&chunked);
  ssecast_attach_config config = config_of(&endings[0]);
  ssecast_event event = event_of("1");
  ssecast_published published = {.size = sizeof published};
  CHECK_OK(ssecast_hub_attach_socket(hub, raw_socket, &config, &connections[0], &error));
  config = config_of(&endings[1]);
  config.framing = SSECAST_FRAMING_CHUNKED;
  CHECK_OK(ssecast_hub_attach_socket(hub, chunked_socket, &config, &connections[1], &error));
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, &published, &error));
  CHECK(published.subscribers == 2);
  EVENTUALLY(stream_has(&raw, "data: 1\n\n"));
  EVENTUALLY(stream_has(&chunked, "data: 1\n\n\r\n"));
  CHECK(strncmp(raw.bytes, "id: ", 4) == 0 && strstr(raw.bytes, published.id) != NULL);
  CHECK(chunked.bytes[0] != 'i');
  for (int at = 0; at < 2; at++) ssecast_connection_free(connections[at]);
  ssecast_hub_free(hub);
  for (int at = 0; at < 2; at++) EVENTUALLY(atomic_load(&endings[at].closed) == 1);
  close(raw_socket), close(chunked_socket), close(raw.socket), close(chunked.socket);
}

static void detaching_gives_the_socket_back_whole(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_connection *connection;
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  ssecast_event private = event_of("alone");
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, &connection, &error));
  CHECK_FAILS(SSECAST_ATTACHED, ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  publish(hub, "ticks", "1");
  CHECK_OK(ssecast_connection_send(connection, &private, &error));
  CHECK_OK(ssecast_connection_detach(connection, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_detach(connection, &error));
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  CHECK(atomic_load(&ending.reason) == SSECAST_REASON_SERVER && !atomic_load(&ending.cut));
  publish(hub, "ticks", "2");
  CHECK(send(socket, "the response's end", 18, 0) == 18);
  EVENTUALLY(stream_has(&client, "the response's end"));
  CHECK(strstr(client.bytes, "data: 1\n\ndata: alone\n\nthe response's end") != NULL);
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_send(connection, &private, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_change_topics(connection, TICKS, 1, NULL, 0, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_disconnect(connection, SSECAST_REASON_CLIENT, &error));
  ssecast_connection_free(connection);
  /* The socket may serve its next request. */
  config = config_of(&ending);
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  CHECK(atomic_load(&ending.reason) == SSECAST_REASON_SHUTDOWN);
  close(socket), close(client.socket);
}

static void the_head_is_sent_before_the_stream_or_not_at_all(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  ssecast_slice none = {"", 0};
  config.head = text("the head\r\n\r\n");
  config.topics = &none;
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  config.topics = TICKS;
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  publish(hub, "ticks", "1");
  EVENTUALLY(stream_has(&client, "data: 1\n\n"));
  CHECK(strncmp(client.bytes, "the head\r\n\r\nid: ", 16) == 0 && count(client.bytes, "the head") == 1);
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  close(socket), close(client.socket);
}

static void a_client_comes_back_with_its_id_and_misses_nothing(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_published first = {.size = sizeof first};
  ssecast_event event = event_of("1");
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, &first, &error));
  publish(hub, "ticks", "2");
  publish(hub, "others", "3");
  config.last_event_id = text(first.id);
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  publish(hub, "ticks", "4");
  EVENTUALLY(stream_has(&client, "data: 4\n\n"));
  CHECK(strstr(client.bytes, "data: 1") == NULL && strstr(client.bytes, "data: 3") == NULL);
  CHECK(count(client.bytes, "data: 2\n") == 1 && count(client.bytes, "event: reset") == 0);
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  close(socket), close(client.socket);
}

static void an_id_that_is_not_utf8_is_unknown(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  config.last_event_id.data = "\xff";
  config.last_event_id.len = 1;
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  EVENTUALLY(stream_has(&client, "{\"reason\":\"unknown\",\"missed\":null}"));
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  close(socket), close(client.socket);
}

static void topics_change_while_it_runs(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_connection *connection;
  ssecast_slice news = text("news"), bad = text("");
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, &connection, &error));
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_connection_change_topics(connection, &bad, 1, NULL, 0, &error));
  CHECK_OK(ssecast_connection_change_topics(connection, &news, 1, TICKS, 1, &error));
  publish(hub, "ticks", "not for it");
  publish(hub, "news", "for it");
  EVENTUALLY(stream_has(&client, "data: for it\n\n"));
  CHECK(strstr(client.bytes, "not for it") == NULL);
  ssecast_connection_free(connection);
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  close(socket), close(client.socket);
}

static void one_is_thrown_out_and_the_others_stay(void) {
  ssecast_error error;
  struct ending endings[2];
  struct stream clients[2];
  ssecast_connection *connections[2];
  int sockets[2];
  ssecast_hub *hub = quiet_hub();
  for (int at = 0; at < 2; at++) {
    ssecast_attach_config config = config_of(&endings[at]);
    sockets[at] = connected(&clients[at]);
    CHECK_OK(ssecast_hub_attach_socket(hub, sockets[at], &config, &connections[at], &error));
  }
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_connection_disconnect(connections[0], SSECAST_REASON_LAGGED, &error));
  CHECK_OK(ssecast_connection_disconnect(connections[0], SSECAST_REASON_SERVER, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_disconnect(connections[0], SSECAST_REASON_SERVER, &error));
  EVENTUALLY(atomic_load(&endings[0].closed) == 1);
  CHECK(atomic_load(&endings[0].reason) == SSECAST_REASON_SERVER && atomic_load(&endings[0].cut));
  stream_finish(&clients[0]);
  publish(hub, "ticks", "1");
  EVENTUALLY(stream_has(&clients[1], "data: 1\n\n"));
  EVENTUALLY(stats_of(hub).connections == 1);
  CHECK(stats_of(hub).disconnects_server == 1);
  ssecast_hub_free(hub);
  for (int at = 0; at < 2; at++) {
    EVENTUALLY(atomic_load(&endings[at].closed) == 1);
    ssecast_connection_free(connections[at]);
    close(sockets[at]), close(clients[at].socket);
  }
}

static void what_is_sent_to_one_alone_is_counted_and_bounded(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_connection *connection;
  ssecast_hub_config hub_config;
  ssecast_hub *hub;
  size_t pending = 0, sent = 0;
  ssecast_result result;
  char data[4001];
  ssecast_event event;
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  memset(data, 'x', sizeof data - 1);
  data[sizeof data - 1] = 0;
  event = event_of(data);
  ssecast_hub_config_init(&hub_config, sizeof hub_config);
  hub_config.threads = 1;
  hub_config.slow_client_policy = SSECAST_POLICY_DISCONNECT;
  hub_config.max_backlog_bytes = 4 << 20;
  CHECK_OK(ssecast_hub_new(&hub_config, &hub, &error));
  config.topics_len = 0;
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, &connection, &error));
  /* The client does not read: the socket's buffer fills, then the limit is reached. */
  while ((result = ssecast_connection_send(connection, &event, &error)) == SSECAST_OK || result == SSECAST_BACKLOG_FULL) {
    if (result == SSECAST_BACKLOG_FULL) continue;
    sent += 4007;
    CHECK(sent < 16 << 20);
    if (pending == 0 && sent > 1 << 20) CHECK_OK(ssecast_connection_pending_bytes(connection, &pending, &error));
  }
  CHECK(result == SSECAST_TOO_MUCH_PENDING || result == SSECAST_ENDED);
  CHECK(pending > 0);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  CHECK(atomic_load(&ending.reason) == SSECAST_REASON_LAGGED && atomic_load(&ending.cut));
  CHECK_OK(ssecast_connection_pending_bytes(connection, &pending, &error));
  CHECK(pending == 0);
  ssecast_connection_free(connection);
  ssecast_hub_free(hub);
  close(socket), close(client.socket);
}

static void a_client_whose_stream_is_finished_is_told_so(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_connection *connection;
  char *id, *end;
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, &connection, &error));
  publish(hub, "ticks", "1");
  CHECK_OK(ssecast_connection_finish(connection, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_finish(connection, &error));
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  CHECK(atomic_load(&ending.reason) == SSECAST_REASON_SERVER && !atomic_load(&ending.cut));
  close(socket);
  stream_finish(&client);
  id = strstr(client.bytes, "data: 1\n\n");
  CHECK(id != NULL && strncmp(id += strlen("data: 1\n\n"), "id: ", 4) == 0 && (end = strstr(id, "\n\n")) != NULL);
  *end = 0;
  CHECK(ssecast_is_finished(text(id + 4)));
  ssecast_connection_free(connection);
  ssecast_hub_free(hub);
  close(client.socket);
}

static void a_source_that_asked_is_told_when_all_is_out(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_connection *connection;
  size_t pending = 0;
  ssecast_event event = event_of("x");
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, &connection, &error));
  for (;;) {
    CHECK_OK(ssecast_connection_send(connection, &event, &error));
    CHECK_OK(ssecast_connection_pending_bytes(connection, &pending, &error));
    if (pending > 0) break;
    /* The thread was faster; read, and try again. */
    stream_read(&client, 0);
    client.length = 0;
  }
  EVENTUALLY(atomic_load(&ending.drained) >= 1);
  ssecast_connection_free(connection);
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  close(socket), close(client.socket);
}

static void a_released_socket_is_the_engines_to_end(void) {
  ssecast_error error;
  struct ending endings[2];
  struct stream clients[2];
  ssecast_hub *hub = quiet_hub();
  for (int at = 0; at < 2; at++) {
    ssecast_attach_config config = config_of(&endings[at]);
    int socket = connected(&clients[at]);
    config.released = 1;
    config.framing = SSECAST_FRAMING_CHUNKED;
    CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
    close(socket);
  }
  close(clients[0].socket);
  EVENTUALLY(atomic_load(&endings[0].closed) == 1);
  CHECK(atomic_load(&endings[0].reason) == SSECAST_REASON_CLIENT);
  publish(hub, "ticks", "last");
  CHECK_OK(ssecast_hub_close(hub, NULL, 10000, &error));
  stream_finish(&clients[1]);
  CHECK(strstr(clients[1].bytes, "data: last\n\n") != NULL);
  CHECK(strcmp(clients[1].bytes + clients[1].length - 5, "0\r\n\r\n") == 0);
  EVENTUALLY(atomic_load(&endings[1].closed) == 1);
  CHECK(atomic_load(&endings[1].reason) == SSECAST_REASON_SHUTDOWN);
  ssecast_hub_free(hub);
  close(clients[1].socket);
}

static void closing_says_goodbye_within_the_grace(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  ssecast_event goodbye = event_of("goodbye");
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  publish(hub, "ticks", "1");
  CHECK_OK(ssecast_hub_close(hub, &goodbye, 10000, &error));
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  CHECK(!atomic_load(&ending.cut));
  EVENTUALLY(stream_has(&client, "data: goodbye\n\nretry: "));
  CHECK(strstr(client.bytes, "data: 1\n\ndata: goodbye") != NULL);
  CHECK_FAILS(SSECAST_CLOSED, ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  ssecast_hub_free(hub);
  close(socket), close(client.socket);
}

static void what_is_no_connected_stream_socket_is_refused(void) {
  ssecast_error error;
  struct ending ending;
  int ends[2], unconnected, datagram;
  ssecast_hub *hub = quiet_hub();
  ssecast_attach_config config = config_of(&ending);
  CHECK(pipe(ends) == 0);
  unconnected = socket(AF_INET, SOCK_STREAM, 0);
  datagram = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK_FAILS(SSECAST_INVALID_SOCKET, ssecast_hub_attach_socket(hub, -1, &config, NULL, &error));
  CHECK_FAILS(SSECAST_INVALID_SOCKET, ssecast_hub_attach_socket(hub, 9999, &config, NULL, &error));
  CHECK_FAILS(SSECAST_INVALID_SOCKET, ssecast_hub_attach_socket(hub, ends[1], &config, NULL, &error));
  CHECK_FAILS(SSECAST_INVALID_SOCKET, ssecast_hub_attach_socket(hub, unconnected, &config, NULL, &error));
  CHECK_FAILS(SSECAST_INVALID_SOCKET, ssecast_hub_attach_socket(hub, datagram, &config, NULL, &error));
  config.framing = 7;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_attach_socket(hub, unconnected, &config, NULL, &error));
  CHECK(stats_of(hub).connections == 0 && atomic_load(&ending.closed) == 0);
  ssecast_hub_free(hub);
  close(ends[0]), close(ends[1]), close(unconnected), close(datagram);
}

static void a_process_without_descriptors_is_told_so(void) {
  ssecast_error error;
  struct ending ending;
  struct stream client;
  struct rlimit before, few;
  int spare, opened[256], count = 0;
  ssecast_subscription *subscription;
  ssecast_subscription_config subscribes;
  ssecast_hub *hub = quiet_hub();
  int socket = connected(&client);
  ssecast_attach_config config = config_of(&ending);
  ssecast_subscription_config_init(&subscribes, sizeof subscribes);
  /* The thread has what it needs by then. */
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  few = before;
  few.rlim_cur = 200;
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  while ((spare = dup(client.socket)) >= 0) opened[count++] = spare;
  CHECK_FAILS(SSECAST_TOO_MANY_DESCRIPTORS, ssecast_hub_attach_socket(hub, client.socket, &config, NULL, &error));
  CHECK_FAILS(SSECAST_TOO_MANY_DESCRIPTORS, ssecast_hub_subscribe(hub, &subscribes, &subscription, &error));
  CHECK(stats_of(hub).connections == 1);
  while (count > 0) close(opened[--count]);
  CHECK_OK(ssecast_hub_subscribe(hub, &subscribes, &subscription, &error));
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
  EVENTUALLY(atomic_load(&ending.closed) == 1);
  close(socket), close(client.socket);
}

int main(void) {
  TEST("what is published arrives, in chunks or raw", what_is_published_arrives_framed_or_raw);
  TEST("detaching gives the socket back whole", detaching_gives_the_socket_back_whole);
  TEST("the head is sent before the stream, or not at all", the_head_is_sent_before_the_stream_or_not_at_all);
  TEST("a client comes back with its id and misses nothing", a_client_comes_back_with_its_id_and_misses_nothing);
  TEST("an id that is not UTF-8 is unknown", an_id_that_is_not_utf8_is_unknown);
  TEST("topics change while it runs", topics_change_while_it_runs);
  TEST("one is thrown out, and the others stay", one_is_thrown_out_and_the_others_stay);
  TEST("what is sent to one alone is counted and bounded", what_is_sent_to_one_alone_is_counted_and_bounded);
  TEST("a client whose stream is finished is told so", a_client_whose_stream_is_finished_is_told_so);
  TEST("a source that asked is told when all is out", a_source_that_asked_is_told_when_all_is_out);
  TEST("a released socket is the engine's to end", a_released_socket_is_the_engines_to_end);
  TEST("closing says goodbye within the grace", closing_says_goodbye_within_the_grace);
  TEST("what is no connected stream socket is refused", what_is_no_connected_stream_socket_is_refused);
  TEST("a process without descriptors is told so", a_process_without_descriptors_is_told_so);
  return 0;
}
