/* A whole server. Build: cc listen.c $(pkg-config --cflags --libs ssecast) -o listen
 * Then: ./listen 127.0.0.1:8080 & curl -N http://127.0.0.1:8080/ticks */
#include <ssecast.h>
#include <stdio.h>
#include <unistd.h>

static void route(void *data, const ssecast_request *request, ssecast_responder *responder) {
  ssecast_slice topics[] = {{"ticks", 5}};
  (void)data, (void)request;
  ssecast_responder_allow(responder, topics, 1, NULL);
  ssecast_responder_free(responder);
}

int main(int count, char **arguments) {
  ssecast_error error;
  ssecast_hub *hub;
  ssecast_listener *listener;
  ssecast_listen_config config;
  ssecast_listen_config_init(&config, sizeof config);
  config.address = ssecast_slice_of(count > 1 ? arguments[1] : "127.0.0.1:8080");
  config.path = ssecast_slice_of("/ticks");
  config.route = route;
  if (ssecast_hub_new(NULL, &hub, &error) || ssecast_hub_listen(hub, &config, &listener, &error)) {
    return fprintf(stderr, "%s\n", error.message), 1;
  }
  printf("http://127.0.0.1:%u/ticks\n", ssecast_listener_port(listener));
  fflush(stdout);
  for (unsigned tick = 0;; tick++, sleep(1)) {
    char data[16];
    ssecast_event event;
    ssecast_event_init(&event, sizeof event);
    snprintf(data, sizeof data, "%u", tick);
    event.data = ssecast_slice_of(data);
    ssecast_hub_publish(hub, ssecast_slice_of("ticks"), &event, NULL, NULL);
  }
}
