/* What the C tests have in common: checks that end the program, conditions that are waited for, and named tests. */
#ifndef CHECK_H
#define CHECK_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ssecast.h"

/* How long a condition may take: far longer than it ever does, also under valgrind. */
#define PATIENCE_SECONDS 60

#define CHECK(condition) \
  do { \
    if (!(condition)) check_failed(__FILE__, __LINE__, #condition); \
  } while (0)

/* The result of a call that takes the address of `error` as its last argument. */
#define CHECK_OK(call) check_result(__FILE__, __LINE__, #call, SSECAST_OK, (call), &error)
#define CHECK_FAILS(expected, call) check_result(__FILE__, __LINE__, #call, (expected), (call), &error)

#define EVENTUALLY(condition) \
  do { \
    time_t began = time(NULL); \
    while (!(condition)) { \
      if (time(NULL) - began > PATIENCE_SECONDS) check_failed(__FILE__, __LINE__, "eventually " #condition); \
      poll(NULL, 0, 1); \
    } \
  } while (0)

#define TEST(name, function) \
  do { \
    function(); \
    printf("ok %s\n", name); \
    fflush(stdout); \
  } while (0)

static inline void check_failed(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  exit(1);
}

static inline void check_result(const char *file, int line, const char *call, ssecast_result expected,
                                ssecast_result result, const ssecast_error *error) {
  if (result == expected && (result == SSECAST_OK || error->result == result)) return;
  fprintf(stderr, "%s:%d: %s is %s, and not %s: %s\n", file, line, call, ssecast_result_text(result),
          ssecast_result_text(expected), result == SSECAST_OK ? "" : error->message);
  exit(1);
}

static inline ssecast_slice text(const char *text) {
  return ssecast_slice_of(text);
}

static inline int is(ssecast_slice slice, const char *expected) {
  return slice.data != NULL && slice.len == strlen(expected) && memcmp(slice.data, expected, slice.len) == 0;
}

static inline ssecast_event event_of(const char *data) {
  ssecast_event event;
  CHECK(ssecast_event_init(&event, sizeof event) == SSECAST_OK);
  event.data = text(data);
  return event;
}

static inline ssecast_stats stats_of(const ssecast_hub *hub) {
  ssecast_error error;
  ssecast_stats stats;
  stats.size = sizeof stats;
  CHECK_OK(ssecast_hub_stats(hub, &stats, &error));
  return stats;
}

/* A hub without heartbeats, whose one thread ends with it. */
static inline ssecast_hub *quiet_hub(void) {
  ssecast_error error;
  ssecast_hub_config config;
  ssecast_hub *hub;
  CHECK(ssecast_hub_config_init(&config, sizeof config) == SSECAST_OK);
  config.heartbeat_ms = SSECAST_OFF;
  config.threads = 1;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  return hub;
}

static inline void publish(ssecast_hub *hub, const char *topic, const char *data) {
  ssecast_error error;
  ssecast_event event = event_of(data);
  CHECK_OK(ssecast_hub_publish(hub, text(topic), &event, NULL, &error));
}

#endif
