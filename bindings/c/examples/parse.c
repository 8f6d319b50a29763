/* Reads an event stream from standard input and prints each event, as soon as it is there.
 * Build: cc parse.c $(pkg-config --cflags --libs ssecast) -o parse
 * Then: curl -sN http://127.0.0.1:8080/ticks | ./parse */
#include <ssecast.h>
#include <stdio.h>
#include <unistd.h>

static int on_item(void *data, const ssecast_item *item) {
  unsigned *events = data;
  if (item->kind != SSECAST_ITEM_EVENT) return 0;
  printf("%.*s: %.*s\n", (int)item->event.len, item->event.data, (int)item->data.len, item->data.data);
  fflush(stdout);
  *events += 1;
  return 0;
}

int main(void) {
  ssecast_error error;
  ssecast_parser *parser;
  ssecast_slice last;
  char buffer[65536];
  ssize_t length;
  unsigned events = 0;
  if (ssecast_parser_new(0, &parser, &error) != SSECAST_OK) return fprintf(stderr, "%s\n", error.message), 1;
  while ((length = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
    ssecast_slice chunk = {buffer, (size_t)length};
    if (ssecast_parser_feed(parser, chunk, on_item, &events, &error) != SSECAST_OK) {
      return fprintf(stderr, "%s\n", error.message), 1;
    }
  }
  ssecast_parser_last_event_id(parser, &last, NULL);
  printf("%u events, the last id is '%.*s'\n", events, (int)last.len, last.data);
  ssecast_parser_free(parser);
  return 0;
}
