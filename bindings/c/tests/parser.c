/* The parser: what the callback sees, when, and what it may do. */
#include "check.h"

struct log {
  ssecast_parser *parser;
  size_t items;
  char text[512];
  int stop_after;
  ssecast_result from_inside;
};

static void append(struct log *log, const char *label, ssecast_slice slice) {
  size_t used = strlen(log->text);
  if (slice.data == NULL) return;
  snprintf(log->text + used, sizeof log->text - used, "%s=%.*s;", label, (int)slice.len, slice.data);
}

static int on_item(void *user_data, const ssecast_item *item) {
  static const char *const kinds[] = {"", "event ", "id ", "retry ", "comment "};
  struct log *log = user_data;
  strcat(log->text, kinds[item->kind]);
  append(log, "event", item->event);
  append(log, "data", item->data);
  append(log, "id", item->id);
  append(log, "last", item->last_event_id);
  strcat(log->text, "\n");
  log->items++;
  return log->stop_after != 0 && log->items >= (size_t)log->stop_after;
}

static ssecast_parser *new_parser(size_t limit) {
  ssecast_error error;
  ssecast_parser *parser;
  CHECK_OK(ssecast_parser_new(limit, &parser, &error));
  return parser;
}

static void items_come_in_order_with_their_fields(void) {
  ssecast_error error;
  struct log log = {0};
  uint64_t retry = 0;
  ssecast_slice last;
  ssecast_parser *parser = new_parser(0);
  const char *stream = ": hello\nretry: 5\nid: 7\nevent: tick\ndata: one\ndata: two\n\ndata: 3\n\nid: 8\n\n";
  CHECK_OK(ssecast_parser_retry(parser, &retry, &error));
  CHECK(retry == SSECAST_NO_RETRY);
  CHECK_OK(ssecast_parser_feed(parser, text(stream), on_item, &log, &error));
  CHECK(strcmp(log.text,
               "comment data=hello;\n"
               "retry \n"
               "event event=tick;data=one\ntwo;id=7;last=7;\n"
               "event event=message;data=3;last=7;\n"
               "id id=8;last=8;\n") == 0);
  CHECK_OK(ssecast_parser_retry(parser, &retry, &error));
  CHECK(retry == 5);
  CHECK_OK(ssecast_parser_last_event_id(parser, &last, &error));
  CHECK(is(last, "8"));
  ssecast_parser_free(parser);
}

static void chunks_may_be_one_byte_and_empty(void) {
  ssecast_error error;
  struct log log = {0};
  ssecast_parser *parser = new_parser(0);
  const char *stream = "data: 1\r\n\r\ndata: 2\n\n";
  for (size_t at = 0; at < strlen(stream); at++) {
    ssecast_slice byte = {stream + at, 1}, none = {NULL, 0};
    CHECK_OK(ssecast_parser_feed(parser, byte, on_item, &log, &error));
    CHECK_OK(ssecast_parser_feed(parser, none, on_item, &log, &error));
  }
  CHECK(log.items == 2);
  ssecast_parser_free(parser);
}

static void the_callback_stops_the_stream(void) {
  ssecast_error error;
  struct log log = {.stop_after = 1};
  ssecast_parser *parser = new_parser(0);
  CHECK_OK(ssecast_parser_feed(parser, text("data: 1\n\ndata: 2\n\n"), on_item, &log, &error));
  CHECK(log.items == 1);
  ssecast_parser_free(parser);
}

static void finish_drops_what_is_incomplete_and_reset_forgets_the_rest(void) {
  ssecast_error error;
  struct log log = {0};
  ssecast_slice last;
  ssecast_parser *parser = new_parser(0);
  CHECK_OK(ssecast_parser_feed(parser, text("id: 1\n\nid: 2\ndata: cut off"), on_item, &log, &error));
  CHECK_OK(ssecast_parser_finish(parser, &error));
  CHECK_OK(ssecast_parser_last_event_id(parser, &last, &error));
  CHECK(is(last, "1"));
  CHECK_OK(ssecast_parser_reset(parser, &error));
  CHECK_OK(ssecast_parser_last_event_id(parser, &last, &error));
  CHECK(is(last, ""));
  ssecast_parser_free(parser);
}

static void an_event_past_the_limit_fails_until_the_parser_is_reset(void) {
  ssecast_error error;
  struct log log = {0};
  ssecast_parser *parser = new_parser(7);
  ssecast_slice large = text("data: x\n\ndata: xy\n\n");
  CHECK_FAILS(SSECAST_EVENT_TOO_LARGE, ssecast_parser_feed(parser, large, on_item, &log, &error));
  CHECK(log.items == 1);
  CHECK_FAILS(SSECAST_EVENT_TOO_LARGE, ssecast_parser_feed(parser, text("\n"), on_item, &log, &error));
  CHECK_OK(ssecast_parser_reset(parser, &error));
  CHECK_OK(ssecast_parser_feed(parser, text("data: y\n\n"), on_item, &log, &error));
  CHECK(log.items == 2);
  ssecast_parser_free(parser);
}

static int feed_from_inside(void *user_data, const ssecast_item *item) {
  struct log *log = user_data;
  ssecast_error error;
  ssecast_slice last;
  ssecast_parser *other = new_parser(0);
  struct log others = {0};
  log->from_inside = ssecast_parser_feed(log->parser, item->data, feed_from_inside, log, &error);
  CHECK(error.result == log->from_inside);
  CHECK_FAILS(SSECAST_BUSY, ssecast_parser_reset(log->parser, &error));
  CHECK_FAILS(SSECAST_BUSY, ssecast_parser_last_event_id(log->parser, &last, &error));
  /* Another parser is another thing. */
  CHECK_OK(ssecast_parser_feed(other, text("data: x\n\n"), on_item, &others, &error));
  CHECK(others.items == 1);
  ssecast_parser_free(other);
  log->items++;
  return 0;
}

static void a_callback_that_feeds_its_own_parser_is_refused(void) {
  ssecast_error error;
  struct log log = {.parser = new_parser(0)};
  CHECK_OK(ssecast_parser_feed(log.parser, text("data: 1\n\ndata: 2\n\n"), feed_from_inside, &log, &error));
  CHECK(log.items == 2 && log.from_inside == SSECAST_BUSY);
  ssecast_parser_free(log.parser);
}

int main(void) {
  TEST("items come in order with their fields", items_come_in_order_with_their_fields);
  TEST("chunks may be one byte, and empty", chunks_may_be_one_byte_and_empty);
  TEST("the callback stops the stream", the_callback_stops_the_stream);
  TEST("finish drops what is incomplete and reset forgets the rest", finish_drops_what_is_incomplete_and_reset_forgets_the_rest);
  TEST("an event past the limit fails until the parser is reset", an_event_past_the_limit_fails_until_the_parser_is_reset);
  TEST("a callback that feeds its own parser is refused", a_callback_that_feeds_its_own_parser_is_refused);
  return 0;
}
