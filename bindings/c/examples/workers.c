/* A hub in two processes, on one store: each serves all events, whoever publishes them.
 * Build: cc workers.c $(pkg-config --cflags --libs ssecast) -o workers
 * Then: ./workers file:./events & curl -N each of the addresses. */
#include <ssecast.h>
#include <stdio.h>
#include <unistd.h>

/* Serves the topic, and publishes to it once a second. */
static int work(const char *name, const char *store) {
  ssecast_error error;
  ssecast_hub *hub;
  ssecast_listener *listener;
  ssecast_hub_config config;
  ssecast_listen_config listen;
  ssecast_hub_config_init(&config, sizeof config);
  ssecast_listen_config_init(&listen, sizeof listen);
  config.store = ssecast_slice_of(store);
  listen.path = ssecast_slice_of("/");
  listen.query_topics = 1;
  if (ssecast_hub_new(&config, &hub, &error) || ssecast_hub_listen(hub, &listen, &listener, &error)) {
    return fprintf(stderr, "%s\n", error.message), 1;
  }
  printf("http://127.0.0.1:%u/?topic=ticks\n", ssecast_listener_port(listener));
  fflush(stdout);
  for (unsigned tick = 0;; tick++, sleep(1)) {
    char data[32];
    ssecast_event event;
    ssecast_event_init(&event, sizeof event);
    snprintf(data, sizeof data, "%s %u", name, tick);
    event.data = ssecast_slice_of(data);
    if (ssecast_hub_publish(hub, ssecast_slice_of("ticks"), &event, NULL, &error)) {
      /* The store can't be used now: nothing was published, clients stay connected, and the next event may succeed. */
      fprintf(stderr, "%s\n", error.message);
    }
  }
}

int main(int count, char **arguments) {
  const char *store = count > 1 ? arguments[1] : "file:./events";
  return fork() == 0 ? work("child", store) : work("parent", store);
}
