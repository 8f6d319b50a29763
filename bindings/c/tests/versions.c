/* Programs that were compiled before a structure had its last fields: the library does not look at what they don't have. */
#include "stream.h"

static const ssecast_slice TICKS[] = {{"ticks", 5}};

/* Fills in a structure as the first version that had it knew it, and leaves the rest as it is: not zero. */
#define OLDER(structure, init, first_new) \
  do { \
    size_t size = offsetof(structure, first_new); \
    memset(&older, 0xff, sizeof older); \
    CHECK(init(&older, size - 8) == SSECAST_INVALID_SIZE); \
    CHECK(init(&older, size) == SSECAST_OK && older.size == size); \
    CHECK(((unsigned char *)&older)[size] == 0xff && ((unsigned char *)&older)[sizeof older - 1] == 0xff); \
  } while (0)

static void an_older_hub_has_its_log_in_memory(void) {
  ssecast_error error;
  ssecast_hub *hub;
  ssecast_hub_config older;
  ssecast_stats stats;
  OLDER(ssecast_hub_config, ssecast_hub_config_init, store);
  CHECK_OK(ssecast_hub_new(&older, &hub, &error));
  publish(hub, "ticks", "1");
  memset(&stats, 0xff, sizeof stats);
  stats.size = offsetof(ssecast_stats, store);
  CHECK_OK(ssecast_hub_stats(hub, &stats, &error));
  CHECK(stats.published == 1 && stats.store == UINT32_MAX && stats.reserved == UINT32_MAX);
  CHECK(stats_of(hub).store == SSECAST_STORE_STATE_NONE);
  ssecast_hub_free(hub);
}

static void an_older_stream_begins_live(void) {
  ssecast_error error;
  ssecast_hub *hub = quiet_hub();
  struct stream attached, asked;
  publish(hub, "ticks", "before");
  {
    ssecast_attach_config older;
    int socket = connected(&attached);
    OLDER(ssecast_attach_config, ssecast_attach_config_init, replay);
    older.topics = TICKS, older.topics_len = 1, older.released = 1;
    CHECK_OK(ssecast_hub_attach_socket(hub, socket, &older, NULL, &error));
    close(socket);
  }
  ssecast_listener *listener;
  {
    ssecast_listen_config older;
    OLDER(ssecast_listen_config, ssecast_listen_config_init, replay);
    older.query_topics = 1;
    CHECK_OK(ssecast_hub_listen(hub, &older, &listener, &error));
    tcp_connect(&asked, ssecast_listener_port(listener));
    say(&asked, "GET /?topic=ticks HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  ssecast_subscription *subscription;
  ssecast_slice bytes;
  {
    ssecast_subscription_config older;
    OLDER(ssecast_subscription_config, ssecast_subscription_config_init, replay);
    older.topics = TICKS, older.topics_len = 1;
    CHECK_OK(ssecast_hub_subscribe(hub, &older, &subscription, &error));
  }
  char taken[1024] = "";
  while (ssecast_subscription_next(subscription, &bytes, &error) == SSECAST_OK) strncat(taken, bytes.data, bytes.len);
  CHECK(strstr(taken, "data: before") == NULL);
  EVENTUALLY(stats_of(hub).connections == 3);
  publish(hub, "ticks", "live");
  EVENTUALLY(stream_has(&attached, "data: live\n") && stream_has(&asked, "data: live\n"));
  CHECK(strstr(attached.bytes, "data: before") == NULL && strstr(asked.bytes, "data: before") == NULL);
  ssecast_subscription_free(subscription);
  ssecast_listener_free(listener);
  ssecast_hub_free(hub);
  close(attached.socket);
  close(asked.socket);
}

static void an_older_listener_has_its_replay_and_decides_on_no_origin(void) {
  ssecast_error error;
  ssecast_hub *hub = quiet_hub();
  ssecast_listener *listener;
  ssecast_listen_config older;
  struct stream client;
  size_t size = offsetof(ssecast_listen_config, cors_allows);
  memset(&older, 0xff, sizeof older);
  CHECK(ssecast_listen_config_init(&older, size) == SSECAST_OK && older.size == size);
  CHECK(((unsigned char *)&older)[size] == 0xff);
  older.query_topics = 1;
  older.replay = SSECAST_REPLAY_ALL;
  publish(hub, "ticks", "before");
  CHECK_OK(ssecast_hub_listen(hub, &older, &listener, &error));
  tcp_connect(&client, ssecast_listener_port(listener));
  say(&client, "GET /?topic=ticks HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n\r\n");
  EVENTUALLY(stream_has(&client, "data: before\n"));
  CHECK(strstr(client.bytes, "Access-Control-") == NULL);
  ssecast_listener_free(listener);
  ssecast_hub_free(hub);
  close(client.socket);
}

int main(void) {
  TEST("an older hub has its log in memory", an_older_hub_has_its_log_in_memory);
  TEST("an older stream begins live", an_older_stream_begins_live);
  TEST("an older listener has its replay and decides on no origin", an_older_listener_has_its_replay_and_decides_on_no_origin);
  return 0;
}
