/* The source: what it asks for, what it makes of responses, and what it refuses. scenarios.c has its behaviour as a whole. */
#include "check.h"

static ssecast_source *source_of(const ssecast_source_config *config) {
  ssecast_error error;
  ssecast_source *source;
  CHECK_OK(ssecast_source_new(config, &source, &error));
  return source;
}

static ssecast_source *plain_source(void) {
  ssecast_source_config config = {.size = sizeof config, .url = text("https://example.com/stream")};
  return source_of(&config);
}

static ssecast_source_request next_request(ssecast_source *source) {
  ssecast_error error;
  ssecast_source_request request = {.size = sizeof request};
  CHECK_OK(ssecast_source_next_request(source, &request, &error));
  return request;
}

static ssecast_source_step respond(ssecast_source *source, uint32_t status, const char *content_type, const char *location) {
  ssecast_error error;
  ssecast_source_response response = {.size = sizeof response, .status = status};
  ssecast_source_step step = {.size = sizeof step};
  response.content_type = text(content_type), response.location = text(location);
  CHECK_OK(ssecast_source_respond(source, &response, &step, &error));
  return step;
}

static void open_source(ssecast_source *source) {
  CHECK(respond(source, 200, "text/event-stream", NULL).next == SSECAST_NEXT_READ);
}

static ssecast_source_step lose(ssecast_source *source, uint32_t cause, const char *problem) {
  ssecast_error error;
  ssecast_source_step step = {.size = sizeof step};
  CHECK_OK(ssecast_source_lose(source, cause, text(problem), &step, &error));
  return step;
}

struct received {
  ssecast_source *source;
  char data[100];
  int stops;
};

static int on_item(void *user_data, const ssecast_item *item) {
  struct received *received = user_data;
  CHECK(item->kind == SSECAST_ITEM_EVENT);
  strncat(received->data, item->data.data, item->data.len);
  strcat(received->data, ",");
  return received->stops;
}

static ssecast_source_step feed(struct received *received, const char *chunk) {
  ssecast_error error;
  ssecast_source_step step = {.size = sizeof step};
  CHECK_OK(ssecast_source_feed(received->source, text(chunk), on_item, received, &step, &error));
  return step;
}

static void asks_for_a_stream(void) {
  ssecast_source_config config;
  ssecast_source *source;
  ssecast_source_request request;
  CHECK(ssecast_source_config_init(&config, sizeof config) == SSECAST_OK);
  config.url = text("https://example.com/stream"), config.last_event_id = text("7"), config.idle_ms = 45000;
  source = source_of(&config);
  request = next_request(source);
  CHECK(is(request.url, "https://example.com/stream") && is(request.method, "GET"));
  CHECK(request.sends_body == 1 && request.sends_credentials == 1 && request.idle_ms == 45000);
  CHECK(request.headers_len == 3 && is(request.headers[0].name, "Accept") && is(request.headers[0].value, "text/event-stream"));
  CHECK(is(request.headers[2].name, "Last-Event-ID") && is(request.headers[2].value, "7"));
  ssecast_source_free(source);
  source = plain_source();
  request = next_request(source);
  CHECK(request.headers_len == 2 && request.idle_ms == SSECAST_OFF);
  ssecast_source_free(source);
}

static void resumes_after_a_wait(void) {
  struct received received = {plain_source(), "", 0};
  ssecast_source_step step;
  ssecast_source_request request;
  ssecast_slice id;
  ssecast_error error;
  open_source(received.source);
  CHECK(feed(&received, ": hello\n\nretry: 3000\nid: 7\ndata: a\n\nid: 8\ndata: cu").next == SSECAST_NEXT_READ);
  step = lose(received.source, SSECAST_CAUSE_NETWORK, "connection reset");
  CHECK(step.next == SSECAST_NEXT_WAIT && step.cause == SSECAST_CAUSE_NETWORK);
  CHECK(step.wait_ms >= 3000 && step.wait_ms <= 4500 && is(step.message, "the connection failed: connection reset"));
  CHECK_OK(ssecast_source_last_event_id(received.source, &id, &error));
  CHECK(is(id, "7") && strcmp(received.data, "a,") == 0);
  request = next_request(received.source);
  CHECK(request.headers_len == 3 && is(request.headers[2].value, "7"));
  step = lose(received.source, SSECAST_CAUSE_NETWORK, NULL);
  CHECK(step.wait_ms >= 6000 && is(step.message, "the connection failed: it could not be made, or was cut"));
  ssecast_source_free(received.source);
}

