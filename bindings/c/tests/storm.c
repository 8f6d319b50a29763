/* A client whose connections are cut a thousand times while events are published. */
#include <pthread.h>

#include "client.h"

#define CUTS 1000

struct storm {
  ssecast_hub *hub;
  int over;
  long published, received;
};

static void *publish_until_over(void *user_data) {
  struct storm *storm = user_data;
  while (!__atomic_load_n(&storm->over, __ATOMIC_SEQ_CST)) {
    for (int burst = 0; burst < 5; burst++) {
      char data[32];
      snprintf(data, sizeof data, "%ld", storm->published++);
      publish(storm->hub, "storm", data);
    }
    poll(NULL, 0, 1);
  }
  publish(storm->hub, "storm", "last");
  return NULL;
}

static int on_item(void *user_data, const ssecast_item *item) {
  struct storm *storm = user_data;
  char expected[32];
  if (is(item->data, "last")) return 1;
  snprintf(expected, sizeof expected, "%ld", storm->received++);
  CHECK(is(item->event, "message") && is(item->data, expected));
  return 0;
}

static void every_event_once(void) {
  struct storm storm = {.hub = NULL};
  struct client client = {.on_item = on_item, .user_data = &storm};
  ssecast_error error;
  ssecast_hub_config hub_config = {.size = sizeof hub_config, .history_events = 1000000, .history_bytes = 1 << 28};
  ssecast_listen_config listen_config = {.size = sizeof listen_config};
  ssecast_source_config config = {.size = sizeof config};
  ssecast_listener *listener;
  ssecast_published first = {.size = sizeof first};
  ssecast_event event = event_of("before");
  pthread_t publisher;
  char url[64];
  int cuts = 0;
  CHECK_OK(ssecast_hub_new(&hub_config, &storm.hub, &error));
  listen_config.query_topics = 1;
  CHECK_OK(ssecast_hub_listen(storm.hub, &listen_config, &listener, &error));
  CHECK_OK(ssecast_hub_publish(storm.hub, text("storm"), &event, &first, &error));
  snprintf(url, sizeof url, "http://127.0.0.1:%u/?topic=storm", ssecast_listener_port(listener));
  config.url = text(url), config.last_event_id = text(first.id);
  CHECK_OK(ssecast_source_new(&config, &client.source, &error));
  CHECK(pthread_create(&publisher, NULL, publish_until_over, &storm) == 0);
  srand(7);
  for (; cuts < CUTS; cuts++) {
    /* The first bytes are the reconnection time alone. */
    client.cut_after = 1 + (size_t)rand() % 600;
    connect_once(&client);
    /* The program keeps the time, and so this one need not wait. */
    CHECK(client.step.next == SSECAST_NEXT_WAIT && client.step.cause == SSECAST_CAUSE_NETWORK);
  }
  __atomic_store_n(&storm.over, 1, __ATOMIC_SEQ_CST);
  client.cut_after = 0;
  connect_once(&client);
  CHECK(client.step.next == SSECAST_NEXT_CLOSED);
  CHECK(pthread_join(publisher, NULL) == 0);
  CHECK(storm.received == storm.published && storm.received > 100);
  ssecast_source_free(client.source);
  ssecast_listener_free(listener);
  ssecast_hub_free(storm.hub);
}

int main(void) {
  TEST("a client that is cut 1,000 times in a storm of events has each of them once", every_event_once);
  return 0;
}
