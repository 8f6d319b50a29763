/* The vectors that every language runs, from standard input, as vectors.py writes them. */
#include "check.h"

struct value {
  char *data;
  size_t len;
};

struct item {
  uint32_t kind;
  struct value event, data, id, last_event_id;
  uint64_t retry;
};

struct items {
  size_t count;
  struct item *all;
};

struct expectation {
  const char *name;
  const struct items *items;
  size_t seen;
};

static struct value read_value(void) {
  struct value value = {NULL, 0};
  int digit = getchar();
  if (digit == '-') {
    CHECK(getchar() == ':');
    return value;
  }
  for (; digit != ':'; digit = getchar()) {
    CHECK(digit >= '0' && digit <= '9');
    value.len = value.len * 10 + (size_t)(digit - '0');
  }
  value.data = malloc(value.len + 1);
  CHECK(fread(value.data, 1, value.len, stdin) == value.len);
  value.data[value.len] = 0;
  return value;
}

static uint64_t read_number(uint64_t otherwise) {
  struct value value = read_value();
  uint64_t number = value.data == NULL ? otherwise : strtoull(value.data, NULL, 10);
  free(value.data);
  return number;
}

static struct items read_items(void) {
  struct items items;
  items.count = read_number(0);
  items.all = calloc(items.count + 1, sizeof *items.all);
  for (size_t at = 0; at < items.count; at++) {
    struct item *item = &items.all[at];
    item->kind = (uint32_t)read_number(0);
    item->event = read_value();
    item->data = read_value();
    item->id = read_value();
    item->last_event_id = read_value();
    item->retry = read_number(0);
  }
  return items;
}

static void free_items(struct items items) {
  for (size_t at = 0; at < items.count; at++) {
    free(items.all[at].event.data);
    free(items.all[at].data.data);
    free(items.all[at].id.data);
    free(items.all[at].last_event_id.data);
  }
  free(items.all);
}

static int same(struct value expected, ssecast_slice found) {
  if (expected.data == NULL || found.data == NULL) return expected.data == NULL && found.data == NULL;
  return expected.len == found.len && memcmp(expected.data, found.data, found.len) == 0;
}

static ssecast_slice slice(struct value value) {
  ssecast_slice slice = {value.data, value.len};
  return slice;
}

static int on_item(void *user_data, const ssecast_item *found) {
  struct expectation *expectation = user_data;
  const struct item *item;
  if (expectation->seen >= expectation->items->count) check_failed(expectation->name, 0, "no more items");
  item = &expectation->items->all[expectation->seen++];
  if (item->kind != found->kind || !same(item->event, found->event) || !same(item->data, found->data) ||
      !same(item->id, found->id) || !same(item->last_event_id, found->last_event_id) || item->retry != found->retry) {
    check_failed(expectation->name, (int)expectation->seen, "another item");
  }
  return 0;
}

static void check_parse(const char *name, struct value input, const struct items *items, size_t limit,
                        struct value expected_error, struct value last, uint64_t retry, size_t size) {
  ssecast_error error;
  ssecast_parser *parser;
  ssecast_result result = SSECAST_OK;
  ssecast_slice found_last;
  uint64_t found_retry;
  struct expectation expectation = {name, items, 0};
  CHECK_OK(ssecast_parser_new(limit, &parser, &error));
  for (size_t at = 0; at < input.len && result == SSECAST_OK; at += size) {
    ssecast_slice chunk = {input.data + at, input.len - at < size ? input.len - at : size};
    result = ssecast_parser_feed(parser, chunk, on_item, &expectation, &error);
  }
  if (expectation.seen != items->count) check_failed(name, (int)expectation.seen, "items are missing");
  if (expected_error.data != NULL) {
    if (strcmp(ssecast_result_text(result), expected_error.data) != 0) check_failed(name, (int)result, "another result");
  } else {
    CHECK(result == SSECAST_OK);
    CHECK_OK(ssecast_parser_last_event_id(parser, &found_last, &error));
    CHECK_OK(ssecast_parser_retry(parser, &found_retry, &error));
    if (!same(last, found_last) || found_retry != retry) check_failed(name, 0, "another id or retry");
  }
  ssecast_parser_free(parser);
}

