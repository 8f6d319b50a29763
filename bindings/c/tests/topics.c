/* Topics that end: what their readers get, and who comes for them later, on each way out. */
#include <stdatomic.h>

#include "store.h"

static const ssecast_slice ANSWER[] = {{"answer", 6}};

struct ended {
  atomic_int closed;
  atomic_uint reason;
};

static void on_close(void *user_data, ssecast_reason reason, bool cut) {
  struct ended *ended = user_data;
  CHECK(!cut);
  atomic_store(&ended->reason, reason);
  atomic_fetch_add(&ended->closed, 1);
}

static ssecast_result attach(ssecast_hub *hub, struct stream *client, const char *id, struct ended *ended) {
  ssecast_error error;
  ssecast_attach_config config;
  int socket = connected(client);
  CHECK(ssecast_attach_config_init(&config, sizeof config) == SSECAST_OK);
  config.topics = ANSWER;
  config.topics_len = 1;
  config.framing = SSECAST_FRAMING_RAW;
  config.last_event_id = text(id);
  config.replay = SSECAST_REPLAY_ALL;
  config.on_close = on_close;
  config.user_data = ended;
  config.released = 1;
  ssecast_result result = ssecast_hub_attach_socket(hub, socket, &config, NULL, &error);
  close(socket);
  return result;
}

/* A stream that has ended for good, after these events. */
static void check_whole(struct stream *client, const char *first, const char *last) {
  stream_finish(client);
  char *begin = strstr(client->bytes, first), *end = strstr(client->bytes, last);
  CHECK(begin != NULL && end != NULL && begin <= end && strstr(end, "id: ssecast-finished\n") != NULL);
  CHECK(count(client->bytes, "data: ") == (first == last ? 1 : 2));
  close(client->socket);
}

static void readers_get_what_is_left_and_end_for_good(void) {
  struct ended ended = {0};
  struct stream live, late, behind;
  ssecast_error error;
  ssecast_published first = {.size = sizeof first}, last = {.size = sizeof last};
  ssecast_event event = event_of("1");
  ssecast_hub *hub = quiet_hub();
  CHECK_OK(ssecast_hub_publish(hub, ANSWER[0], &event, &first, &error));
  CHECK(attach(hub, &live, NULL, &ended) == SSECAST_OK);
  event.data = text("2");
  CHECK_OK(ssecast_hub_publish(hub, ANSWER[0], &event, &last, &error));
  CHECK_OK(ssecast_hub_end_topic(hub, ANSWER[0], &error));
  CHECK_OK(ssecast_hub_end_topic(hub, ANSWER[0], &error));
  CHECK_FAILS(SSECAST_TOPIC_ENDED, ssecast_hub_publish(hub, ANSWER[0], &event, NULL, &error));
  CHECK(strcmp(error.field, "topic") == 0);
  check_whole(&live, "data: 1\n", "data: 2\n");
  /* It begins at the beginning, or goes on where it was; and there is nothing more for one that has all. */
  CHECK(attach(hub, &late, NULL, &ended) == SSECAST_OK);
  check_whole(&late, "data: 1\n", "data: 2\n");
  CHECK(attach(hub, &behind, first.id, &ended) == SSECAST_OK);
  check_whole(&behind, "data: 2\n", "data: 2\n");
  EVENTUALLY(atomic_load(&ended.closed) == 3);
  CHECK(atomic_load(&ended.reason) == SSECAST_REASON_SERVER);
  CHECK(attach(hub, &late, last.id, &ended) == SSECAST_TOPIC_ENDED);
  close(late.socket);
  CHECK(!ssecast_is_unavailable(SSECAST_TOPIC_ENDED) && stats_of(hub).refused == 0);
  ssecast_hub_free(hub);
  CHECK(atomic_load(&ended.closed) == 3);
}

static void a_subscription_ends_with_its_topic(void) {
  ssecast_error error;
  ssecast_slice bytes;
  ssecast_reason reason;
  ssecast_subscription *subscription;
  ssecast_subscription_config config;
  ssecast_published published = {.size = sizeof published};
  ssecast_event event = event_of("1");
  ssecast_result result;
  char taken[1024] = "";
  ssecast_hub *hub = quiet_hub();
  CHECK(ssecast_subscription_config_init(&config, sizeof config) == SSECAST_OK);
  config.topics = ANSWER;
  config.topics_len = 1;
  CHECK_OK(ssecast_hub_subscribe(hub, &config, &subscription, &error));
  CHECK_OK(ssecast_hub_publish(hub, ANSWER[0], &event, &published, &error));
  CHECK_OK(ssecast_hub_end_topic(hub, ANSWER[0], &error));
  while ((result = ssecast_subscription_next(subscription, &bytes, &error)) == SSECAST_OK) strncat(taken, bytes.data, bytes.len);
  CHECK(result == SSECAST_ENDED && ssecast_subscription_reason(subscription, &reason, &error) == SSECAST_OK);
  CHECK(reason == SSECAST_REASON_SERVER);
  CHECK(strstr(strstr(taken, "data: 1\n\n"), "id: ssecast-finished\n") != NULL);
  ssecast_subscription_free(subscription);
  config.last_event_id = text(published.id);
  CHECK_FAILS(SSECAST_TOPIC_ENDED, ssecast_hub_subscribe(hub, &config, &subscription, &error));
  ssecast_hub_free(hub);
}

