/* The hub: options, publishing, ids, counters, closing. */
#include "stream.h"

static void the_defaults_are_those_of_every_language(void) {
  ssecast_hub_config config;
  CHECK(ssecast_hub_config_init(&config, sizeof config) == SSECAST_OK);
  CHECK(config.size == sizeof config);
  CHECK(config.history_events == 1000 && config.history_bytes == 8 << 20 && config.history_ms == 300000);
  CHECK(config.slow_client_bytes == 1 << 20 && config.slow_client_ms == 30000);
  CHECK(config.heartbeat_ms == 15000 && config.retry_ms == 2000 && is(config.reset_event, "reset"));
  CHECK(config.max_connections == 100000 && config.max_topics == 100000 && config.max_event_bytes == 1 << 20);
  CHECK(config.slow_client_policy == SSECAST_POLICY_DISCONNECT && config.threads == 0);
  CHECK(config.max_backlog_bytes == 64 << 20);
}

static void an_option_out_of_range_is_named(void) {
  ssecast_error error;
  ssecast_hub_config config;
  ssecast_hub *hub = NULL;
  struct {
    size_t option;
    const char *name;
  } zeros[] = {
      {offsetof(ssecast_hub_config, history_ms), "history_ms"},
      {offsetof(ssecast_hub_config, slow_client_bytes), "slow_client_bytes"},
      {offsetof(ssecast_hub_config, slow_client_ms), "slow_client_ms"},
      {offsetof(ssecast_hub_config, heartbeat_ms), "heartbeat_ms"},
      {offsetof(ssecast_hub_config, max_connections), "max_connections"},
      {offsetof(ssecast_hub_config, max_topics), "max_topics"},
      {offsetof(ssecast_hub_config, max_event_bytes), "max_event_bytes"},
      {offsetof(ssecast_hub_config, max_backlog_bytes), "max_backlog_bytes"},
  };
  for (size_t at = 0; at < sizeof zeros / sizeof *zeros; at++) {
    ssecast_hub_config_init(&config, sizeof config);
    *(uint64_t *)(void *)((char *)&config + zeros[at].option) = SSECAST_ZERO;
    CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_new(&config, &hub, &error));
    CHECK(strcmp(error.field, zeros[at].name) == 0 && strcmp(error.option, zeros[at].name) == 0);
  }
  ssecast_hub_config_init(&config, sizeof config);
  config.history_events = config.history_bytes = config.history_ms = SSECAST_OFF;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_new(&config, &hub, &error));
  ssecast_hub_config_init(&config, sizeof config);
  config.slow_client_policy = 7;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_new(&config, &hub, &error));
  CHECK(strcmp(error.field, "slow_client_policy") == 0);
  ssecast_hub_config_init(&config, sizeof config);
  config.reset_event = text("a\nb");
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_new(&config, &hub, &error));
  CHECK(strcmp(error.field, "reset_event") == 0);
  CHECK(hub == NULL);
}

