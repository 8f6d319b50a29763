/* Every scenario of tests/client, by a source over plain sockets: scenarios PORT TLS-PORT WORD. All run at once, each in a
 * thread of its own. scenarios.py writes scenarios.h. */
#include <pthread.h>

#include "client.h"

#define LONGEST_LOG 4096

struct scenario {
  const char *name;
  int tls;
  const char *method, *body, *headers, *last_event_id;
  uint64_t idle_ms, max_event_bytes, retry_first_ms, retry_longest_ms, retry_growth_percent, retry_jitter_percent;
  uint16_t retry_status;
  long close_after;
  const char *expected;
};

#include "scenarios.h"

struct run {
  const struct scenario *scenario;
  char url[100], log[LONGEST_LOG];
  long events;
};

static const char *const CAUSES[] = {"none", "status", "content-type", "network", "ended", "too-large", "idle"};

static void note(struct run *run, const char *entry) {
  append(run->log, sizeof run->log, entry, strlen(entry));
  append(run->log, sizeof run->log, "\n", 1);
}

static int is_complete(const struct run *run) {
  return strlen(run->log) >= strlen(run->scenario->expected);
}

static void on_open(void *user_data) {
  note(user_data, "open");
}

static int on_item(void *user_data, const ssecast_item *item) {
  struct run *run = user_data;
  char entry[LONGEST_LOG], length[32];
  ssecast_slice data = item->data;
  CHECK(item->kind == SSECAST_ITEM_EVENT);
  if (data.len > 1000) {
    snprintf(length, sizeof length, "%zu bytes", data.len);
    data = text(length);
  }
  snprintf(entry, sizeof entry, "%.*s %.*s %.*s", (int)item->event.len, item->event.data, (int)data.len, data.data,
           (int)item->last_event_id.len, item->last_event_id.data);
  note(run, entry);
  return ++run->events == run->scenario->close_after || is_complete(run);
}

/* Waits until the server has seen every connection end, and looks at what it has to say. */
static void check_report(const struct run *run) {
  char report[LONGEST_LOG] = "";
  time_t began = time(NULL);
  while (strstr(report, "\"open\":0") == NULL) {
    const char *path;
    char asked[200];
    size_t length = 0;
    ssize_t got;
    int socket = dial(text(run->url), &path);
    CHECK(time(NULL) - began < PATIENCE_SECONDS);
    snprintf(asked, sizeof asked, "GET %s/report HTTP/1.0\r\n\r\n", path);
    CHECK(send(socket, asked, strlen(asked), MSG_NOSIGNAL) > 0);
    while ((got = recv(socket, report + length, sizeof report - 1 - length, 0)) > 0) length += (size_t)got;
    report[length] = 0;
    close(socket);
    poll(NULL, 0, 5);
  }
  if (strstr(report, "\"problems\":[]") == NULL) check_failed(run->scenario->name, 0, report);
}

static void *play(void *user_data) {
  struct run *run = user_data;
  const struct scenario *scenario = run->scenario;
  struct client client = {.headers = scenario->headers, .body = scenario->body, .on_open = on_open, .on_item = on_item,
                          .user_data = run};
  ssecast_source_config config = {.size = sizeof config, .url = text(run->url), .method = text(scenario->method)};
  ssecast_error error;
  config.last_event_id = text(scenario->last_event_id);
  config.idle_ms = scenario->idle_ms;
  config.max_event_bytes = scenario->max_event_bytes;
  config.retry_first_ms = scenario->retry_first_ms;
  config.retry_longest_ms = scenario->retry_longest_ms;
  config.retry_growth_percent = scenario->retry_growth_percent;
  config.retry_jitter_percent = scenario->retry_jitter_percent > 0 ? scenario->retry_jitter_percent : SSECAST_ZERO;
  config.retry_statuses = &scenario->retry_status;
  config.retry_statuses_len = scenario->retry_status != 0;
  CHECK_OK(ssecast_source_new(&config, &client.source, &error));
  do {
    char entry[64];
    connect_once(&client);
    if (client.step.cause == SSECAST_CAUSE_STATUS) {
      snprintf(entry, sizeof entry, "error status %u", client.status);
      note(run, entry);
    } else if (client.step.cause != SSECAST_CAUSE_NONE) {
      snprintf(entry, sizeof entry, "error %s", CAUSES[client.step.cause]);
      note(run, entry);
    }
    if (client.step.next == SSECAST_NEXT_WAIT) poll(NULL, 0, (int)client.step.wait_ms);
  } while (client.step.next != SSECAST_NEXT_CLOSED);
  if (!is_complete(run)) note(run, "closed");
  if (strcmp(run->log, scenario->expected) != 0) {
    fprintf(stderr, "%s: found\n%sand not\n%s", scenario->name, run->log, scenario->expected);
    exit(1);
  }
  ssecast_source_free(client.source);
  return NULL;
}

int main(int count, char **arguments) {
  static struct run runs[sizeof scenarios / sizeof *scenarios];
  pthread_t threads[sizeof scenarios / sizeof *scenarios];
  size_t total = sizeof scenarios / sizeof *scenarios;
  CHECK(count == 4);
  for (size_t at = 0; at < total; at++) {
    runs[at].scenario = &scenarios[at];
    snprintf(runs[at].url, sizeof runs[at].url, "http://127.0.0.1:%s/%s/%zu", arguments[scenarios[at].tls ? 2 : 1],
             arguments[3], at);
    CHECK(pthread_create(&threads[at], NULL, play, &runs[at]) == 0);
  }
  for (size_t at = 0; at < total; at++) {
    CHECK(pthread_join(threads[at], NULL) == 0);
    check_report(&runs[at]);
    printf("ok %s\n", scenarios[at].name);
    fflush(stdout);
  }
  return 0;
}
