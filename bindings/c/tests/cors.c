/* A function that decides which pages of other origins may read the answers of a listener. */
#include <stdatomic.h>

#include "stream.h"

struct server {
  ssecast_hub *hub;
  ssecast_listener *listener;
  atomic_int asked;
};

static void route(void *user_data, const ssecast_request *request, ssecast_responder *responder) {
  ssecast_error error;
  ssecast_slice topic = text("ticks");
  (void)user_data;
  if (is(ssecast_request_path(request), "/private")) CHECK_OK(ssecast_responder_refuse(responder, 403, &error));
  else CHECK_OK(ssecast_responder_allow(responder, &topic, 1, &error));
  ssecast_responder_free(responder);
}

static int allows(void *user_data, ssecast_slice origin, const ssecast_request *request) {
  struct server *server = user_data;
  atomic_fetch_add(&server->asked, 1);
  CHECK(origin.len == ssecast_request_header(request, "origin").len);
  publish(server->hub, "asked", "from inside");
  if (is(ssecast_request_path(request), "/unknown")) return -1;
  return is(origin, "https://app.example");
}

static ssecast_listen_config config_of(struct server *server) {
  ssecast_listen_config config;
  CHECK(ssecast_listen_config_init(&config, sizeof config) == SSECAST_OK && config.cors_allows == NULL);
  memset(server, 0, sizeof *server);
  server->hub = quiet_hub();
  config.route = route;
  config.cors_allows = allows;
  config.cors_credentials = 1;
  config.user_data = server;
  return config;
}

/* Asks, and looks at the head: its status, and which origin it allows. */
static void check(struct server *server, const char *line, const char *origin, const char *status, const char *allowed) {
  struct stream client;
  char request[512], wanted[128];
  tcp_connect(&client, ssecast_listener_port(server->listener));
  snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n", line, origin,
           strncmp(line, "OPTIONS", 7) == 0 ? "Access-Control-Request-Method: GET\r\n" : "");
  say(&client, request);
  EVENTUALLY(stream_has(&client, "\r\n\r\n"));
  if (strncmp(client.bytes + 9, status, 3) != 0) check_failed(line, 0, client.bytes);
  snprintf(wanted, sizeof wanted, "\r\nAccess-Control-Allow-Origin: %s\r\nAccess-Control-Allow-Credentials: true\r\n", allowed);
  if (allowed[0] != 0 ? strstr(client.bytes, wanted) == NULL : strstr(client.bytes, "Allow-Origin") != NULL) {
    check_failed(line, 1, client.bytes);
  }
  if (strstr(client.bytes, "\r\nVary: Origin\r\n") == NULL) check_failed(line, 2, client.bytes);
  close(client.socket);
}

static void a_function_decides_on_streams_refusals_and_preflights(void) {
  static const char *const CASES[][2] = {
      {"GET /", "200"}, {"HEAD /", "200"}, {"OPTIONS /", "204"}, {"GET /private", "403"}, {"POST /", "405"},
  };
  ssecast_error error;
  struct server server;
  ssecast_listen_config config = config_of(&server);
  CHECK_OK(ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  for (size_t each = 0; each < sizeof CASES / sizeof *CASES; each++) {
    check(&server, CASES[each][0], "Origin: https://app.example\r\n", CASES[each][1], "https://app.example");
    check(&server, CASES[each][0], "Origin: https://other.example\r\n", CASES[each][1], "");
    CHECK(atomic_load(&server.asked) == 2 * (int)(each + 1));
    /* Where there is no origin there is nothing to decide. */
    check(&server, CASES[each][0], "", CASES[each][1], "");
    CHECK(atomic_load(&server.asked) == 2 * (int)(each + 1));
  }
  ssecast_listener_free(server.listener);
  ssecast_hub_free(server.hub);
}

static void a_function_that_can_not_tell_has_the_request_answered_500(void) {
  ssecast_error error;
  struct server server;
  ssecast_listen_config config = config_of(&server);
  CHECK_OK(ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  check(&server, "GET /unknown", "Origin: https://app.example\r\n", "500", "");
  check(&server, "OPTIONS /unknown", "Origin: https://app.example\r\n", "500", "");
  check(&server, "GET /", "Origin: https://app.example\r\n", "200", "https://app.example");
  ssecast_listener_free(server.listener);
  ssecast_hub_free(server.hub);
}

/* Ends its own listener. */
static int farewell(void *user_data, ssecast_slice origin, const ssecast_request *request) {
  struct server *server = user_data;
  (void)origin, (void)request;
  ssecast_listener_free(server->listener);
  atomic_fetch_add(&server->asked, 1);
  return 1;
}

static void a_function_may_free_its_own_listener(void) {
  ssecast_error error;
  struct server server;
  struct stream client;
  ssecast_listen_config config = config_of(&server);
  config.cors_allows = farewell;
  CHECK_OK(ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  tcp_connect(&client, ssecast_listener_port(server.listener));
  say(&client, "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n\r\n");
  stream_finish(&client);
  CHECK(strncmp(client.bytes, "HTTP/1.1 200 ", 13) == 0 || strncmp(client.bytes, "HTTP/1.1 503 ", 13) == 0);
  CHECK(atomic_load(&server.asked) == 1);
  ssecast_hub_free(server.hub);
  close(client.socket);
}

static void either_a_function_decides_or_a_list(void) {
  ssecast_error error;
  struct server server;
  ssecast_slice origin = text("https://app.example");
  ssecast_listen_config config = config_of(&server);
  config.cors_origins = &origin;
  config.cors_origins_len = 1;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_listen(server.hub, &config, &server.listener, &error));
  CHECK(strcmp(error.field, "cors_origins") == 0 && strstr(error.message, "cors_allows") != NULL);
  ssecast_hub_free(server.hub);
}

int main(void) {
  TEST("a function decides on streams, refusals and preflights", a_function_decides_on_streams_refusals_and_preflights);
  TEST("a function that can't tell has the request answered 500", a_function_that_can_not_tell_has_the_request_answered_500);
  TEST("a function may free its own listener", a_function_may_free_its_own_listener);
  TEST("either a function decides, or a list", either_a_function_decides_or_a_list);
  return 0;
}