static void parse_vector(const char *name) {
  static const size_t sizes[] = {(size_t)-1 / 2, 7, 3, 2, 1, 1021};
  struct value input = read_value();
  struct items items = read_items();
  size_t limit = read_number(0);
  struct value expected_error = read_value(), last = read_value();
  uint64_t retry = read_number(SSECAST_NO_RETRY);
  for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
    if (input.len > 1000000 && sizes[at] < 1000) continue;
    check_parse(name, input, &items, limit, expected_error, last, retry, sizes[at]);
  }
  free(input.data);
  free_items(items);
  free(expected_error.data);
  free(last.data);
}

static void chunks_vector(const char *name) {
  ssecast_error error;
  ssecast_parser *parser;
  size_t count = read_number(0);
  CHECK_OK(ssecast_parser_new(0, &parser, &error));
  for (size_t at = 0; at < count; at++) {
    struct value input = read_value();
    struct items items = read_items();
    struct expectation expectation = {name, &items, 0};
    CHECK_OK(ssecast_parser_feed(parser, slice(input), on_item, &expectation, &error));
    if (expectation.seen != items.count) check_failed(name, (int)at, "items are late");
    free(input.data);
    free_items(items);
  }
  ssecast_parser_free(parser);
}

static void encode_vector(const char *name) {
  ssecast_error error;
  ssecast_event event;
  size_t length = 0;
  struct value fields[4], output, expected, message;
  CHECK(ssecast_event_init(&event, sizeof event) == SSECAST_OK);
  for (size_t at = 0; at < 4; at++) fields[at] = read_value();
  event.event = slice(fields[0]);
  event.id = slice(fields[1]);
  event.data = slice(fields[2]);
  event.comment = slice(fields[3]);
  event.retry = read_number(SSECAST_NO_RETRY);
  if (event.retry == 0) event.retry = SSECAST_ZERO;
  output = read_value();
  expected = read_value();
  message = read_value();
  if (expected.data != NULL) {
    ssecast_result result = ssecast_event_encode(&event, NULL, 0, &length, &error);
    if (strcmp(ssecast_result_text(result), expected.data) != 0) check_failed(name, (int)result, "another result");
    if (message.data != NULL && strcmp(error.message, message.data) != 0) check_failed(name, 0, error.message);
  } else {
    char *buffer;
    CHECK_OK(ssecast_event_encode(&event, NULL, 0, &length, &error));
    buffer = malloc(length);
    CHECK_OK(ssecast_event_encode(&event, buffer, length, &length, &error));
    if (length != output.len || memcmp(buffer, output.data, length) != 0) check_failed(name, 0, "other bytes");
    free(buffer);
  }
  for (size_t at = 0; at < 4; at++) free(fields[at].data);
  free(output.data);
  free(expected.data);
  free(message.data);
}

static void refusal_vector(const char *name) {
  ssecast_error error;
  ssecast_refusal refusal;
  ssecast_header headers[8];
  struct value texts[16], body, field;
  CHECK(ssecast_refusal_init(&refusal, sizeof refusal) == SSECAST_OK);
  refusal.status = (uint32_t)read_number(0);
  refusal.headers = headers;
  refusal.headers_len = read_number(0);
  CHECK(refusal.headers_len <= 8);
  for (size_t at = 0; at < refusal.headers_len; at++) {
    texts[2 * at] = read_value();
    texts[2 * at + 1] = read_value();
    headers[at] = (ssecast_header){slice(texts[2 * at]), slice(texts[2 * at + 1])};
  }
  body = read_value();
  field = read_value();
  refusal.body = slice(body);
  ssecast_result result = ssecast_refusal_check(&refusal, true, &error);
  if (field.data == NULL ? result != SSECAST_OK : result != SSECAST_INVALID_OPTION) check_failed(name, (int)result, "another result");
  if (field.data != NULL && strcmp(error.field, field.data) != 0) check_failed(name, 0, error.message);
  for (size_t at = 0; at < 2 * refusal.headers_len; at++) free(texts[at].data);
  free(body.data);
  free(field.data);
}

int main(void) {
  size_t vectors = 0;
  for (;;) {
    struct value kind = read_value(), name;
    if (strcmp(kind.data, "end") == 0) {
      free(kind.data);
      break;
    }
    name = read_value();
    if (strcmp(kind.data, "parse") == 0) parse_vector(name.data);
    else if (strcmp(kind.data, "chunks") == 0) chunks_vector(name.data);
    else if (strcmp(kind.data, "refusal") == 0) refusal_vector(name.data);
    else encode_vector(name.data);
    free(kind.data);
    free(name.data);
    vectors++;
  }
  CHECK(vectors > 50);
  printf("ok every vector of the encoder, the parser and refusals holds (%zu of them)\n", vectors);
  return 0;
}
