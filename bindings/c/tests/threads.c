/* Handles in several threads at once, and callbacks that call the library. */
#include <pthread.h>
#include <stdatomic.h>

#include "stream.h"

enum { THREADS = 4, ROUNDS = 200 };

static void in_threads(void *(*body)(void *), void *user_data) {
  pthread_t threads[THREADS];
  for (int at = 0; at < THREADS; at++) CHECK(pthread_create(&threads[at], NULL, body, user_data) == 0);
  for (int at = 0; at < THREADS; at++) CHECK(pthread_join(threads[at], NULL) == 0);
}

struct shared {
  ssecast_hub *hub;
  ssecast_parser *parser;
  ssecast_subscription *subscription;
  ssecast_connection *connection;
  atomic_int closed, succeeded, busy;
  atomic_size_t taken;
};

static void *publish_and_attach(void *user_data) {
  ssecast_error error;
  struct shared *shared = user_data;
  ssecast_slice ticks = text("ticks");
  ssecast_attach_config config;
  ssecast_attach_config_init(&config, sizeof config);
  config.topics = &ticks;
  config.topics_len = 1;
  for (int round = 0; round < ROUNDS; round++) {
    struct stream client;
    ssecast_connection *connection;
    int socket = connected(&client);
    CHECK_OK(ssecast_hub_attach_socket(shared->hub, socket, &config, &connection, &error));
    publish(shared->hub, "ticks", "1");
    stats_of(shared->hub);
    if (round % 2 == 0) CHECK_OK(ssecast_connection_detach(connection, &error));
    else CHECK_OK(ssecast_connection_disconnect(connection, SSECAST_REASON_CLIENT, &error));
    ssecast_connection_free(connection);
    close(socket), close(client.socket);
  }
  return NULL;
}

static void one_hub_is_used_by_several_threads(void) {
  struct shared shared = {.hub = quiet_hub()};
  in_threads(publish_and_attach, &shared);
  EVENTUALLY(stats_of(shared.hub).connections == 0);
  CHECK(stats_of(shared.hub).published == THREADS * ROUNDS);
  CHECK(stats_of(shared.hub).disconnects_server + stats_of(shared.hub).disconnects_client == THREADS * ROUNDS);
  ssecast_hub_free(shared.hub);
}

static void *close_it(void *user_data) {
  ssecast_error error;
  struct shared *shared = user_data;
  ssecast_result result = ssecast_hub_close(shared->hub, NULL, 0, &error);
  CHECK(result == SSECAST_OK || result == SSECAST_CLOSED);
  atomic_fetch_add(&shared->succeeded, result == SSECAST_OK);
  return NULL;
}

static void *detach_it(void *user_data) {
  ssecast_error error;
  struct shared *shared = user_data;
  ssecast_result result = ssecast_connection_detach(shared->connection, &error);
  CHECK(result == SSECAST_OK || result == SSECAST_ENDED);
  atomic_fetch_add(&shared->succeeded, result == SSECAST_OK);
  result = ssecast_connection_disconnect(shared->connection, SSECAST_REASON_CLIENT, &error);
  CHECK(result == SSECAST_OK || result == SSECAST_ENDED);
  return NULL;
}

static void count_close(void *user_data, ssecast_reason reason, bool cut) {
  (void)reason, (void)cut;
  atomic_fetch_add(&((struct shared *)user_data)->closed, 1);
}

static void of_several_that_end_it_one_is_told_that_it_did(void) {
  for (int round = 0; round < 50; round++) {
    ssecast_error error;
    struct stream client;
    struct shared shared = {.hub = quiet_hub()};
    int socket = connected(&client);
    ssecast_attach_config config;
    ssecast_attach_config_init(&config, sizeof config);
    config.on_close = count_close;
    config.user_data = &shared;
    CHECK_OK(ssecast_hub_attach_socket(shared.hub, socket, &config, &shared.connection, &error));
    in_threads(detach_it, &shared);
    CHECK(atomic_exchange(&shared.succeeded, 0) == 1);
    in_threads(close_it, &shared);
    CHECK(atomic_load(&shared.succeeded) == 1);
    EVENTUALLY(atomic_load(&shared.closed) == 1);
    ssecast_connection_free(shared.connection);
    ssecast_hub_free(shared.hub);
    close(socket), close(client.socket);
  }
}

static int ignore(void *user_data, const ssecast_item *item) {
  (void)item;
  poll(NULL, 0, 1);
  atomic_fetch_add(&((struct shared *)user_data)->taken, 1);
  return 0;
}

static void *feed(void *user_data) {
  ssecast_error error;
  struct shared *shared = user_data;
  for (int round = 0; round < 50; round++) {
    ssecast_result result = ssecast_parser_feed(shared->parser, text("data: 1\n\n"), ignore, shared, &error);
    CHECK(result == SSECAST_OK || result == SSECAST_BUSY);
    atomic_fetch_add(result == SSECAST_OK ? &shared->succeeded : &shared->busy, 1);
  }
  return NULL;
}