static void follows_redirects(void) {
  ssecast_source_config config = {.size = sizeof config, .url = text("https://example.com/a"), .method = text("POST")};
  ssecast_source *source = source_of(&config);
  ssecast_source_request request;
  CHECK(respond(source, 307, NULL, "/b").next == SSECAST_NEXT_REDIRECT);
  request = next_request(source);
  CHECK(is(request.url, "https://example.com/b") && is(request.method, "POST") && request.sends_body && request.sends_credentials);
  CHECK(respond(source, 303, NULL, "https://other.example/c").next == SSECAST_NEXT_REDIRECT);
  request = next_request(source);
  CHECK(is(request.url, "https://other.example/c") && is(request.method, "GET"));
  CHECK(!request.sends_body && !request.sends_credentials);
  CHECK(lose(source, SSECAST_CAUSE_IDLE, NULL).cause == SSECAST_CAUSE_IDLE);
  CHECK(is(next_request(source).url, "https://example.com/a"));
  ssecast_source_free(source);
}

static void a_refusal_closes(void) {
  ssecast_source_step step;
  ssecast_source *source = plain_source();
  ssecast_source_request request = {.size = sizeof request};
  ssecast_error error;
  step = respond(source, 204, NULL, NULL);
  CHECK(step.next == SSECAST_NEXT_CLOSED && step.cause == SSECAST_CAUSE_STATUS && is(step.message, "the server answered 204, not 200"));
  CHECK_FAILS(SSECAST_CLOSED, ssecast_source_next_request(source, &request, &error));
  CHECK(respond(source, 200, "text/event-stream", NULL).next == SSECAST_NEXT_CLOSED);
  ssecast_source_free(source);
  source = plain_source();
  CHECK(respond(source, 200, "text/\xff", NULL).cause == SSECAST_CAUSE_CONTENT_TYPE);
  ssecast_source_free(source);
  source = plain_source();
  CHECK(respond(source, 200 + 65536, "text/event-stream", NULL).cause == SSECAST_CAUSE_STATUS);
  ssecast_source_free(source);
}

static void closing_is_final(void) {
  struct received received = {plain_source(), "", 1};
  ssecast_error error;
  open_source(received.source);
  CHECK(feed(&received, "data: 1\n\ndata: 2\n\n").next == SSECAST_NEXT_CLOSED);
  CHECK(feed(&received, "data: 3\n\n").next == SSECAST_NEXT_CLOSED && strcmp(received.data, "1,") == 0);
  CHECK(lose(received.source, SSECAST_CAUSE_ENDED, NULL).next == SSECAST_NEXT_CLOSED);
  ssecast_source_free(received.source);
  received = (struct received){plain_source(), "", 0};
  open_source(received.source);
  CHECK_OK(ssecast_source_close(received.source, &error));
  CHECK(feed(&received, "data: 1\n\n").next == SSECAST_NEXT_CLOSED && received.data[0] == 0);
  ssecast_source_free(received.source);
}

static int calls_back(void *user_data, const ssecast_item *item) {
  struct received *received = user_data;
  ssecast_source_request request = {.size = sizeof request};
  ssecast_source_step step = {.size = sizeof step};
  ssecast_slice id;
  ssecast_error error;
  CHECK_FAILS(SSECAST_BUSY, ssecast_source_close(received->source, &error));
  CHECK_FAILS(SSECAST_BUSY, ssecast_source_next_request(received->source, &request, &error));
  CHECK_FAILS(SSECAST_BUSY, ssecast_source_last_event_id(received->source, &id, &error));
  CHECK_FAILS(SSECAST_BUSY, ssecast_source_lose(received->source, SSECAST_CAUSE_ENDED, text(NULL), &step, &error));
  CHECK_FAILS(SSECAST_BUSY, ssecast_source_feed(received->source, item->data, calls_back, received, &step, &error));
  return 0;
}

