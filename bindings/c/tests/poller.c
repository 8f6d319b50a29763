/* Many subscriptions with one descriptor: which of them has something, and that no wake-up is lost. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "stream.h"

enum { CLIENTS = 50 };

static const ssecast_slice TICKS[] = {{"ticks", 5}};

struct client {
  ssecast_subscription *subscription;
  size_t events, told, ended;
  /* The beginning of what it was given last. */
  char bytes[4096];
};

static void join(ssecast_hub *hub, ssecast_poller *poller, struct client *client, size_t topics) {
  ssecast_error error;
  ssecast_subscription_config config;
  memset(client, 0, sizeof *client);
  CHECK(ssecast_subscription_config_init(&config, sizeof config) == SSECAST_OK);
  CHECK(config.poller == NULL && config.user_data == NULL);
  config.topics = TICKS;
  config.topics_len = topics;
  config.poller = poller;
  config.user_data = client;
  CHECK_OK(ssecast_hub_subscribe(hub, &config, &client->subscription, &error));
  CHECK(ssecast_subscription_user_data(client->subscription) == client);
  CHECK(ssecast_subscription_descriptor(client->subscription) == -1);
}

static int is_readable(const ssecast_poller *poller, int milliseconds) {
  struct pollfd readable = {ssecast_poller_descriptor(poller), POLLIN, 0};
  return poll(&readable, 1, milliseconds) == 1;
}

/* The client that the poller gives, or NULL. */
static struct client *next(ssecast_poller *poller) {
  ssecast_error error;
  ssecast_subscription *subscription;
  struct client *client;
  if (ssecast_poller_next(poller, &subscription, &error) != SSECAST_OK) {
    CHECK(error.result == SSECAST_WOULD_BLOCK);
    return NULL;
  }
  client = ssecast_subscription_user_data(subscription);
  CHECK(client->subscription == subscription && !client->ended);
  client->told++;
  return client;
}

/* Takes what there is for a client. */
static ssecast_result take(struct client *client) {
  ssecast_error error;
  ssecast_slice bytes;
  ssecast_result result;
  while ((result = ssecast_subscription_next(client->subscription, &bytes, &error)) == SSECAST_OK) {
    for (const char *at = bytes.data; at + 6 <= bytes.data + bytes.len; at++) client->events += memcmp(at, "data: ", 6) == 0;
    snprintf(client->bytes, sizeof client->bytes, "%.*s", (int)bytes.len, bytes.data);
  }
  CHECK(result == SSECAST_WOULD_BLOCK || result == SSECAST_ENDED);
  client->ended = result == SSECAST_ENDED;
  return result;
}

/* Serves all that the poller gives until it has nothing. Returns how many it gave. */
static size_t serve(ssecast_poller *poller) {
  size_t given = 0;
  for (struct client *client; (client = next(poller)) != NULL; given++) take(client);
  return given;
}

/* An alarm of the hub's may make the descriptor readable; then no subscription has anything. */
static void check_quiet(ssecast_poller *poller) {
  for (int asks = 0; is_readable(poller, 0); asks++) CHECK(asks < 10 && serve(poller) == 0);
}

static ssecast_poller *poller_of(ssecast_hub *hub) {
  ssecast_error error;
  ssecast_poller *poller;
  CHECK_OK(ssecast_poller_new(hub, &poller, &error));
  return poller;
}

