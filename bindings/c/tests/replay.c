/* What a client without a last event ID begins with, on each way out. */
#include "stream.h"

static const ssecast_slice TOPICS[] = {{"ticks", 5}, {"news", 4}};

/* A hub that has five events, in two topics, and one that no client may read. The id of the third is written. */
static ssecast_hub *hub_with_history(char *third) {
  ssecast_error error;
  ssecast_published published = {.size = sizeof published};
  ssecast_event event = event_of("3");
  ssecast_hub *hub = quiet_hub();
  publish(hub, "ticks", "1");
  publish(hub, "news", "2");
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, &published, &error));
  memcpy(third, published.id, sizeof published.id);
  publish(hub, "news", "4");
  publish(hub, "others", "not for it");
  publish(hub, "ticks", "5");
  return hub;
}

/* The last of the data that is expected is to be published. */
static const char *last_of(const char *expected) {
  const char *space = strrchr(expected, ' ');
  return space == NULL ? expected : space + 1;
}

/* Waits for the last of the data that is expected, and checks what came before. */
static void check_stream(struct stream *client, const char *expected) {
  char data[64] = "", last[32];
  snprintf(last, sizeof last, "data: %s\n\n", last_of(expected));
  EVENTUALLY(stream_has(client, last));
  for (const char *at = client->bytes; (at = strstr(at, "data: ")) != NULL; at += 6) {
    snprintf(data + strlen(data), sizeof data - strlen(data), "%s%.*s", data[0] == 0 ? "" : " ", (int)strcspn(at + 6, "\n"), at + 6);
  }
  if (strcmp(data, expected) != 0) check_failed(expected, 0, data);
  close(client->socket);
}

static const struct {
  uint64_t replay;
  int resumes;
  const char *expected;
} CASES[] = {
    {0, 0, "live"},
    {SSECAST_ZERO, 0, "live"},
    {SSECAST_OFF, 0, "live"},
    {1, 0, "5 live"},
    {3, 0, "3 4 5 live"},
    {100, 0, "1 2 3 4 5 live"},
    {SSECAST_REPLAY_ALL, 0, "1 2 3 4 5 live"},
    /* What a client has is not repeated. */
    {SSECAST_REPLAY_ALL, 1, "4 5 live"},
    {1, 1, "4 5 live"},
};
#define EACH_CASE(at) for (size_t at = 0; at < sizeof CASES / sizeof CASES[0]; at++)

static void an_attached_socket_begins_with_history(void) {
  EACH_CASE(at) {
    char id[56];
    ssecast_error error;
    ssecast_attach_config config;
    struct stream client;
    ssecast_hub *hub = hub_with_history(id);
    int socket = connected(&client);
    CHECK(ssecast_attach_config_init(&config, sizeof config) == SSECAST_OK && config.replay == 0);
    config.topics = TOPICS;
    config.topics_len = 2;
    config.framing = SSECAST_FRAMING_RAW;
    config.replay = CASES[at].replay;
    if (CASES[at].resumes) config.last_event_id = text(id);
    CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
    publish(hub, "news", "live");
    check_stream(&client, CASES[at].expected);
    ssecast_hub_free(hub);
    close(socket);
  }
}

static void a_subscription_begins_with_history(void) {
  EACH_CASE(at) {
    char id[56];
    ssecast_error error;
    ssecast_slice bytes;
    ssecast_subscription *subscription;
    ssecast_subscription_config config;
    struct stream client;
    ssecast_hub *hub = hub_with_history(id);
    int socket = connected(&client);
    CHECK(ssecast_subscription_config_init(&config, sizeof config) == SSECAST_OK && config.replay == 0);
    config.topics = TOPICS;
    config.topics_len = 2;
    config.replay = CASES[at].replay;
    if (CASES[at].resumes) config.last_event_id = text(id);
    CHECK_OK(ssecast_hub_subscribe(hub, &config, &subscription, &error));
    publish(hub, "news", "live");
    while (ssecast_subscription_next(subscription, &bytes, &error) == SSECAST_OK) {
      CHECK(write(socket, bytes.data, bytes.len) == (ssize_t)bytes.len);
    }
    check_stream(&client, CASES[at].expected);
    ssecast_subscription_free(subscription);
    ssecast_hub_free(hub);
    close(socket);
  }
}

/* The listener's own number is that of the case; these paths say others. */
static void route(void *user_data, const ssecast_request *request, ssecast_responder *responder) {
  ssecast_error error;
  (void)user_data;
  if (is(ssecast_request_path(request), "/all")) {
    CHECK_OK(ssecast_responder_allow_with_replay(responder, TOPICS, 2, SSECAST_REPLAY_ALL, &error));
    CHECK_FAILS(SSECAST_ENDED, ssecast_responder_allow_with_replay(responder, TOPICS, 2, 0, &error));
  } else if (is(ssecast_request_path(request), "/live")) {
    ssecast_slice empty = text("");
    CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_responder_allow_with_replay(responder, &empty, 1, 0, &error));
    CHECK_OK(ssecast_responder_allow_with_replay(responder, TOPICS, 2, 0, &error));
  } else {
    CHECK_OK(ssecast_responder_allow(responder, TOPICS, 2, &error));
  }
  ssecast_responder_free(responder);
}

static void check_request(ssecast_hub *hub, ssecast_listener *listener, const char *target, const char *id, const char *expected) {
  char request[256];
  struct stream client;
  tcp_connect(&client, ssecast_listener_port(listener));
  snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: localhost\r\n%s%s\r\n\r\n", target,
           id == NULL ? "" : "Last-Event-ID: ", id == NULL ? "" : id);
  say(&client, request);
  EVENTUALLY(stream_has(&client, "\r\n\r\n") && stats_of(hub).connections == 1);
  publish(hub, "news", last_of(expected));
  check_stream(&client, expected);
  EVENTUALLY(stats_of(hub).connections == 0);
}

static void a_listeners_streams_begin_with_history(void) {
  EACH_CASE(at) {
    char id[56];
    ssecast_error error;
    ssecast_listener *listener;
    ssecast_listen_config config;
    ssecast_hub *hub = hub_with_history(id);
    CHECK(ssecast_listen_config_init(&config, sizeof config) == SSECAST_OK && config.replay == 0);
    config.route = route;
    config.replay = CASES[at].replay;
    CHECK_OK(ssecast_hub_listen(hub, &config, &listener, &error));
    check_request(hub, listener, "/", CASES[at].resumes ? id : NULL, CASES[at].expected);
    check_request(hub, listener, "/live", NULL, "again");
    check_request(hub, listener, "/all", NULL, "1 2 3 4 5 live again last");
    ssecast_listener_free(listener);
    ssecast_hub_free(hub);
  }
}

int main(void) {
  TEST("an attached socket begins with history", an_attached_socket_begins_with_history);
  TEST("a subscription begins with history", a_subscription_begins_with_history);
  TEST("a listener's streams begin with history", a_listeners_streams_begin_with_history);
  return 0;
}
