/* Worker processes that share a store, and the clients that move between them. */
#ifndef STORE_H
#define STORE_H

#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "stream.h"

#define MOST_EVENTS 1024

/* How long a publication may take where nothing is wrong. */
#define SLOW_MACHINE_MS 20000

/* A store of the test's own, and the text that names it: in a folder, or in the Redis that the program was given. */
struct folder {
  char path[64], url[128];
};

static const char *redis_url;

static inline struct folder folder_made(void) {
  static int made;
  struct folder folder = {.path = "/tmp/ssecast-store-XXXXXX"};
  CHECK(mkdtemp(folder.path) != NULL);
  snprintf(folder.url, sizeof folder.url, "file:%s/events", folder.path);
  if (redis_url != NULL) snprintf(folder.url, sizeof folder.url, "%s?prefix=test-%d", redis_url, made++);
  return folder;
}

static inline int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
  (void)status, (void)kind, (void)at;
  return remove(path);
}

static inline void folder_remove(const struct folder *folder) {
  /* A thread that lets go of the store may remove a file of its own meanwhile. */
  EVENTUALLY(nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* A hub on a store, whose one thread ends with it. */
static inline ssecast_hub *stored_hub(const char *url, uint64_t publish_timeout_ms) {
  ssecast_error error;
  ssecast_hub_config config;
  ssecast_hub *hub;
  CHECK(ssecast_hub_config_init(&config, sizeof config) == SSECAST_OK);
  config.heartbeat_ms = SSECAST_OFF;
  config.threads = 1;
  config.store = text(url);
  config.publish_timeout_ms = publish_timeout_ms;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  return hub;
}

static inline ssecast_listener *listening(ssecast_hub *hub) {
  ssecast_error error;
  ssecast_listener *listener;
  ssecast_listen_config config;
  CHECK(ssecast_listen_config_init(&config, sizeof config) == SSECAST_OK);
  config.query_topics = 1;
  CHECK_OK(ssecast_hub_listen(hub, &config, &listener, &error));
  return listener;
}

struct worker {
  pid_t process;
  int control;
  uint16_t port;
  /* The events that it was told to publish, and those that it said it has published. */
  int told, published;
};

/* What a worker does: it publishes an event for each byte that it is sent, and answers each with one. After `!` it publishes
 * without a pause until it is killed, or its parent has ended. */
static inline void work(char name, const char *url, int control) {
  ssecast_error error;
  ssecast_hub *hub = stored_hub(url, SLOW_MACHINE_MS);
  ssecast_listener *listener = listening(hub);
  uint16_t port = ssecast_listener_port(listener);
  char byte, data[16];
  CHECK(write(control, &port, sizeof port) == sizeof port);
  for (int number = 0; read(control, &byte, 1) == 1; number++) {
    while (byte == '!' && recv(control, data, 1, MSG_DONTWAIT) != 0) publish(hub, "news", "!");
    snprintf(data, sizeof data, "%c-%d", name, number);
    ssecast_event event = event_of(data);
    CHECK_OK(ssecast_hub_publish(hub, text("news"), &event, NULL, &error));
    CHECK(write(control, &byte, 1) == 1);
  }
  ssecast_listener_free(listener);
  ssecast_hub_free(hub);
  exit(0);
}

static inline struct worker worker_started(char name, const char *url) {
  struct worker worker = {0};
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  fflush(stdout);
  CHECK((worker.process = fork()) >= 0);
  if (worker.process == 0) {
    close(ends[1]);
    work(name, url, ends[0]);
  }
  close(ends[0]);
  worker.control = ends[1];
  CHECK(read(worker.control, &worker.port, sizeof worker.port) == sizeof worker.port);
  return worker;
}

static inline void tell(struct worker *worker, int events) {
  for (; events > 0; events--, worker->told++) CHECK(send(worker->control, "p", 1, MSG_NOSIGNAL) == 1);
}

/* Takes what it answered, without waiting. */
static inline int published(struct worker *worker) {
  char answers[64];
  ssize_t got;
  while ((got = recv(worker->control, answers, sizeof answers, MSG_DONTWAIT)) > 0) worker->published += (int)got;
  return worker->published;
}

/* Ends it by itself, or by a signal. */
static inline void worker_end(struct worker *worker, int by) {
  int status;
  if (by != 0) CHECK(kill(worker->process, by) == 0);
  shutdown(worker->control, SHUT_WR);
  CHECK(waitpid(worker->process, &status, 0) == worker->process);
  CHECK(by != 0 ? WIFSIGNALED(status) && WTERMSIG(status) == by : WIFEXITED(status) && WEXITSTATUS(status) == 0);
  published(worker);
  close(worker->control);
}

struct reader {
  struct stream stream;
  char last_event_id[64];
  char events[MOST_EVENTS][12];
  int seen;
};

/* Asks for a stream. On a slow machine the store of a process may not be open in time: then the answer is 503, and it returns 0. */
static inline int stream_opens(struct stream *stream, uint16_t port, const char *topic, const char *headers) {
  char request[256];
  tcp_connect(stream, port);
  snprintf(request, sizeof request, "GET /?topic=%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", topic, headers);
  say(stream, request);
  EVENTUALLY(stream_has(stream, "\r\n\r\n"));
  if (strncmp(stream->bytes, "HTTP/1.1 503 ", 13) == 0) {
    close(stream->socket);
    return 0;
  }
  CHECK(strncmp(stream->bytes, "HTTP/1.1 200 ", 13) == 0);
  return 1;
}

static inline void reader_connect(struct reader *reader, const struct worker *worker) {
  char id[96] = "";
  if (reader->last_event_id[0] != 0) snprintf(id, sizeof id, "Last-Event-ID: %s\r\n", reader->last_event_id);
  EVENTUALLY(stream_opens(&reader->stream, worker->port, "news", id));
}

/* Cuts the connection where it is, and goes on at a worker. */
static inline void reader_move(struct reader *reader, const struct worker *worker) {
  close(reader->stream.socket);
  reader_connect(reader, worker);
}

/* Takes the whole events that have come, and returns whether one has this data. No event may tell of a loss. */
static inline int reader_has(struct reader *reader, const char *data) {
  char *at = reader->stream.bytes, *end;
  stream_read(&reader->stream, 1);
  while ((end = strstr(at, "\n\n")) != NULL) {
    char *id = strstr(at, "\nid: "), *field = strstr(at, "\ndata: ");
    *end = 0;
    CHECK(strstr(at, "event: reset") == NULL);
    if (field != NULL && field < end) {
      CHECK(id != NULL && id < field && reader->seen < MOST_EVENTS);
      snprintf(reader->last_event_id, sizeof reader->last_event_id, "%.*s", (int)strcspn(id + 5, "\n"), id + 5);
      snprintf(reader->events[reader->seen++], sizeof reader->events[0], "%s", field + 7);
    }
    at = end + 1;
  }
  if (at != reader->stream.bytes) {
    reader->stream.length -= (size_t)(at - reader->stream.bytes);
    memmove(reader->stream.bytes, at, reader->stream.length + 1);
  }
  for (int event = reader->seen; event > 0; event--) {
    if (strcmp(reader->events[event - 1], data) == 0) return 1;
  }
  return 0;
}

/* Whether a reader has seen everything that the worker of this name published, once, in its order. */
static inline void check_order(const struct reader *reader, char name, int at_least) {
  int next = 0;
  for (int event = 0; event < reader->seen; event++) {
    if (reader->events[event][0] != name) continue;
    CHECK(atoi(reader->events[event] + 2) == next);
    next++;
  }
  CHECK(next >= at_least);
}

static inline void check_same(const struct reader *one, const struct reader *other) {
  CHECK(one->seen == other->seen);
  for (int event = 0; event < one->seen; event++) CHECK(strcmp(one->events[event], other->events[event]) == 0);
}

#endif