static void a_structure_that_is_zero_but_for_its_size_has_the_defaults(void) {
  ssecast_error error;
  ssecast_hub_config config = {.size = sizeof config, .max_topics = 3};
  ssecast_event event = {.size = sizeof event, .data = {"x", 1}};
  ssecast_attach_config attach = {.size = sizeof attach};
  ssecast_subscription_config subscribe = {.size = sizeof subscribe};
  ssecast_listen_config listen = {.size = sizeof listen, .query_topics = 1};
  ssecast_subscription *subscription;
  ssecast_connection *connection;
  ssecast_listener *listener;
  ssecast_slice topic = {"t", 1}, bytes;
  ssecast_hub *hub;
  char encoded[64];
  size_t length;
  CHECK_OK(ssecast_event_encode(&event, encoded, sizeof encoded, &length, &error));
  CHECK(length == 9 && memcmp(encoded, "data: x\n\n", 9) == 0);
  event.retry = SSECAST_ZERO;
  CHECK_OK(ssecast_event_encode(&event, encoded, sizeof encoded, &length, &error));
  CHECK(memcmp(encoded, "retry: 0\ndata: x\n\n", length) == 0);
  event.retry = SSECAST_OFF;
  CHECK_OK(ssecast_event_encode(&event, encoded, sizeof encoded, &length, &error));
  CHECK(length == 9);

  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  subscribe.topics = &topic, subscribe.topics_len = 1;
  CHECK_OK(ssecast_hub_subscribe(hub, &subscribe, &subscription, &error));
  CHECK_OK(ssecast_subscription_next(subscription, &bytes, &error));
  /* Raw, with the reconnection time of the defaults. */
  CHECK(bytes.len > 12 && memcmp(bytes.data, "id: ", 4) == 0 && memcmp(bytes.data + bytes.len - 13, "retry: 2000\n\n", 13) == 0);
  /* The history of the defaults. */
  CHECK_OK(ssecast_hub_publish(hub, topic, &event, NULL, &error));
  CHECK(stats_of(hub).history_events == 1);
  ssecast_subscription_free(subscription);

  struct stream client;
  int attached = connected(&client);
  attach.topics = &topic, attach.topics_len = 1;
  CHECK_OK(ssecast_hub_attach_socket(hub, attached, &attach, &connection, &error));
  publish(hub, "t", "chunked");
  EVENTUALLY(stream_has(&client, "data: chunked\n\n\r\n"));
  CHECK_OK(ssecast_hub_listen(hub, &listen, &listener, &error));
  CHECK(ssecast_listener_port(listener) != 0);
  ssecast_listener_free(listener);
  ssecast_connection_free(connection);
  ssecast_hub_free(hub);
  close(attached), close(client.socket);

  memset(&config, 0, sizeof config);
  CHECK_FAILS(SSECAST_INVALID_SIZE, ssecast_hub_new(&config, &hub, &error));
  CHECK(strcmp(error.field, "config.size") == 0);
}

static void an_event_gets_an_id_or_has_its_own(void) {
  ssecast_error error;
  ssecast_event event = event_of("1");
  ssecast_published published = {.size = sizeof published};
  ssecast_hub *hub;
  CHECK_OK(ssecast_hub_new(NULL, &hub, &error));
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, &published, &error));
  CHECK(published.subscribers == 0);
  CHECK(strlen(published.id) > 2 && strcmp(published.id + strlen(published.id) - 2, "-1") == 0);
  event.id = text("mine");
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, &published, &error));
  CHECK(published.id[0] == 0);
  CHECK_FAILS(SSECAST_INVALID_ID, ssecast_hub_publish(hub, text("ticks"), &event, &published, &error));
  CHECK(stats_of(hub).published == 2 && stats_of(hub).history_events == 2 && stats_of(hub).topics == 1);
  ssecast_hub_free(hub);
}

static void what_cant_be_published_is_refused(void) {
  ssecast_error error;
  ssecast_event event = event_of("1");
  ssecast_hub_config config;
  ssecast_hub *hub;
  char *large = malloc(300);
  memset(large, 'x', 299);
  large[299] = 0;
  ssecast_hub_config_init(&config, sizeof config);
  config.max_event_bytes = 200;
  config.max_topics = 1;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_hub_publish(hub, text(""), &event, NULL, &error));
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_hub_publish(hub, text(large), &event, NULL, &error));
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_topic_check(text(large), &error));
  CHECK_OK(ssecast_topic_check(text("ticks"), &error));
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, NULL, &error));
  CHECK_FAILS(SSECAST_TOO_MANY_TOPICS, ssecast_hub_publish(hub, text("tocks"), &event, NULL, &error));
  CHECK(strcmp(error.option, "max_topics") == 0 && strstr(error.message, "max_topics") != NULL);
  event.data = text(large);
  CHECK_FAILS(SSECAST_EVENT_TOO_LARGE, ssecast_hub_publish(hub, text("ticks"), &event, NULL, &error));
  CHECK(strcmp(error.option, "max_event_bytes") == 0 && strstr(error.message, "max_event_bytes allows 200") != NULL);
  CHECK(stats_of(hub).published == 1);
  ssecast_hub_free(hub);
  free(large);
}

