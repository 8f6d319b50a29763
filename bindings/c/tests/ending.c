/* The end of a hub: it is waited for, callbacks included; and a process that forks. */
#include <stdatomic.h>
#include <signal.h>
#include <sys/wait.h>

#include "stream.h"

enum { CLIENTS = 200 };

static atomic_int told;
static atomic_int may_return;
static ssecast_hub *of_callbacks;

static void on_close(void *user_data, ssecast_reason reason, bool cut) {
  (void)user_data, (void)reason, (void)cut;
  poll(NULL, 0, 1);
  atomic_fetch_add(&told, 1);
}

static void attach(ssecast_hub *hub, int socket, ssecast_close_callback on_end, int released) {
  ssecast_error error;
  ssecast_slice topic = {"t", 1};
  ssecast_attach_config config = {.size = sizeof config, .topics = &topic, .topics_len = 1, .framing = SSECAST_FRAMING_RAW};
  config.on_close = on_end;
  config.released = (uint32_t)released;
  CHECK_OK(ssecast_hub_attach_socket(hub, socket, &config, NULL, &error));
  if (released) close(socket);
}

static void pairs(int ends[CLIENTS][2]) {
  for (int at = 0; at < CLIENTS; at++) CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[at]) == 0);
}

/* As a program ends: publish, close, free, return. Every client has everything. */
static void a_program_that_ends_has_told_every_client_the_last_event(void) {
  static int ends[CLIENTS][2];
  for (int waits = 0; waits < 3; waits++) {
    pairs(ends);
    pid_t child = fork();
    if (child == 0) {
      ssecast_error error;
      ssecast_hub *hub;
      bool over = false;
      char *large = malloc(20001);
      memset(large, 'x', 20000);
      large[20000] = 0;
      CHECK_OK(ssecast_hub_new(NULL, &hub, &error));
      for (int at = 0; at < CLIENTS; at++) attach(hub, ends[at][0], NULL, 1), close(ends[at][1]);
      publish(hub, "t", large);
      publish(hub, "t", "LAST");
      if (waits > 0) CHECK_OK(ssecast_hub_close(hub, NULL, PATIENCE_SECONDS * 1000, &error));
      if (waits > 1) {
        CHECK_OK(ssecast_hub_wait_closed(hub, PATIENCE_SECONDS * 1000, &over, &error));
        CHECK(over);
      }
      ssecast_hub_free(hub);
      _exit(0);
    }
    for (int at = 0; at < CLIENTS; at++) close(ends[at][0]);
    for (int at = 0; at < CLIENTS; at++) {
      static struct stream client;
      memset(&client, 0, sizeof client);
      client.socket = ends[at][1];
      stream_finish(&client);
      close(client.socket);
      CHECK(strstr(client.bytes, "data: LAST\n\n") != NULL);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

static void when_a_hub_is_over_every_callback_has_returned(void) {
  static int ends[CLIENTS][2];
  for (int waits = 0; waits < 2; waits++) {
    ssecast_error error;
    ssecast_hub *hub = quiet_hub();
    bool over = true;
    atomic_store(&told, 0);
    pairs(ends);
    for (int at = 0; at < CLIENTS; at++) attach(hub, ends[at][0], on_close, 0);
    CHECK_OK(ssecast_hub_wait_closed(hub, 0, &over, &error));
    CHECK(!over);
    if (waits) {
      CHECK_OK(ssecast_hub_close(hub, NULL, 1000, &error));
      CHECK_OK(ssecast_hub_wait_closed(hub, PATIENCE_SECONDS * 1000, &over, &error));
      CHECK(over && atomic_load(&told) == CLIENTS);
    }
    ssecast_hub_free(hub);
    CHECK(atomic_load(&told) == CLIENTS);
    for (int at = 0; at < CLIENTS; at++) close(ends[at][0]), close(ends[at][1]);
  }
}

static void wait_and_free(void *user_data, ssecast_reason reason, bool cut) {
  ssecast_error error;
  bool over = true;
  (void)user_data, (void)reason, (void)cut;
  CHECK_FAILS(SSECAST_BUSY, ssecast_hub_wait_closed(of_callbacks, 1000000, &over, &error));
  CHECK(over && strcmp(error.field, "hub") == 0);
  /* It waits for nothing here. */
  ssecast_hub_free(of_callbacks);
  atomic_store(&may_return, 1);
}

static void a_callback_that_waits_is_told_so_and_may_free_the_hub(void) {
  ssecast_error error;
  int ends[2];
  of_callbacks = quiet_hub();
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  attach(of_callbacks, ends[0], wait_and_free, 0);
  CHECK_OK(ssecast_hub_close(of_callbacks, NULL, 0, &error));
  EVENTUALLY(atomic_load(&may_return) == 1);
  close(ends[0]), close(ends[1]);
}

/* A subscription is written by the caller, and its hub can be freed before it. */
static void freeing_a_hub_does_not_wait_for_its_subscriptions(void) {
  ssecast_error error;
  ssecast_hub *hub = quiet_hub();
  ssecast_subscription *subscription;
  ssecast_subscription_config config = {.size = sizeof config};
  bool over = true;
  CHECK_OK(ssecast_hub_subscribe(hub, &config, &subscription, &error));
  CHECK_OK(ssecast_hub_close(hub, NULL, 0, &error));
  CHECK_OK(ssecast_hub_wait_closed(hub, 1, &over, &error));
  CHECK(!over);
  ssecast_hub_free(hub);
  ssecast_subscription_free(subscription);
}

static int in_a_child(void (*run)(ssecast_hub *, ssecast_subscription *), ssecast_hub *hub, ssecast_subscription *subscription) {
  int status;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    alarm(PATIENCE_SECONDS);
    run(hub, subscription);
    /* Ended without exit: the leak check would count the parent's memory, which a child never frees. */
    kill(getpid(), SIGKILL);
  }
  CHECK(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static char id_before[56];

static void use(ssecast_hub *hub, ssecast_subscription *subscription) {
  ssecast_error error;
  ssecast_event event = event_of("of the child");
  ssecast_published published = {.size = sizeof published};
  ssecast_slice bytes;
  struct stream client;
  int socket = connected(&client);
  CHECK_OK(ssecast_hub_publish(hub, text("t"), &event, &published, &error));
  /* The first event of another epoch. */
  CHECK(strcmp(strchr(published.id, '-'), "-1") == 0 && strncmp(published.id, id_before, 10) != 0);
  CHECK(stats_of(hub).connections == 0 && stats_of(hub).published == 1);
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_next(subscription, &bytes, &error));
  CHECK_FAILS(SSECAST_ENDED, ssecast_subscription_send(subscription, &event, &error));
  attach(hub, socket, NULL, 1);
  publish(hub, "t", "to a client of the child");
  EVENTUALLY(stream_has(&client, "data: to a client of the child\n\n"));
  /* As a clean-up does: nothing of it is the parent's. */
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
}

static void a_child_has_a_hub_of_its_own_and_leaves_the_parents_clients_alone(void) {
  ssecast_error error;
  ssecast_hub *hub = quiet_hub();
  ssecast_event event = event_of("before");
  ssecast_published published = {.size = sizeof published};
  ssecast_subscription *subscription;
  ssecast_slice topic = {"t", 1}, bytes;
  ssecast_subscription_config config = {.size = sizeof config, .topics = &topic, .topics_len = 1};
  struct stream client, released;
  int socket = connected(&client);
  attach(hub, socket, NULL, 0);
  attach(hub, connected(&released), NULL, 1);
  CHECK_OK(ssecast_hub_subscribe(hub, &config, &subscription, &error));
  CHECK_OK(ssecast_hub_publish(hub, topic, &event, &published, &error));
  memcpy(id_before, published.id, sizeof id_before);
  CHECK(in_a_child(use, hub, subscription));
  CHECK(in_a_child(use, hub, subscription));
  publish(hub, "t", "after");
  EVENTUALLY(stream_has(&client, "data: after\n\n") && stream_has(&released, "data: after\n\n"));
  CHECK(stats_of(hub).connections == 3 && stats_of(hub).published == 2);
  CHECK_OK(ssecast_subscription_next(subscription, &bytes, &error));
  ssecast_subscription_free(subscription);
  ssecast_hub_free(hub);
  stream_finish(&released);
  CHECK(strstr(client.bytes, "of the child") == NULL && strstr(released.bytes, "of the child") == NULL);
  close(socket), close(client.socket), close(released.socket);
}

int main(void) {
  TEST("a program that ends has told every client the last event", a_program_that_ends_has_told_every_client_the_last_event);
  TEST("when a hub is over, every callback has returned", when_a_hub_is_over_every_callback_has_returned);
  TEST("a callback that waits is told so, and may free the hub", a_callback_that_waits_is_told_so_and_may_free_the_hub);
  TEST("freeing a hub does not wait for its subscriptions", freeing_a_hub_does_not_wait_for_its_subscriptions);
  TEST("a child has a hub of its own, and leaves the parent's clients alone",
       a_child_has_a_hub_of_its_own_and_leaves_the_parents_clients_alone);
  return 0;
}