static void one_descriptor_tells_of_all(void) {
  static struct client clients[CLIENTS];
  ssecast_hub *hub = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  check_quiet(poller);
  /* Every second one is private: nothing that is published is for it. */
  for (size_t at = 0; at < CLIENTS; at++) join(hub, poller, &clients[at], at % 2);
  CHECK(is_readable(poller, 0));
  CHECK(serve(poller) == CLIENTS);
  check_quiet(poller);
  for (int round = 1; round <= 100; round++) {
    publish(hub, "ticks", "1");
    CHECK(is_readable(poller, 0));
    CHECK(serve(poller) == CLIENTS / 2);
    check_quiet(poller);
  }
  for (size_t at = 0; at < CLIENTS; at++) {
    CHECK(clients[at].events == at % 2 * 100 && clients[at].told == 1 + clients[at].events);
    ssecast_subscription_free(clients[at].subscription);
  }
  CHECK(stats_of(hub).connections == 0 && stats_of(hub).disconnects_client == CLIENTS);
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

static void it_stays_readable_until_each_was_given(void) {
  static struct client clients[CLIENTS];
  size_t given = 0;
  ssecast_hub *hub = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  for (size_t at = 0; at < CLIENTS; at++) join(hub, poller, &clients[at], 1);
  serve(poller);
  publish(hub, "ticks", "1");
  /* One for each time that it is readable. */
  for (struct client *client; is_readable(poller, 0) && (client = next(poller)) != NULL; given++) {
    CHECK(take(client) == SSECAST_WOULD_BLOCK && client->events == 1);
  }
  CHECK(given == CLIENTS);
  check_quiet(poller);
  for (size_t at = 0; at < CLIENTS; at++) ssecast_subscription_free(clients[at].subscription);
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

static void one_that_is_not_asked_is_not_given_again_and_gets_the_rest_later(void) {
  static struct client slow, quick;
  ssecast_hub *hub = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  join(hub, poller, &slow, 1);
  join(hub, poller, &quick, 1);
  serve(poller);
  publish(hub, "ticks", "1");
  CHECK(next(poller) != NULL && next(poller) != NULL && next(poller) == NULL && slow.told == 2 && quick.told == 2);
  take(&quick);
  for (size_t at = 2; at < 10; at++) {
    publish(hub, "ticks", "2");
    CHECK(next(poller) == &quick);
    take(&quick);
    CHECK(next(poller) == NULL && quick.events == at);
  }
  check_quiet(poller);
  /* Its client can take more again. What the poller has for it comes first, and the rest is asked for. */
  CHECK(take(&slow) == SSECAST_WOULD_BLOCK && slow.events == 1);
  CHECK(is_readable(poller, 0) && next(poller) == &slow);
  CHECK(take(&slow) == SSECAST_WOULD_BLOCK && slow.events == 9);
  CHECK(next(poller) == NULL);
  check_quiet(poller);
  ssecast_subscription_free(slow.subscription);
  ssecast_subscription_free(quick.subscription);
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

static void each_is_sent_to_changed_and_ended_alone(void) {
  ssecast_error error;
  ssecast_slice news = text("news");
  ssecast_reason reason;
  ssecast_event private = event_of("alone");
  static struct client clients[3];
  ssecast_hub *hub = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  for (size_t at = 0; at < 3; at++) join(hub, poller, &clients[at], 1);
  serve(poller);
  CHECK_OK(ssecast_subscription_send(clients[1].subscription, &private, &error));
  CHECK(is_readable(poller, 0) && serve(poller) == 1 && strcmp(clients[1].bytes, "data: alone\n\n") == 0);
  CHECK_OK(ssecast_subscription_change_topics(clients[2].subscription, &news, 1, TICKS, 1, &error));
  serve(poller);
  publish(hub, "news", "1");
  CHECK(serve(poller) == 1 && clients[2].events == 1);
  CHECK_OK(ssecast_subscription_end(clients[0].subscription, &error));
  CHECK_OK(ssecast_subscription_finish(clients[1].subscription, &error));
  CHECK(is_readable(poller, 0));
  while (serve(poller) > 0) {}
  CHECK(clients[0].ended && clients[1].ended && !clients[2].ended);
  CHECK(strncmp(clients[1].bytes, "id: ", 4) == 0);
  CHECK_OK(ssecast_subscription_reason(clients[0].subscription, &reason, &error));
  CHECK(reason == SSECAST_REASON_SERVER);
  CHECK_OK(ssecast_hub_close(hub, &private, 60000, &error));
  CHECK(is_readable(poller, 0));
  while (serve(poller) > 0) {}
  CHECK(clients[2].ended && clients[2].events == 2);
  CHECK_OK(ssecast_subscription_reason(clients[2].subscription, &reason, &error));
  CHECK(reason == SSECAST_REASON_SHUTDOWN);
  for (size_t at = 0; at < 3; at++) ssecast_subscription_free(clients[at].subscription);
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

static void one_that_is_never_asked_is_told_of_its_end(void) {
  ssecast_error error;
  ssecast_reason reason;
  char data[2001];
  ssecast_hub_config config;
  ssecast_hub *hub;
  ssecast_poller *poller;
  static struct client slow;
  memset(data, 'x', sizeof data - 1);
  data[sizeof data - 1] = 0;
  ssecast_hub_config_init(&config, sizeof config);
  config.slow_client_bytes = 10000;
  config.history_events = 2;
  CHECK_OK(ssecast_hub_new(&config, &hub, &error));
  poller = poller_of(hub);
  join(hub, poller, &slow, 1);
  CHECK(next(poller) == &slow);
  EVENTUALLY((publish(hub, "ticks", data), next(poller) == &slow));
  CHECK(stats_of(hub).held_bytes < 40000);
  CHECK(take(&slow) == SSECAST_ENDED);
  CHECK_OK(ssecast_subscription_reason(slow.subscription, &reason, &error));
  CHECK(reason == SSECAST_REASON_LAGGED && serve(poller) == 0);
  ssecast_subscription_free(slow.subscription);
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

static void handles_may_go_in_any_order(void) {
  ssecast_error error;
  ssecast_subscription *none;
  ssecast_subscription_config config;
  static struct client clients[2];
  struct client *first;
  ssecast_hub *hub = quiet_hub(), *other = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  ssecast_subscription_config_init(&config, sizeof config);
  config.poller = poller;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_hub_subscribe(other, &config, &none, &error));
  CHECK(strcmp(error.field, "poller") == 0);
  ssecast_hub_free(other);
  for (size_t at = 0; at < 2; at++) join(hub, poller, &clients[at], 1);
  /* Freed while it is ready. */
  first = next(poller);
  ssecast_subscription_free(clients[first == &clients[0]].subscription);
  CHECK(next(poller) == NULL);
  ssecast_poller_free(poller);
  take(first);
  ssecast_hub_free(hub);
  ssecast_subscription_free(first->subscription);
  CHECK(ssecast_poller_descriptor(NULL) == -1);
}

static void in_a_child_it_has_ended(void) {
  ssecast_error error;
  ssecast_subscription *none;
  static struct client client;
  int status;
  ssecast_hub *hub = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  pid_t child;
  join(hub, poller, &client, 1);
  child = fork();
  if (child == 0) {
    CHECK_FAILS(SSECAST_ENDED, ssecast_poller_next(poller, &none, &error));
    CHECK(take(&client) == SSECAST_ENDED);
    ssecast_subscription_free(client.subscription);
    ssecast_poller_free(poller);
    /* Not by an exit: what the parent's threads have is no leak of the child's. */
    raise(SIGKILL);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  CHECK(is_readable(poller, 0) && serve(poller) == 1);
  ssecast_subscription_free(client.subscription);
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

enum { EVENTS = 2000, PUBLISHERS = 2 };

static void *publish_all(void *hub) {
  for (int at = 0; at < EVENTS; at++) publish(hub, "ticks", "1");
  return NULL;
}

static void no_wake_up_is_lost_while_others_publish(void) {
  static struct client clients[CLIENTS];
  size_t events = 0;
  pthread_t threads[PUBLISHERS];
  ssecast_hub *hub = quiet_hub();
  ssecast_poller *poller = poller_of(hub);
  for (size_t at = 0; at < CLIENTS; at++) join(hub, poller, &clients[at], 1);
  for (size_t at = 0; at < PUBLISHERS; at++) CHECK(pthread_create(&threads[at], NULL, publish_all, hub) == 0);
  /* It asks only when it is told to: one wake-up that is lost ends it. */
  while (events < (size_t)CLIENTS * PUBLISHERS * EVENTS) {
    CHECK(is_readable(poller, PATIENCE_SECONDS * 1000));
    for (struct client *client; (client = next(poller)) != NULL;) {
      size_t before = client->events;
      CHECK(take(client) == SSECAST_WOULD_BLOCK);
      events += client->events - before;
    }
  }
  for (size_t at = 0; at < PUBLISHERS; at++) pthread_join(threads[at], NULL);
  for (size_t at = 0; at < CLIENTS; at++) {
    CHECK(clients[at].events == PUBLISHERS * EVENTS);
    ssecast_subscription_free(clients[at].subscription);
  }
  ssecast_poller_free(poller);
  ssecast_hub_free(hub);
}

int main(void) {
  TEST("one descriptor tells of all", one_descriptor_tells_of_all);
  TEST("it stays readable until each was given", it_stays_readable_until_each_was_given);
  TEST("one that is not asked is not given again, and gets the rest later",
       one_that_is_not_asked_is_not_given_again_and_gets_the_rest_later);
  TEST("each is sent to, changed and ended alone", each_is_sent_to_changed_and_ended_alone);
  TEST("one that is never asked is told of its end", one_that_is_never_asked_is_told_of_its_end);
  TEST("handles may go in any order", handles_may_go_in_any_order);
  TEST("in a child it has ended", in_a_child_it_has_ended);
  TEST("no wake-up is lost while others publish", no_wake_up_is_lost_while_others_publish);
  return 0;
}
