/* Streams that the caller writes: the descriptor, what is next, and the end. */
#include "stream.h"

static const ssecast_slice TICKS[] = {{"ticks", 5}};

static ssecast_subscription *subscribe(ssecast_hub *hub, uint32_t framing, const char *last_event_id) {
  ssecast_error error;
  ssecast_subscription *subscription;
  ssecast_subscription_config config;
  CHECK(ssecast_subscription_config_init(&config, sizeof config) == SSECAST_OK);
  CHECK(config.framing == SSECAST_FRAMING_DEFAULT);
  config.topics = TICKS;
  config.topics_len = 1;
  config.framing = framing;
  config.last_event_id = text(last_event_id);
  CHECK_OK(ssecast_hub_subscribe(hub, &config, &subscription, &error));
  return subscription;
}

static int is_readable(const ssecast_subscription *subscription, int milliseconds) {
  struct pollfd readable = {ssecast_subscription_descriptor(subscription), POLLIN, 0};
  return poll(&readable, 1, milliseconds) == 1;
}

/* Appends what there is now to a text. Returns what `next` said in the end. */
static ssecast_result take(ssecast_subscription *subscription, char *into) {
  ssecast_error error;
  ssecast_slice bytes;
  ssecast_result result;
  while ((result = ssecast_subscription_next(subscription, &bytes, &error)) == SSECAST_OK) {
    CHECK(bytes.len > 0);
    strncat(into, bytes.data, bytes.len);
  }
  CHECK(error.result == result);
  return result;
}

/* Nothing waits for the client. An alarm of the hub's may make the descriptor readable; it is asked then, and is quiet. */
static void check_quiet(ssecast_subscription *subscription) {
  char taken[4096] = "";
  for (int asks = 0; is_readable(subscription, 0); asks++) {
    CHECK(asks < 10);
    CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  }
  CHECK(taken[0] == 0);
}

static void the_descriptor_is_readable_while_there_is_something(void) {
  char taken[4096] = "";
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  CHECK(is_readable(subscription, 0));
  CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  CHECK(strncmp(taken, "id: ", 4) == 0 && strstr(taken, "retry: 2000\n") != NULL);
  check_quiet(subscription);
  publish(hub, "others", "not for it");
  CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  for (int round = 0; round < 100; round++) {
    publish(hub, "ticks", "1");
    CHECK(is_readable(subscription, 0));
    CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
    CHECK(count(taken, "data: 1\n\n") == 1 && strstr(taken, "not for it") == NULL);
    check_quiet(subscription);
    taken[0] = 0;
  }
  ssecast_subscription_free(subscription);
  CHECK(stats_of(hub).connections == 0 && stats_of(hub).disconnects_client == 1);
  ssecast_hub_free(hub);
}

