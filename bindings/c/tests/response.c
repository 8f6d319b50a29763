/* What a server answers that writes its own responses: the headers of a stream, and what a client gets that can't have one. */
#include "check.h"

static void every_stream_has_the_same_headers(void) {
  char buffer[256];
  size_t length = 0, written = 0;
  ssecast_error error;
  static const char EXPECTED[] = "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache, no-transform\r\n"
                                 "X-Accel-Buffering: no\r\n";
  CHECK_OK(ssecast_stream_headers(text(NULL), NULL, 0, &length, &error));
  CHECK(length == sizeof EXPECTED - 1);
  CHECK_FAILS(SSECAST_BUFFER_TOO_SMALL, ssecast_stream_headers(text(NULL), buffer, length - 1, &written, &error));
  CHECK(written == 0);
  CHECK_OK(ssecast_stream_headers(text(NULL), buffer, length, &written, &error));
  CHECK(written == length && memcmp(buffer, EXPECTED, length) == 0);
  CHECK_OK(ssecast_stream_headers(text("private"), buffer, sizeof buffer - 1, &written, &error));
  buffer[written] = 0;
  CHECK(strstr(buffer, "\r\nCache-Control: private, no-cache, no-transform\r\n") != NULL);
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_stream_headers(text("a\r\nX: y"), buffer, sizeof buffer, &written, &error));
  CHECK(strcmp(error.field, "cache_control") == 0);
}

static void a_client_without_a_stream_comes_back(void) {
  ssecast_hub *hub = quiet_hub();
  ssecast_unavailable answer = {.size = sizeof answer};
  ssecast_error error;
  CHECK_OK(ssecast_hub_unavailable(hub, text("GET"), text("text/event-stream"), &answer, &error));
  CHECK(answer.status == 200 && answer.retry_after == 0 && strncmp(answer.body, "retry: ", 7) == 0);
  CHECK(strcmp(answer.body + strlen(answer.body) - 2, "\n\n") == 0);
  CHECK_OK(ssecast_hub_unavailable(hub, text("GET"), text(NULL), &answer, &error));
  CHECK(answer.status == 503 && answer.retry_after > 0 && answer.body[0] == 0);
  CHECK_OK(ssecast_hub_unavailable(hub, text("POST"), text("text/event-stream"), &answer, &error));
  CHECK(answer.status == 503);
  CHECK_OK(ssecast_hub_close(hub, NULL, 0, &error));
  CHECK_OK(ssecast_hub_unavailable(hub, text("GET"), text("text/event-stream"), &answer, &error));
  CHECK(answer.status == 200 && stats_of(hub).refused == 4);
  ssecast_hub_free(hub);
}

static void some_results_say_that_there_is_no_room_now(void) {
  for (uint32_t result = 0; result < 200; result++) {
    int expected = result == SSECAST_CLOSED || result == SSECAST_TOO_MANY_CONNECTIONS ||
                   result == SSECAST_TOO_MANY_DESCRIPTORS || result == SSECAST_TOO_MANY_TOPICS ||
                   result == SSECAST_STORE_UNAVAILABLE || result == SSECAST_STORE_TIMED_OUT ||
                   result == SSECAST_STORE_FULL;
    CHECK(ssecast_is_unavailable(result) == expected);
  }
}

static void the_header_goes_before_the_query(void) {
  CHECK(is(ssecast_last_event_id(text("7"), text("6")), "7"));
  CHECK(is(ssecast_last_event_id(text(""), text("6")), "6"));
  CHECK(is(ssecast_last_event_id(text(NULL), text("6")), "6"));
  CHECK(is(ssecast_last_event_id(text("\xff"), text("6")), "\xff"));
  CHECK(ssecast_last_event_id(text(""), text("")).data == NULL);
}

static void pages_of_other_origins_are_told_what_they_may_read(void) {
  static const char *CASES[][4] = {
      {"https://a.example", "https://a.example", NULL, "Access-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n"},
      {"https://a.example", "https://b.example", NULL, "Vary: Origin\r\n"},
      {"https://a.example", NULL, NULL, "Vary: Origin\r\n"},
      {"*", "https://b.example", NULL, "Access-Control-Allow-Origin: *\r\n"},
      {"*", NULL, "GET", "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET\r\nAccess-Control-Allow-Headers: "
                         "Authorization, Cache-Control, Content-Type, Last-Event-ID\r\nAccess-Control-Max-Age: 86400\r\n"},
  };
  char buffer[512];
  size_t length;
  ssecast_error error;
  ssecast_cors cors;
  CHECK(ssecast_cors_init(&cors, sizeof cors) == SSECAST_OK);
  for (size_t each = 0; each < sizeof CASES / sizeof *CASES; each++) {
    ssecast_slice origins[] = {text(CASES[each][0])};
    cors.origins = origins, cors.origins_len = 1;
    CHECK_OK(ssecast_cors_headers(&cors, text(CASES[each][1]), text(CASES[each][2]), buffer, sizeof buffer, &length, &error));
    CHECK(length == strlen(CASES[each][3]) && memcmp(buffer, CASES[each][3], length) == 0);
  }
  ssecast_slice all[] = {text("*")};
  cors.origins = all, cors.credentials = 1;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_cors_headers(&cors, text(NULL), text(NULL), buffer, sizeof buffer, &length, &error));
  CHECK(strcmp(error.field, "cors_credentials") == 0);
  cors.origins_len = 0;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_cors_headers(&cors, text(NULL), text(NULL), buffer, sizeof buffer, &length, &error));
  CHECK(strcmp(error.field, "cors_origins") == 0);
  cors.decision = 1;
  CHECK_OK(ssecast_cors_headers(&cors, text("https://c.example"), text(NULL), buffer, sizeof buffer, &length, &error));
  buffer[length] = 0;
  CHECK(strstr(buffer, "Origin: https://c.example\r\nAccess-Control-Allow-Credentials: true\r\n") != NULL);
  cors.decision = 2;
  CHECK_OK(ssecast_cors_headers(&cors, text("https://c.example"), text(NULL), buffer, sizeof buffer, &length, &error));
  CHECK(length == strlen("Vary: Origin\r\n"));
  cors.decision = 3;
  CHECK_FAILS(SSECAST_INVALID_OPTION, ssecast_cors_headers(&cors, text(NULL), text(NULL), buffer, sizeof buffer, &length, &error));
  CHECK(strcmp(error.field, "decision") == 0);
}

int main(void) {
  TEST("every stream has the same headers, and the caller's Cache-Control", every_stream_has_the_same_headers);
  TEST("a client that can't have a stream now is answered so that it comes back", a_client_without_a_stream_comes_back);
  TEST("the results that say so are seven", some_results_say_that_there_is_no_room_now);
  TEST("the last event ID is that of the header, or else of the query", the_header_goes_before_the_query);
  TEST("pages of other origins are told what they may read", pages_of_other_origins_are_told_what_they_may_read);
  return 0;
}