static void closing_twice_is_an_error_and_nothing_is_published_after(void) {
  ssecast_error error;
  ssecast_event event = event_of("1"), bad = event_of("2");
  ssecast_hub *hub = quiet_hub();
  bad.event = text("a\nb");
  CHECK_FAILS(SSECAST_INVALID_EVENT, ssecast_hub_close(hub, &bad, 0, &error));
  CHECK(!ssecast_hub_is_closed(hub));
  CHECK_OK(ssecast_hub_close(hub, &event, 0, &error));
  CHECK(ssecast_hub_is_closed(hub));
  CHECK_FAILS(SSECAST_CLOSED, ssecast_hub_close(hub, NULL, 0, &error));
  CHECK_FAILS(SSECAST_CLOSED, ssecast_hub_publish(hub, text("t"), &event, NULL, &error));
  ssecast_hub_free(hub);
}

static void the_metrics_are_open_metrics_text(void) {
  ssecast_error error;
  char text[8192];
  size_t length, needed;
  ssecast_hub *hub;
  CHECK_OK(ssecast_hub_new(NULL, &hub, &error));
  CHECK_OK(ssecast_hub_metrics(hub, NULL, 0, &needed, &error));
  CHECK_OK(ssecast_hub_metrics(hub, text, needed, &length, &error));
  CHECK(length == needed && length < sizeof text);
  text[length] = 0;
  CHECK(strncmp(text, "# TYPE ssecast_connections gauge\n", 33) == 0 && strcmp(text + length - 6, "# EOF\n") == 0);
  CHECK(strstr(text, "\nssecast_disconnects_total{reason=\"lagged\"} 0\n") != NULL);
  CHECK_FAILS(SSECAST_BUFFER_TOO_SMALL, ssecast_hub_metrics(hub, text, length - 1, &length, &error));
  ssecast_hub_free(hub);
}

static void a_newer_structure_is_understood(void) {
  ssecast_error error;
  struct {
    ssecast_hub_config config;
    uint64_t later;
  } newer;
  struct {
    ssecast_stats stats;
    uint64_t later;
  } stats;
  ssecast_hub *hub;
  CHECK(ssecast_hub_config_init(&newer.config, sizeof newer) == SSECAST_OK);
  CHECK(newer.config.size == sizeof newer && newer.later == 0);
  CHECK_OK(ssecast_hub_new(&newer.config, &hub, &error));
  stats.stats.size = sizeof stats;
  stats.later = 7;
  CHECK_OK(ssecast_hub_stats(hub, &stats.stats, &error));
  CHECK(stats.later == 0 && stats.stats.size == sizeof stats);
  ssecast_hub_free(hub);
  newer.later = 1;
  CHECK_FAILS(SSECAST_INVALID_SIZE, ssecast_hub_new(&newer.config, &hub, &error));
}

int main(void) {
  TEST("the defaults are those of every language", the_defaults_are_those_of_every_language);
  TEST("an option out of range is named", an_option_out_of_range_is_named);
  TEST("a structure that is zero but for its size has the defaults", a_structure_that_is_zero_but_for_its_size_has_the_defaults);
  TEST("an event gets an id, or has its own", an_event_gets_an_id_or_has_its_own);
  TEST("what can't be published is refused", what_cant_be_published_is_refused);
  TEST("closing twice is an error, and nothing is published after", closing_twice_is_an_error_and_nothing_is_published_after);
  TEST("the metrics are OpenMetrics text, of a length that is told", the_metrics_are_open_metrics_text);
  TEST("a newer structure is understood unless it sets what is unknown", a_newer_structure_is_understood);
  return 0;
}
