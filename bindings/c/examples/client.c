/* Follows a stream with libcurl: prints its events, reconnects when the connection is lost, and resumes where it was.
 * Build: cc client.c $(pkg-config --cflags --libs ssecast libcurl) -o client
 * Then: ./client http://127.0.0.1:8080/ticks 10    (the number of events after which it stops; none: it goes on) */
#include <curl/curl.h>
#include <ssecast.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if LIBCURL_VERSION_NUM < 0x075400
#error "libcurl 7.84 or later is needed: older ones don't give the headers of a response by their names"
#endif

struct client {
  CURL *curl;
  ssecast_source *source;
  ssecast_source_step step;
  long events_left;
};

static int on_item(void *data, const ssecast_item *item) {
  struct client *client = data;
  printf("%.*s: %.*s\n", (int)item->event.len, item->event.data, (int)item->data.len, item->data.data);
  fflush(stdout);
  return --client->events_left == 0; /* 1 closes the source. */
}

static ssecast_slice header(CURL *curl, const char *name) {
  struct curl_header *found;
  return ssecast_slice_of(curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL);
}

/* libcurl calls it for each line of the response's head, and gives the response up if it returns another number. */
static size_t on_header(char *line, size_t size, size_t length, void *data) {
  struct client *client = data;
  ssecast_source_response response = {.size = sizeof response};
  long status;
  (void)size;
  curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
  if (line[0] != '\r' || status < 200) return length;
  response.status = (uint32_t)status;
  response.content_type = header(client->curl, "Content-Type");
  response.location = header(client->curl, "Location");
  response.retry_after = header(client->curl, "Retry-After");
  response.date = header(client->curl, "Date");
  ssecast_source_respond(client->source, &response, &client->step, NULL);
  return client->step.next == SSECAST_NEXT_READ ? length : 0;
}

static size_t on_body(char *bytes, size_t size, size_t length, void *data) {
  struct client *client = data;
  ssecast_slice chunk = {bytes, length};
  (void)size;
  ssecast_source_feed(client->source, chunk, on_item, client, &client->step, NULL);
  return client->step.next == SSECAST_NEXT_READ ? length : 0;
}

/* Sends one request, and reads until the source or the server has enough. */
static void connect_once(struct client *client) {
  ssecast_source_request request = {.size = sizeof request};
  struct curl_slist *headers = NULL;
  char line[1024];
  CURLcode code;
  ssecast_source_next_request(client->source, &request, NULL);
  curl_easy_reset(client->curl);
  snprintf(line, sizeof line, "%.*s", (int)request.url.len, request.url.data);
  curl_easy_setopt(client->curl, CURLOPT_URL, line); /* libcurl keeps a copy of each text. */
  snprintf(line, sizeof line, "%.*s", (int)request.method.len, request.method.data);
  curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, line);
  for (size_t at = 0; at < request.headers_len; at++) {
    const ssecast_header *each = &request.headers[at];
    snprintf(line, sizeof line, "%.*s: %.*s", (int)each->name.len, each->name.data, (int)each->value.len, each->value.data);
    headers = curl_slist_append(headers, line);
  }
  curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
  if (request.idle_ms != SSECAST_OFF) { /* Less than a byte a second for so long. */
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, (long)((request.idle_ms + 999) / 1000));
  }
  curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, client);
  curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
  client->step.next = SSECAST_NEXT_READ;
  code = curl_easy_perform(client->curl);
  curl_slist_free_all(headers);
  if (client->step.next != SSECAST_NEXT_READ) return; /* The source gave the response up itself. */
  ssecast_source_lose(client->source,
                      code == CURLE_OK                   ? SSECAST_CAUSE_ENDED
                      : code == CURLE_OPERATION_TIMEDOUT ? SSECAST_CAUSE_IDLE
                                                         : SSECAST_CAUSE_NETWORK,
                      ssecast_slice_of(curl_easy_strerror(code)), &client->step, NULL);
}

int main(int count, char **arguments) {
  struct client client = {.step = {.size = sizeof client.step}, .events_left = count > 2 ? atol(arguments[2]) : -1};
  ssecast_source_config config = {.size = sizeof config, .idle_ms = 45000}; /* Three heartbeats of a hub's. */
  ssecast_error error;
  config.url = ssecast_slice_of(count > 1 ? arguments[1] : "http://127.0.0.1:8080/ticks");
  if (ssecast_source_new(&config, &client.source, &error) != SSECAST_OK) return fprintf(stderr, "%s\n", error.message), 1;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  client.curl = curl_easy_init();
  do {
    connect_once(&client);
    if (client.step.message.data != NULL) fprintf(stderr, "%.*s\n", (int)client.step.message.len, client.step.message.data);
    if (client.step.next == SSECAST_NEXT_WAIT) {
      struct timespec wait = {(time_t)(client.step.wait_ms / 1000), (long)(client.step.wait_ms % 1000) * 1000000};
      nanosleep(&wait, NULL);
    }
  } while (client.step.next != SSECAST_NEXT_CLOSED);
  curl_easy_cleanup(client.curl);
  ssecast_source_free(client.source);
  return 0;
}
