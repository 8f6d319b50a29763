/* A worker in C. worker STORE prints the URL that it serves the topic `news` at; each line that it reads is the data of an event
 * that it publishes, and it prints the event's id. At `!end` it ends the topic. At /all a new client begins with all that is kept. */
#include <ssecast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ssecast_slice NEWS[] = {{"news", 4}};

static void route(void *data, const ssecast_request *request, ssecast_responder *responder) {
  ssecast_slice path = ssecast_request_path(request);
  uint64_t replay = path.len == 4 && memcmp(path.data, "/all", 4) == 0 ? SSECAST_REPLAY_ALL : 0;
  (void)data;
  ssecast_responder_allow_with_replay(responder, NEWS, 1, replay, NULL);
  ssecast_responder_free(responder);
}

int main(int count, char **arguments) {
  ssecast_error error;
  ssecast_hub *hub;
  ssecast_listener *listener;
  ssecast_hub_config config;
  ssecast_listen_config listen;
  char line[1024];
  (void)count;
  ssecast_hub_config_init(&config, sizeof config);
  ssecast_listen_config_init(&listen, sizeof listen);
  config.store = ssecast_slice_of(arguments[1]);
  listen.route = route;
  if (ssecast_hub_new(&config, &hub, &error) || ssecast_hub_listen(hub, &listen, &listener, &error)) goto failed;
  printf("http://127.0.0.1:%u/\n", ssecast_listener_port(listener));
  while (fflush(stdout), fgets(line, sizeof line, stdin) != NULL) {
    ssecast_event event = {.size = sizeof event, .event = {"said", 4}};
    ssecast_published published = {.size = sizeof published};
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, "!end") == 0) {
      if (ssecast_hub_end_topic(hub, NEWS[0], &error)) goto failed;
      puts("ended");
      continue;
    }
    event.data = ssecast_slice_of(line);
    if (ssecast_hub_publish(hub, NEWS[0], &event, &published, &error)) goto failed;
    puts(published.id);
  }
  ssecast_listener_free(listener);
  ssecast_hub_free(hub);
  return 0;
failed:
  return fprintf(stderr, "%s\n", error.message), 1;
}