static void it_stays_readable_until_all_is_taken(void) {
  ssecast_error error;
  ssecast_slice bytes;
  size_t turns = 0, taken = 0;
  char data[3001];
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  memset(data, 'x', sizeof data - 1);
  data[sizeof data - 1] = 0;
  for (int at = 0; at < 100; at++) publish(hub, "ticks", data);
  while (is_readable(subscription, 0)) {
    if (ssecast_subscription_next(subscription, &bytes, &error) != SSECAST_OK) break;
    taken += bytes.len;
    turns++;
  }
  CHECK(error.result == SSECAST_WOULD_BLOCK && turns > 2 && taken > 300000);
  check_quiet(subscription);
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void chunks_are_those_of_http(void) {
  char taken[4096] = "";
  const char *body;
  size_t length, chunks = 0;
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription = subscribe(hub, SSECAST_FRAMING_CHUNKED, NULL);
  publish(hub, "ticks", "1");
  CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  for (body = taken; *body != 0; body += length + 2, chunks++) {
    char *data;
    length = strtoul(body, &data, 16);
    CHECK(length > 0 && strncmp(data, "\r\n", 2) == 0);
    body = data + 2;
    CHECK(strncmp(body + length, "\r\n", 2) == 0);
  }
  CHECK(chunks > 0 && strstr(taken, "data: 1\n\n\r\n") != NULL);
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void it_resumes_sends_and_changes_topics(void) {
  ssecast_error error;
  char taken[4096] = "";
  ssecast_published first = {.size = sizeof first};
  ssecast_event event = event_of("1"), private = event_of("alone");
  ssecast_slice news = text("news");
  size_t pending = 0;
  ssecast_subscription *subscription;
  ssecast_hub *hub = quiet_hub();
  CHECK_OK(ssecast_hub_publish(hub, text("ticks"), &event, &first, &error));
  publish(hub, "ticks", "2");
  subscription = subscribe(hub, SSECAST_FRAMING_RAW, first.id);
  CHECK_OK(ssecast_subscription_send(subscription, &private, &error));
  CHECK_OK(ssecast_subscription_pending_bytes(subscription, &pending, &error));
  CHECK(pending == strlen("data: alone\n\n"));
  CHECK_OK(ssecast_subscription_change_topics(subscription, &news, 1, TICKS, 1, &error));
  publish(hub, "ticks", "3");
  publish(hub, "news", "4");
  CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  CHECK(strstr(taken, "data: 1\n") == NULL && strstr(taken, "data: 3\n") == NULL);
  CHECK(strstr(taken, "data: alone\n") != NULL && strstr(taken, "data: 4\n") > strstr(taken, "data: alone\n"));
  CHECK_OK(ssecast_subscription_pending_bytes(subscription, &pending, &error));
  CHECK(pending == 0);
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void the_end_comes_after_all_that_was_sent_before(void) {
  ssecast_error error;
  char taken[4096] = "";
  ssecast_slice bytes;
  ssecast_reason reason;
  ssecast_event private = event_of("alone");
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  publish(hub, "ticks", "1");
  CHECK_FAILS(SSECAST_WOULD_BLOCK, ssecast_subscription_reason(subscription, &reason, &error));
  CHECK_OK(ssecast_subscription_end(subscription, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_end(subscription, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_send(subscription, &private, &error));
  publish(hub, "ticks", "2");
  CHECK(take(subscription, taken) == SSECAST_ENDED);
  CHECK(strstr(taken, "data: 1\n\n") != NULL && strstr(taken, "data: 2") == NULL);
  CHECK_OK(ssecast_subscription_reason(subscription, &reason, &error));
  CHECK(reason == SSECAST_REASON_SERVER);
  CHECK(is_readable(subscription, 0));
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_next(subscription, &bytes, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_change_topics(subscription, TICKS, 1, NULL, 0, &error));
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void a_client_whose_stream_is_finished_is_told_so(void) {
  ssecast_error error;
  char taken[4096] = "";
  char *id, *end;
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  publish(hub, "ticks", "1");
  CHECK_OK(ssecast_subscription_finish(subscription, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_finish(subscription, &error));
  CHECK(take(subscription, taken) == SSECAST_ENDED);
  CHECK(strstr(taken, "data: 1\n\n") != NULL);
  id = strstr(taken, "data: 1\n\n") + strlen("data: 1\n\n");
  CHECK(strncmp(id, "id: ", 4) == 0 && (end = strstr(id, "\n\n")) != NULL && end[2] == 0);
  *end = 0;
  CHECK(ssecast_is_finished(text(id + 4)));
  CHECK(!ssecast_is_finished(text("1")) && !ssecast_is_finished(text(NULL)));
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void a_hub_that_closes_ends_it_and_may_be_freed_first(void) {
  ssecast_error error;
  char taken[4096] = "";
  ssecast_reason reason;
  ssecast_event goodbye = event_of("goodbye");
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  CHECK_OK(ssecast_hub_close(hub, &goodbye, 60000, &error));
  ssecast_hub_free(hub);
  CHECK(is_readable(subscription, 0));
  CHECK(take(subscription, taken) == SSECAST_ENDED);
  CHECK(strstr(taken, "data: goodbye\n\n") != NULL);
  CHECK_OK(ssecast_subscription_reason(subscription, &reason, &error));
  CHECK(reason == SSECAST_REASON_SHUTDOWN);
  ssecast_subscription_free(subscription);
}

static void one_that_is_never_asked_is_bounded_and_told(void) {
  ssecast_error error;
  char taken[1 << 16] = "", data[2001];
  ssecast_reason reason;
  ssecast_hub_config config;
  ssecast_hub *hub;
  ssecast_subscription *subscription;
  memset(data, 'x', sizeof data - 1);
  data[sizeof data - 1] = 0;
  ssecast_hub_config_init(&config, sizeof config);
  config.slow_client_bytes = 10000;
  config.history_events = 2;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  for (int at = 0; at < 1000; at++) publish(hub, "ticks", data);
  /* What it has had no time to ask for yet is no lag. */
  EVENTUALLY((publish(hub, "ticks", data), stats_of(hub).held_bytes < 40000));
  CHECK(take(subscription, taken) == SSECAST_ENDED);
  CHECK_OK(ssecast_subscription_reason(subscription, &reason, &error));
  CHECK(reason == SSECAST_REASON_LAGGED);
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void a_heartbeat_makes_the_descriptor_readable_in_silence(void) {
  ssecast_error error;
  char taken[4096] = "";
  ssecast_hub_config config;
  ssecast_hub *hub;
  ssecast_subscription *subscription;
  ssecast_hub_config_init(&config, sizeof config);
  config.heartbeat_ms = 20;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  subscription = subscribe(hub, SSECAST_FRAMING_RAW, NULL);
  while (strstr(taken, ":\n\n") == NULL) {
    CHECK(is_readable(subscription, PATIENCE_SECONDS * 1000));
    CHECK(take(subscription, taken) == SSECAST_WOULD_BLOCK);
  }
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

int main(void) {
  TEST("the descriptor is readable while there is something", the_descriptor_is_readable_while_there_is_something);
  TEST("it stays readable until all is taken", it_stays_readable_until_all_is_taken);
  TEST("chunks are those of HTTP", chunks_are_those_of_http);
  TEST("it resumes, sends, and changes topics", it_resumes_sends_and_changes_topics);
  TEST("the end comes after all that was sent before", the_end_comes_after_all_that_was_sent_before);
  TEST("a client whose stream is finished is told so", a_client_whose_stream_is_finished_is_told_so);
  TEST("a hub that closes ends it, and may be freed first", a_hub_that_closes_ends_it_and_may_be_freed_first);
  TEST("one that is never asked is bounded, and told", one_that_is_never_asked_is_bounded_and_told);
  TEST("a heartbeat makes the descriptor readable in silence", a_heartbeat_makes_the_descriptor_readable_in_silence);
  return 0;
}