static void calls_in_the_wrong_order_change_nothing(void) {
  struct received received = {plain_source(), "", 0};
  ssecast_source_response response = {.size = sizeof response, .status = 204};
  ssecast_source_step step = {.size = sizeof step, .next = 77};
  ssecast_error error;
  CHECK_FAILS(SSECAST_ENDED, ssecast_source_feed(received.source, text("data: 1\n\n"), on_item, &received, &step, &error));
  open_source(received.source);
  CHECK_FAILS(SSECAST_BUSY, ssecast_source_respond(received.source, &response, &step, &error));
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_source_lose(received.source, SSECAST_CAUSE_STATUS, text(NULL), &step, &error));
  CHECK(strcmp(error.field, "cause") == 0 && step.next == 77);
  CHECK_OK(ssecast_source_feed(received.source, text("data: 1\n\n"), calls_back, &received, &step, &error));
  CHECK(step.next == SSECAST_NEXT_READ && feed(&received, "data: 2\n\n").next == SSECAST_NEXT_READ);
  CHECK(strcmp(received.data, "2,") == 0);
  ssecast_source_free(received.source);
}

static void a_large_event_costs_the_connection(void) {
  ssecast_source_config config = {.size = sizeof config, .url = text("http://localhost/"), .max_event_bytes = 10};
  struct received received = {source_of(&config), "", 0};
  ssecast_source_step step;
  open_source(received.source);
  step = feed(&received, "data: a\n\ndata: longer than ten\n\n");
  CHECK(step.next == SSECAST_NEXT_WAIT && step.cause == SSECAST_CAUSE_TOO_LARGE && strcmp(received.data, "a,") == 0);
  ssecast_source_free(received.source);
}

static void refuses(ssecast_source_config config, ssecast_result result, const char *field, const char *message) {
  ssecast_source *source = NULL;
  ssecast_error error;
  config.size = sizeof config;
  if (config.url.data == NULL) config.url = text("http://localhost/");
  CHECK_FAILS(result, ssecast_source_new(&config, &source, &error));
  if (strcmp(error.field, field) != 0 || strcmp(error.message, message) != 0) check_failed(error.field, 0, error.message);
  CHECK(source == NULL);
}

static void options_that_cannot_work_are_named(void) {
  static const uint16_t OK[] = {200};
  const ssecast_result INVALID = SSECAST_INVALID_OPTION;
  refuses((ssecast_source_config){.url = text("ftp://localhost/")}, INVALID, "url", "url begins with ftp:, not with http: or https:");
  refuses((ssecast_source_config){.method = text("GE T")}, INVALID, "method", "method must be an HTTP method, such as GET or POST");
  refuses((ssecast_source_config){.last_event_id = text("a\nb")}, SSECAST_INVALID_ID, "last_event_id",
          "last_event_id must not contain NUL, CR or LF: no header can carry them");
  refuses((ssecast_source_config){.idle_ms = SSECAST_ZERO}, INVALID, "idle_ms",
          "idle_ms must be longer than zero; leave it out to wait for ever");
  refuses((ssecast_source_config){.max_event_bytes = SSECAST_ZERO}, INVALID, "max_event_bytes", "max_event_bytes must be at least 1");
  refuses((ssecast_source_config){.retry_growth_percent = 99}, INVALID, "retry_growth_percent",
          "retry_growth_percent must be from 100 to 100000");
  refuses((ssecast_source_config){.retry_jitter_percent = 101}, INVALID, "retry_jitter_percent",
          "retry_jitter_percent must be at most 100; SSECAST_ZERO is none");
  refuses((ssecast_source_config){.retry_statuses = OK, .retry_statuses_len = 1}, INVALID, "retry_statuses",
          "retry_statuses must be statuses other than 200, from 201 to 599");
}

int main(void) {
  TEST("a source asks for a stream, and for what follows the last event ID", asks_for_a_stream);
  TEST("a lost connection is made again after the stream's own wait, which grows, and resumes", resumes_after_a_wait);
  TEST("redirects are followed as in browsers, and a reconnect begins at the first URL", follows_redirects);
  TEST("a response that is no stream closes the source", a_refusal_closes);
  TEST("closing is final, also from inside the callback and within a chunk", closing_is_final);
  TEST("calls in the wrong order, and from inside the callback, are refused and change nothing", calls_in_the_wrong_order_change_nothing);
  TEST("an event beyond the limit costs the connection", a_large_event_costs_the_connection);
  TEST("options that can't work are named", options_that_cannot_work_are_named);
  return 0;
}