static void a_parser_that_is_in_use_says_so(void) {
  ssecast_error error;
  struct shared shared = {0};
  CHECK_OK(ssecast_parser_new(0, &shared.parser, &error));
  in_threads(feed, &shared);
  CHECK((int)atomic_load(&shared.taken) == atomic_load(&shared.succeeded));
  CHECK(atomic_load(&shared.succeeded) + atomic_load(&shared.busy) == THREADS * 50);
  CHECK(atomic_load(&shared.busy) > 0);
  ssecast_parser_free(shared.parser);
}

static void *take(void *user_data) {
  ssecast_error error;
  ssecast_slice bytes;
  struct shared *shared = user_data;
  for (;;) {
    ssecast_result result = ssecast_subscription_next(shared->subscription, &bytes, &error);
    if (result == SSECAST_ENDED) return NULL;
    CHECK(result == SSECAST_OK || result == SSECAST_WOULD_BLOCK || result == SSECAST_BUSY);
    if (result == SSECAST_OK) atomic_fetch_add(&shared->taken, 1);
    publish(shared->hub, "ticks", "1");
    if (stats_of(shared->hub).published > 400) ssecast_subscription_end(shared->subscription, NULL);
  }
}

static void one_subscription_is_asked_by_several_threads(void) {
  ssecast_error error;
  ssecast_slice ticks = text("ticks");
  struct shared shared = {.hub = quiet_hub()};
  ssecast_subscription_config config;
  ssecast_subscription_config_init(&config, sizeof config);
  config.topics = &ticks;
  config.topics_len = 1;
  CHECK_OK(ssecast_hub_subscribe(shared.hub, &config, &shared.subscription, &error));
  in_threads(take, &shared);
  CHECK(atomic_load(&shared.taken) > 0);
  ssecast_subscription_free(shared.subscription);
  ssecast_hub_free(shared.hub);
}

/* A callback that does all there is to do, to its own hub and connection and to others. */
struct reentry {
  ssecast_hub *hub;
  ssecast_connection *connection;
  int next_socket;
  atomic_int done;
};

static void do_everything(void *user_data, ssecast_reason reason, bool cut) {
  ssecast_error error;
  struct reentry *reentry = user_data;
  ssecast_slice ticks = text("ticks");
  ssecast_event event = event_of("from inside");
  ssecast_attach_config config;
  ssecast_connection *next;
  (void)reason, (void)cut;
  publish(reentry->hub, "ticks", "from inside");
  stats_of(reentry->hub);
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_send(reentry->connection, &event, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_connection_detach(reentry->connection, &error));
  ssecast_connection_free(reentry->connection);
  ssecast_attach_config_init(&config, sizeof config);
  config.topics = &ticks;
  config.topics_len = 1;
  CHECK_OK(ssecast_hub_attach_socket(reentry->hub, reentry->next_socket, &config, &next, &error));
  CHECK_OK(ssecast_connection_send(next, &event, &error));
  publish(reentry->hub, "ticks", "after");
  CHECK_OK(ssecast_connection_detach(next, &error));
  ssecast_connection_free(next);
  CHECK_OK(ssecast_hub_close(reentry->hub, NULL, 10000, &error));
  ssecast_hub_free(reentry->hub);
  atomic_store(&reentry->done, 1);
}

static void a_callback_may_call_everything_and_free_its_own_handles(void) {
  ssecast_error error;
  struct stream client, next;
  struct reentry reentry = {.hub = quiet_hub()};
  int socket = connected(&client);
  ssecast_attach_config config;
  reentry.next_socket = connected(&next);
  ssecast_attach_config_init(&config, sizeof config);
  config.on_close = do_everything;
  config.user_data = &reentry;
  CHECK_OK(ssecast_hub_attach_socket(reentry.hub, socket, &config, &reentry.connection, &error));
  CHECK_OK(ssecast_connection_detach(reentry.connection, &error));
  EVENTUALLY(atomic_load(&reentry.done));
  EVENTUALLY(stream_has(&next, "data: after\n\n"));
  CHECK(strstr(next.bytes, "data: from inside\n\n") != NULL);
  close(socket), close(reentry.next_socket), close(client.socket), close(next.socket);
}

int main(void) {
  TEST("one hub is used by several threads", one_hub_is_used_by_several_threads);
  TEST("of several that end it, one is told that it did", of_several_that_end_it_one_is_told_that_it_did);
  TEST("a parser that is in use says so", a_parser_that_is_in_use_says_so);
  TEST("one subscription is asked by several threads", one_subscription_is_asked_by_several_threads);
  TEST("a callback may call everything, and free its own handles", a_callback_may_call_everything_and_free_its_own_handles);
  return 0;
}