/* The status that a listener answers to a client with this id. */
static int status_of(const ssecast_listener *listener, const char *id, struct stream *client) {
  char request[256];
  tcp_connect(client, ssecast_listener_port(listener));
  snprintf(request, sizeof request, "GET /?topic=answer HTTP/1.0\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n", id);
  say(client, request);
  EVENTUALLY(stream_has(client, "\r\n\r\n"));
  return atoi(client->bytes + 9);
}

static void a_listener_answers_204_to_a_client_that_has_all(void) {
  ssecast_error error;
  struct stream client, late;
  ssecast_published published = {.size = sizeof published};
  ssecast_event event = event_of("1");
  ssecast_hub *hub = quiet_hub();
  ssecast_listener *listener = listening(hub);
  CHECK(status_of(listener, "", &client) == 200);
  CHECK_OK(ssecast_hub_publish(hub, ANSWER[0], &event, &published, &error));
  CHECK_OK(ssecast_hub_end_topic(hub, ANSWER[0], &error));
  check_whole(&client, "data: 1\n", "data: 1\n");
  CHECK(status_of(listener, published.id, &late) == 204);
  close(late.socket);
  CHECK(status_of(listener, "ssecast-finished", &late) == 204);
  close(late.socket);
  ssecast_listener_free(listener);
  ssecast_hub_free(hub);
}

/* One hub ends the topic, and another serves it, as two processes do. */
static void a_topic_that_ends_in_one_process_ends_in_all(void) {
  ssecast_error error;
  struct stream client, late;
  ssecast_published published = {.size = sizeof published};
  ssecast_event event = event_of("1");
  struct folder folder = folder_made();
  ssecast_hub *producer = stored_hub(folder.url, SLOW_MACHINE_MS), *server = stored_hub(folder.url, SLOW_MACHINE_MS);
  ssecast_listener *listener = listening(server);
  EVENTUALLY(stream_opens(&client, ssecast_listener_port(listener), "answer", ""));
  CHECK_OK(ssecast_hub_publish(producer, ANSWER[0], &event, &published, &error));
  CHECK_OK(ssecast_hub_end_topic(producer, ANSWER[0], &error));
  check_whole(&client, "data: 1\n", "data: 1\n");
  CHECK(status_of(listener, published.id, &late) == 204);
  close(late.socket);
  CHECK(status_of(listener, "ssecast-finished", &late) == 204);
  close(late.socket);
  CHECK_FAILS(SSECAST_TOPIC_ENDED, ssecast_hub_publish(server, ANSWER[0], &event, NULL, &error));
  ssecast_listener_free(listener);
  ssecast_hub_free(producer);
  ssecast_hub_free(server);
  folder_remove(&folder);
}

static void a_topic_that_has_ended_is_forgotten_after_its_time(void) {
  ssecast_error error;
  ssecast_hub_config config;
  ssecast_hub *hub;
  ssecast_event event = event_of("1");
  CHECK(ssecast_hub_config_init(&config, sizeof config) == SSECAST_OK && config.keep_ended_ms == 60000);
  config.keep_ended_ms = SSECAST_ZERO;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_new(&config, &hub, &error));
  CHECK(strcmp(error.option, "keep_ended_ms") == 0);
  config.keep_ended_ms = 20;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  CHECK_OK(ssecast_hub_end_topic(hub, ANSWER[0], &error));
  EVENTUALLY(ssecast_hub_publish(hub, ANSWER[0], &event, NULL, &error) == SSECAST_OK);
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_hub_end_topic(hub, text(""), &error));
  CHECK_OK(ssecast_hub_close(hub, NULL, 0, &error));
  CHECK_FAILS(SSECAST_CLOSED, ssecast_hub_end_topic(hub, ANSWER[0], &error));
  ssecast_hub_free(hub);
}

int main(void) {
  TEST("readers get what is left, and end for good", readers_get_what_is_left_and_end_for_good);
  TEST("a subscription ends with its topic", a_subscription_ends_with_its_topic);
  TEST("a listener answers 204 to a client that has all", a_listener_answers_204_to_a_client_that_has_all);
  TEST("a topic that ends in one process ends in all", a_topic_that_ends_in_one_process_ends_in_all);
  TEST("a topic that has ended is forgotten after its time", a_topic_that_has_ended_is_forgotten_after_its_time);
  return 0;
}
