/* Results, slices, and events into a buffer of the caller's. */
#include "check.h"

static void results_have_names(void) {
  CHECK(strcmp(ssecast_result_text(SSECAST_OK), "SSECAST_OK") == 0);
  CHECK(strcmp(ssecast_result_text(SSECAST_INVALID_ID), "SSECAST_INVALID_ID") == 0);
  CHECK(strcmp(ssecast_result_text(SSECAST_BUSY), "SSECAST_BUSY") == 0);
  CHECK(strcmp(ssecast_result_text(99), "SSECAST_UNKNOWN") == 0);
  CHECK(strcmp(ssecast_version(), SSECAST_VERSION_STRING) == 0);
}

static void slices_measure_texts(void) {
  CHECK(is(ssecast_slice_of("tick"), "tick"));
  CHECK(is(ssecast_slice_of(""), ""));
  CHECK(ssecast_slice_of(NULL).data == NULL && ssecast_slice_of(NULL).len == 0);
}

static void every_field_is_written(void) {
  ssecast_error error;
  ssecast_event event = event_of("one\r\ntwo\rthree");
  char buffer[256];
  size_t length = 0;
  const char *expected = ": hello\nid: 7\nevent: tick\nretry: 2000\ndata: one\ndata: two\ndata: three\n\n";
  event.event = text("tick");
  event.id = text("7");
  event.comment = text("hello");
  event.retry = 2000;
  CHECK_OK(ssecast_event_encode(&event, buffer, sizeof buffer, &length, &error));
  CHECK(length == strlen(expected) && memcmp(buffer, expected, length) == 0);
}

static void empty_and_left_out_differ(void) {
  ssecast_error error;
  ssecast_event event = event_of("");
  char buffer[16];
  size_t length;
  CHECK_OK(ssecast_event_encode(&event, buffer, sizeof buffer, &length, &error));
  CHECK(length == 8 && memcmp(buffer, "data: \n\n", 8) == 0);
  event.data = text(NULL);
  CHECK_OK(ssecast_event_encode(&event, buffer, sizeof buffer, &length, &error));
  CHECK(length == 1 && buffer[0] == '\n');
}

static void the_length_can_be_asked_and_is_exact(void) {
  ssecast_error error;
  ssecast_event event = event_of("a\nb");
  size_t length, again;
  char *buffer;
  CHECK_OK(ssecast_event_encode(&event, NULL, 0, &length, &error));
  CHECK(length == strlen("data: a\ndata: b\n\n"));
  /* Exactly so large, so that valgrind and AddressSanitizer see one byte too many. */
  buffer = malloc(length);
  CHECK_OK(ssecast_event_encode(&event, buffer, length, &again, &error));
  CHECK(again == length && memcmp(buffer, "data: a\ndata: b\n\n", length) == 0);
  CHECK_FAILS(SSECAST_BUFFER_TOO_SMALL, ssecast_event_encode(&event, buffer, length - 1, &again, &error));
  CHECK(strcmp(error.field, "buffer") == 0);
  free(buffer);
}

static void nothing_is_written_when_a_call_fails(void) {
  ssecast_error error;
  ssecast_event event = event_of("x");
  char buffer[64];
  size_t length = 77;
  memset(buffer, 'z', sizeof buffer);
  event.id = text("7\ndata: forged");
  CHECK_FAILS(SSECAST_INVALID_ID, ssecast_event_encode(&event, buffer, sizeof buffer, &length, &error));
  CHECK(strcmp(error.field, "id") == 0);
  CHECK(strcmp(error.message, "id must not contain LF (at byte 1)") == 0);
  CHECK(length == 77);
  for (size_t at = 0; at < sizeof buffer; at++) CHECK(buffer[at] == 'z');
  /* The detail may be left out. */
  CHECK(ssecast_event_encode(&event, buffer, sizeof buffer, &length, NULL) == SSECAST_INVALID_ID);
}

static void nothing_is_written_to_the_detail_of_a_call_that_succeeds(void) {
  ssecast_error error, before;
  ssecast_event event = event_of("x");
  size_t length;
  memset(&error, 'e', sizeof error);
  before = error;
  CHECK(ssecast_event_encode(&event, NULL, 0, &length, &error) == SSECAST_OK);
  CHECK(memcmp(&error, &before, sizeof error) == 0);
}

static void text_that_is_not_utf8_names_its_field(void) {
  ssecast_error error;
  ssecast_slice bad = {"ab\xff", 3};
  ssecast_event event;
  size_t length;
  struct {
    size_t field;
    ssecast_result result;
    const char *name;
  } cases[] = {
      {offsetof(ssecast_event, event), SSECAST_INVALID_EVENT, "event"},
      {offsetof(ssecast_event, id), SSECAST_INVALID_ID, "id"},
      {offsetof(ssecast_event, data), SSECAST_INVALID_DATA, "data"},
      {offsetof(ssecast_event, comment), SSECAST_INVALID_DATA, "comment"},
  };
  for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
    event = event_of("x");
    memcpy((char *)&event + cases[at].field, &bad, sizeof bad);
    CHECK_FAILS(cases[at].result, ssecast_event_encode(&event, NULL, 0, &length, &error));
    CHECK(strcmp(error.field, cases[at].name) == 0);
    CHECK(strstr(error.message, "UTF-8") != NULL);
  }
}

static void lengths_that_no_memory_has_are_refused(void) {
  ssecast_error error;
  ssecast_event event = event_of("x");
  size_t length;
  ssecast_slice topic = {"t", 1};
  ssecast_connection *connection = NULL;
  ssecast_attach_config config;
  ssecast_hub *hub = quiet_hub();
  event.data.len = (size_t)-1;
  CHECK_FAILS(SSECAST_INVALID_SIZE, ssecast_event_encode(&event, NULL, 0, &length, &error));
  CHECK(strcmp(error.field, "data") == 0);
  event.data.data = NULL;
  event.data.len = 1;
  CHECK_FAILS(SSECAST_NULL_POINTER, ssecast_event_encode(&event, NULL, 0, &length, &error));
  ssecast_attach_config_init(&config, sizeof config);
  config.topics = &topic;
  config.topics_len = (size_t)-1 / sizeof topic;
  CHECK_FAILS(SSECAST_INVALID_SIZE, ssecast_hub_attach_socket(hub, 0, &config, &connection, &error));
  CHECK(strcmp(error.field, "topics") == 0);
  config.topics = NULL;
  config.topics_len = 1;
  CHECK_FAILS(SSECAST_NULL_POINTER, ssecast_hub_attach_socket(hub, 0, &config, &connection, &error));
  CHECK(connection == NULL);
  ssecast_hub_free(hub);
}

int main(void) {
  TEST("results have names", results_have_names);
  TEST("slices measure texts", slices_measure_texts);
  TEST("every field is written", every_field_is_written);
  TEST("empty and left out differ", empty_and_left_out_differ);
  TEST("the length can be asked, and is exact", the_length_can_be_asked_and_is_exact);
  TEST("nothing is written when a call fails", nothing_is_written_when_a_call_fails);
  TEST("nothing is written to the detail of a call that succeeds", nothing_is_written_to_the_detail_of_a_call_that_succeeds);
  TEST("text that is not UTF-8 names its field", text_that_is_not_utf8_names_its_field);
  TEST("lengths that no memory has are refused", lengths_that_no_memory_has_are_refused);
  return 0;
}
