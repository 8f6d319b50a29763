/* A server that accepts its own connections, and hands those that ask for a stream over to ssecast: it keeps nothing for them.
 * Build: cc attach.c $(pkg-config --cflags --libs ssecast) -lpthread -o attach
 * Then: ./attach 8080 & curl -N http://127.0.0.1:8080/ */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <ssecast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                           "Cache-Control: no-cache, no-transform\r\nTransfer-Encoding: chunked\r\n\r\n";

static void *publish(void *hub) {
  for (unsigned tick = 0;; tick++, sleep(1)) {
    char data[16];
    ssecast_event event;
    ssecast_event_init(&event, sizeof event);
    snprintf(data, sizeof data, "%u", tick);
    event.data = ssecast_slice_of(data);
    ssecast_hub_publish(hub, ssecast_slice_of("ticks"), &event, NULL, NULL);
  }
  return NULL;
}

static void gone(void *data, ssecast_reason reason, bool cut) {
  (void)data, (void)cut;
  printf("a client left (%u)\n", (unsigned)reason);
  fflush(stdout);
}

/* Reads a request's head. One that is slow or long is given up. */
static int read_head(int client, char *head, size_t capacity) {
  struct timeval patience = {5, 0};
  size_t length = 0;
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  while (length < capacity - 1) {
    ssize_t got = recv(client, head + length, capacity - 1 - length, 0);
    if (got <= 0) return 0;
    length += (size_t)got;
    head[length] = 0;
    if (strstr(head, "\r\n\r\n") != NULL) return strncmp(head, "GET ", 4) == 0;
  }
  return 0;
}

static ssecast_slice last_event_id(const char *head) {
  static const char NAME[] = "last-event-id:";
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
    if (strncasecmp(line + 2, NAME, sizeof NAME - 1) == 0) {
      const char *value = line + 2 + sizeof NAME - 1;
      ssecast_slice id;
      value += strspn(value, " \t");
      id.data = value;
      id.len = strcspn(value, " \t\r\n");
      return id;
    }
  }
  return ssecast_slice_of(NULL);
}

int main(int count, char **arguments) {
  ssecast_error error;
  ssecast_hub *hub;
  ssecast_slice topics[] = {{"ticks", 5}};
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  pthread_t publisher;
  int yes = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)(count > 1 ? atoi(arguments[1]) : 8080));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(server, (struct sockaddr *)&address, length) != 0 || listen(server, 128) != 0) return perror("listen"), 1;
  getsockname(server, (struct sockaddr *)&address, &length);
  if (ssecast_hub_new(NULL, &hub, &error) != SSECAST_OK) return fprintf(stderr, "%s\n", error.message), 1;
  pthread_create(&publisher, NULL, publish, hub);
  printf("http://127.0.0.1:%u/\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    char head[8192];
    ssecast_attach_config config;
    int client = accept(server, NULL, NULL);
    if (client < 0) continue;
    if (read_head(client, head, sizeof head) && send(client, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL) == sizeof HEAD - 1) {
      ssecast_attach_config_init(&config, sizeof config);
      config.topics = topics;
      config.topics_len = 1;
      config.last_event_id = last_event_id(head);
      config.released = 1; /* The descriptor is closed below, and the engine sees the client leave. */
      config.on_close = gone;
      if (ssecast_hub_attach_socket(hub, client, &config, NULL, &error) != SSECAST_OK) fprintf(stderr, "%s\n", error.message);
    }
    close(client);
  }
}
