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

/* What the head of every stream has. */
static char stream_headers[512];

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

static ssecast_slice header(const char *head, const char *name) {
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
    size_t length = strlen(name);
    if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
      ssecast_slice value = {line + 3 + length, 0};
      value.data += strspn(value.data, " \t");
      value.len = strcspn(value.data, "\r\n");
      return value;
    }
  }
  return ssecast_slice_of(NULL);
}

/* Answers a client that can't have a stream now, so that it comes back. */
static void turn_away(const ssecast_hub *hub, int client, const char *head) {
  char response[1024];
  ssecast_unavailable answer = {.size = sizeof answer};
  ssecast_hub_unavailable(hub, ssecast_slice_of("GET"), header(head, "Accept"), &answer, NULL);
  int length = answer.status == 200
    ? snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\n%sConnection: close\r\n\r\n%s", stream_headers, answer.body)
    : snprintf(response, sizeof response, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %u\r\nContent-Length: 0\r\n"
                                          "Connection: close\r\n\r\n", (unsigned)answer.retry_after);
  send(client, response, (size_t)length, MSG_NOSIGNAL);
}

/* Answers a client that there is nothing more for: it stays away. */
static void turn_away_for_good(int client) {
  static const char OVER[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
  send(client, OVER, sizeof OVER - 1, MSG_NOSIGNAL);
}

/* Hands a client over, with the head of its response. */
static void attach(ssecast_hub *hub, int client, const char *head) {
  static ssecast_slice topics[] = {{"ticks", 5}};
  char response[1024];
  ssecast_error error;
  ssecast_attach_config config;
  ssecast_slice id = ssecast_last_event_id(header(head, "Last-Event-ID"), ssecast_slice_of(NULL));
  if (ssecast_is_finished(id)) {
    turn_away_for_good(client);
    return;
  }
  snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n", stream_headers);
  ssecast_attach_config_init(&config, sizeof config);
  config.topics = topics;
  config.topics_len = 1;
  config.last_event_id = id;
  config.head = ssecast_slice_of(response);
  config.released = 1; /* The descriptor is closed below, and the engine sees the client leave. */
  config.on_close = gone;
  ssecast_result result = ssecast_hub_attach_socket(hub, client, &config, NULL, &error);
  if (result == SSECAST_OK) return;
  if (result == SSECAST_TOPIC_ENDED) {
    turn_away_for_good(client);
    return;
  }
  fprintf(stderr, "%s\n", error.message);
  if (ssecast_is_unavailable(result)) turn_away(hub, client, head);
}

int main(int count, char **arguments) {
  ssecast_error error;
  ssecast_hub *hub;
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  size_t headers;
  pthread_t publisher;
  int yes = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)(count > 1 ? atoi(arguments[1]) : 8080));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(server, (struct sockaddr *)&address, length) != 0 || listen(server, 128) != 0) return perror("listen"), 1;
  getsockname(server, (struct sockaddr *)&address, &length);
  ssecast_stream_headers(ssecast_slice_of(NULL), stream_headers, sizeof stream_headers - 1, &headers, NULL);
  if (ssecast_hub_new(NULL, &hub, &error) != SSECAST_OK) return fprintf(stderr, "%s\n", error.message), 1;
  pthread_create(&publisher, NULL, publish, hub);
  printf("http://127.0.0.1:%u/\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    char head[8192];
    int client = accept(server, NULL, NULL);
    if (client < 0) continue;
    if (read_head(client, head, sizeof head)) attach(hub, client, head);
    close(client);
  }
}
