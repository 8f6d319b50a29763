/* A client over plain sockets for the tests of the source: HTTP/1.1, one connection for each request. */
#ifndef CLIENT_H
#define CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

struct client {
  ssecast_source *source;
  ssecast_source_step step;
  /* The program's own headers, each with its line's end, and its body. */
  const char *headers, *body;
  ssecast_item_callback on_item;
  void (*on_open)(void *user_data);
  void *user_data;
  uint32_t status;
  int socket, idle_ms;
  /* The connection is cut after so many bytes of the response, unless this is 0. */
  size_t cut_after;
  /* What is left of the chunk of the body, and the size that was read so far of the next one. */
  size_t chunk, size;
  enum { IN_SIZE, IN_CHUNK, AFTER_CHUNK, AT_END } framing;
};

static inline int dial(ssecast_slice url, const char **path) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  const char *colon = memchr(url.data + 7, ':', url.len - 7);
  int dialed = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(dialed >= 0 && colon != NULL);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  *path = memchr(colon, '/', url.len - (size_t)(colon - url.data));
  CHECK(connect(dialed, (struct sockaddr *)&address, sizeof address) == 0);
  return dialed;
}

static inline void append(char *buffer, size_t capacity, const char *bytes, size_t length) {
  size_t used = strlen(buffer);
  CHECK(used + length < capacity);
  memcpy(buffer + used, bytes, length);
  buffer[used + length] = 0;
}

static inline ssecast_slice header_of(const char *head, const char *name) {
  ssecast_slice found = {NULL, 0};
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
    size_t length = strlen(name);
    if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
      found.data = line + 3 + length;
      while (*found.data == ' ') found.data++;
      found.len = strcspn(found.data, "\r\n");
    }
  }
  return found;
}

static inline void lose(struct client *client, uint32_t cause) {
  ssecast_error error;
  CHECK_OK(ssecast_source_lose(client->source, cause, text("the socket says so"), &client->step, &error));
}

/* Reads into the buffer. Returns 0 when there is nothing more, and the source knows why. */
static inline size_t hear(struct client *client, char *buffer, size_t room) {
  struct pollfd readable = {.fd = client->socket, .events = POLLIN};
  int ready = poll(&readable, 1, client->idle_ms);
  ssize_t got = ready > 0 ? recv(client->socket, buffer, room, 0) : 0;
  if (got > 0) return (size_t)got;
  lose(client, ready == 0 ? SSECAST_CAUSE_IDLE : SSECAST_CAUSE_NETWORK);
  return 0;
}

/* Takes the framing off and feeds the rest. */
static inline void feed(struct client *client, const char *bytes, size_t length) {
  ssecast_error error;
  while (length > 0 && client->step.next == SSECAST_NEXT_READ && client->framing != AT_END) {
    if (client->framing == IN_CHUNK) {
      ssecast_slice chunk = {bytes, length < client->chunk ? length : client->chunk};
      CHECK_OK(ssecast_source_feed(client->source, chunk, client->on_item, client->user_data, &client->step, &error));
      bytes += chunk.len, length -= chunk.len, client->chunk -= chunk.len;
      if (client->chunk == 0) client->framing = AFTER_CHUNK;
      continue;
    }
    char next = *bytes++;
    length--;
    if (client->framing == AFTER_CHUNK) {
      if (next == '\n') client->framing = IN_SIZE, client->size = 0;
    } else if (next == '\n') {
      client->chunk = client->size;
      client->framing = client->chunk > 0 ? IN_CHUNK : AT_END;
    } else if (next != '\r') {
      client->size = client->size * 16 + (size_t)(next <= '9' ? next - '0' : (next | 32) - 'a' + 10);
    }
  }
}

static inline void send_request(struct client *client) {
  ssecast_error error;
  ssecast_source_request request = {.size = sizeof request};
  const char *path;
  char head[4096] = "";
  CHECK_OK(ssecast_source_next_request(client->source, &request, &error));
  client->idle_ms = request.idle_ms == SSECAST_OFF ? PATIENCE_SECONDS * 1000 : (int)request.idle_ms;
  client->socket = dial(request.url, &path);
  append(head, sizeof head, request.method.data, request.method.len);
  append(head, sizeof head, " ", 1);
  append(head, sizeof head, path, request.url.len - (size_t)(path - request.url.data));
  append(head, sizeof head, " HTTP/1.1\r\nHost: localhost\r\n", 28);
  for (size_t at = 0; at < request.headers_len; at++) {
    append(head, sizeof head, request.headers[at].name.data, request.headers[at].name.len);
    append(head, sizeof head, ": ", 2);
    append(head, sizeof head, request.headers[at].value.data, request.headers[at].value.len);
    append(head, sizeof head, "\r\n", 2);
  }
  for (const char *line = client->headers; line != NULL && *line != 0; line = strchr(line, '\n') + 1) {
    if (!request.sends_credentials && strncasecmp(line, "Authorization:", 14) == 0) continue;
    append(head, sizeof head, line, (size_t)(strchr(line, '\n') + 1 - line));
  }
  if (request.sends_body && client->body != NULL && *client->body != 0) {
    char length[64];
    int digits = snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", strlen(client->body));
    append(head, sizeof head, length, (size_t)digits);
    append(head, sizeof head, client->body, strlen(client->body));
  } else {
    append(head, sizeof head, "\r\n", 2);
  }
  CHECK(send(client->socket, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head));
}

/* Sends what the source requests, and reads until it says something other than to read. */
static inline void connect_once(struct client *client) {
  ssecast_error error;
  ssecast_source_response response = {.size = sizeof response};
  char buffer[1 << 14], *body = NULL;
  size_t length = 0, left = client->cut_after > 0 ? client->cut_after : (size_t)-1;
  client->step.size = sizeof client->step;
  client->framing = IN_SIZE, client->size = 0;
  send_request(client);
  while (body == NULL) {
    size_t got = hear(client, buffer + length, sizeof buffer - 1 - length);
    if (got == 0) goto given_up;
    length += got;
    buffer[length] = 0;
    body = strstr(buffer, "\r\n\r\n");
  }
  body += 2;
  *body = 0, body += 2;
  response.status = client->status = (uint32_t)atoi(buffer + 9);
  response.content_type = header_of(buffer, "Content-Type");
  response.location = header_of(buffer, "Location");
  response.retry_after = header_of(buffer, "Retry-After");
  response.date = header_of(buffer, "Date");
  CHECK_OK(ssecast_source_respond(client->source, &response, &client->step, &error));
  if (client->step.next == SSECAST_NEXT_READ && client->on_open != NULL) client->on_open(client->user_data);
  length -= (size_t)(body - buffer);
  while (client->step.next == SSECAST_NEXT_READ) {
    size_t taken = length < left ? length : left;
    feed(client, body, taken);
    left -= taken;
    if (client->step.next != SSECAST_NEXT_READ) break;
    if (left == 0) {
      lose(client, SSECAST_CAUSE_NETWORK);
    } else if (client->framing == AT_END) {
      lose(client, SSECAST_CAUSE_ENDED);
    } else {
      length = hear(client, body = buffer, sizeof buffer);
    }
  }
given_up:
  close(client->socket);
}

#endif
