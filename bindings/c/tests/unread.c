/* A producer is told when its topic has lost its last reader. */
#include <pthread.h>
#include <stdatomic.h>

#include "store.h"

static const ssecast_slice ANSWER[] = {{"answer", 6}};

struct told {
  atomic_int times, entered;
  atomic_bool waits;
  _Atomic(ssecast_unread_watch *) frees;
};

static void on_unread(void *user_data) {
  struct told *told = user_data;
  atomic_fetch_add(&told->entered, 1);
  while (atomic_load(&told->waits)) poll(NULL, 0, 1);
  ssecast_unread_watch_free(atomic_exchange(&told->frees, NULL));
  atomic_fetch_add(&told->times, 1);
}

static ssecast_unread_watch *watch(ssecast_hub *hub, struct told *told) {
  ssecast_error error;
  ssecast_unread_watch *watch;
  CHECK_OK(ssecast_hub_when_unread(hub, ANSWER[0], 1, on_unread, told, &watch, &error));
  return watch;
}

static ssecast_subscription *reader(ssecast_hub *hub) {
  ssecast_error error;
  ssecast_subscription *subscription;
  ssecast_subscription_config config;
  CHECK(ssecast_subscription_config_init(&config, sizeof config) == SSECAST_OK);
  config.topics = ANSWER;
  config.topics_len = 1;
  /* On a slow machine a store may not be free in time. */
  EVENTUALLY(ssecast_hub_subscribe(hub, &config, &subscription, &error) == SSECAST_OK);
  return subscription;
}

static void a_producer_is_told_once_when_the_last_reader_has_left(void) {
  struct told told = {0}, freed = {0};
  ssecast_hub *hub = quiet_hub();
  ssecast_unread_watch *kept = watch(hub, &told), *ended = watch(hub, &freed);
  ssecast_subscription *readers[] = {reader(hub), reader(hub)};
  ssecast_subscription_free(readers[0]);
  ssecast_unread_watch_free(ended);
  CHECK(atomic_load(&told.times) == 0);
  ssecast_subscription_free(readers[1]);
  EVENTUALLY(atomic_load(&told.times) == 1);
  ssecast_subscription_free(reader(hub));
  ssecast_unread_watch_free(kept);
  ssecast_unread_watch_free(NULL);
  ssecast_hub_free(hub);
  CHECK(atomic_load(&told.times) == 1 && atomic_load(&freed.times) == 0);
}

static void a_callback_may_free_its_own_watch(void) {
  struct told told = {0};
  ssecast_hub *hub = quiet_hub();
  atomic_store(&told.frees, watch(hub, &told));
  ssecast_subscription_free(reader(hub));
  EVENTUALLY(atomic_load(&told.times) == 1);
  ssecast_hub_free(hub);
}

static void *free_watch(void *watch) {
  ssecast_unread_watch_free(watch);
  return NULL;
}

static void freeing_waits_for_a_callback_that_is_under_way(void) {
  pthread_t thread;
  struct told told = {.waits = true};
  ssecast_hub *hub = quiet_hub();
  ssecast_unread_watch *watched = watch(hub, &told);
  ssecast_subscription_free(reader(hub));
  EVENTUALLY(atomic_load(&told.entered) == 1);
  CHECK(pthread_create(&thread, NULL, free_watch, watched) == 0);
  CHECK(atomic_load(&told.times) == 0);
  atomic_store(&told.waits, false);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(atomic_load(&told.times) == 1);
  ssecast_hub_free(hub);
}

static void a_watch_may_outlive_its_hub(void) {
  ssecast_error error;
  struct told told = {0};
  ssecast_unread_watch *left = NULL;
  ssecast_hub *hub = quiet_hub();
  ssecast_unread_watch *watched = watch(hub, &told);
  CHECK_FAILS(SSECAST_INVALID_TOPIC, ssecast_hub_when_unread(hub, text(""), 1, on_unread, &told, &left, &error));
  CHECK_OK(ssecast_hub_close(hub, NULL, 0, &error));
  CHECK_FAILS(SSECAST_CLOSED, ssecast_hub_when_unread(hub, ANSWER[0], 1, on_unread, &told, &left, &error));
  ssecast_hub_free(hub);
  ssecast_unread_watch_free(watched);
  CHECK(left == NULL && atomic_load(&told.times) == 0);
}

/* The producer's process has no reader, and another one has. */
static void the_readers_of_all_processes_count(void) {
  struct told told = {0};
  struct stream client;
  struct folder folder = folder_made();
  struct worker worker = worker_started('A', folder.url);
  ssecast_hub *hub = stored_hub(folder.url, SLOW_MACHINE_MS);
  ssecast_unread_watch *watched = watch(hub, &told);
  EVENTUALLY(stream_opens(&client, worker.port, "answer", ""));
  publish(hub, "answer", "1");
  EVENTUALLY(stream_has(&client, "data: 1\n"));
  ssecast_subscription_free(reader(hub));
  close(client.socket);
  EVENTUALLY(atomic_load(&told.times) == 1);
  ssecast_unread_watch_free(watched);
  ssecast_hub_free(hub);
  worker_end(&worker, 0);
  folder_remove(&folder);
}

int main(void) {
  /* First: it is forked beside no thread. */
  TEST("the readers of all processes count", the_readers_of_all_processes_count);
  TEST("a producer is told once when the last reader has left", a_producer_is_told_once_when_the_last_reader_has_left);
  TEST("a callback may free its own watch", a_callback_may_free_its_own_watch);
  TEST("freeing waits for a callback that is under way", freeing_waits_for_a_callback_that_is_under_way);
  TEST("a watch may outlive its hub", a_watch_may_outlive_its_hub);
  return 0;
}
