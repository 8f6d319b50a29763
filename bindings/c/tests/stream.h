/* Real sockets for the C tests: a client's end, and what it has read. */
#ifndef STREAM_H
#define STREAM_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

struct stream {
  int socket;
  size_t length;
  char bytes[1 << 16];
};

/* Reads what there is within some milliseconds. Returns whether the peer may have more to say. */
static inline int stream_read(struct stream *stream, int milliseconds) {
  struct pollfd readable = {stream->socket, POLLIN, 0};
  ssize_t read;
  if (poll(&readable, 1, milliseconds) <= 0) return 1;
  CHECK(stream->length < sizeof stream->bytes - 1);
  read = recv(stream->socket, stream->bytes + stream->length, sizeof stream->bytes - 1 - stream->length, 0);
  if (read <= 0) return read < 0 && (errno == EINTR || errno == EAGAIN);
  stream->length += (size_t)read;
  stream->bytes[stream->length] = 0;
  return 1;
}

static inline int stream_has(struct stream *stream, const char *text) {
  if (strstr(stream->bytes, text) != NULL) return 1;
  stream_read(stream, 5);
  return strstr(stream->bytes, text) != NULL;
}

/* Reads to the end of the connection. */
static inline void stream_finish(struct stream *stream) {
  EVENTUALLY(!stream_read(stream, 5));
}

static inline size_t count(const char *bytes, const char *text) {
  size_t found = 0;
  for (bytes = strstr(bytes, text); bytes != NULL; bytes = strstr(bytes + 1, text)) found++;
  return found;
}

/* Two connected sockets: the server's, which is returned, and the client's. */
static inline int connected(struct stream *client) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  memset(client, 0, sizeof *client);
  client->socket = ends[1];
  return ends[0];
}

static inline void tcp_connect(struct stream *client, uint16_t port) {
  struct sockaddr_in address = {0};
  memset(client, 0, sizeof *client);
  client->socket = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(connect(client->socket, (struct sockaddr *)&address, sizeof address) == 0);
}

static inline void say(const struct stream *client, const char *text) {
  CHECK(send(client->socket, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

#endif
