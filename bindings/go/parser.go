package ssecast

/*
#include <stdlib.h>
#include <string.h>
#include <ssecast.h>

// What a chunk had, one item behind another: Go reads all of them after one call.
typedef struct { char *data; size_t len, capacity; bool failed; } items;
typedef struct { uint64_t kind, retry, event, data, id, last_event_id; } item_head;

#define LEFT_OUT UINT64_MAX

static uint64_t length(ssecast_slice text) { return text.data == NULL ? LEFT_OUT : text.len; }

static char *append(char *at, ssecast_slice text) {
  if (text.len > 0) memcpy(at, text.data, text.len);
  return at + text.len;
}

static int collect(void *into, const ssecast_item *item) {
  items *all = into;
  item_head head = {item->kind, item->retry, length(item->event), length(item->data), length(item->id),
                    length(item->last_event_id)};
  size_t needed = all->len + sizeof head + item->event.len + item->data.len + item->id.len + item->last_event_id.len;
  if (needed > all->capacity) {
    size_t capacity = needed + needed / 2;
    char *larger = realloc(all->data, capacity);
    if (larger == NULL) return all->failed = true, 1;
    all->data = larger, all->capacity = capacity;
  }
  memcpy(all->data + all->len, &head, sizeof head);
  append(append(append(append(all->data + all->len + sizeof head, item->event), item->data), item->id), item->last_event_id);
  all->len = needed;
  return 0;
}

static ssecast_result feed(ssecast_parser *parser, ssecast_slice chunk, items *all, ssecast_error *error) {
  return ssecast_parser_feed(parser, chunk, collect, all, error);
}
*/
import "C"

import (
	"errors"
	"io"
	"runtime"
	"time"
	"unsafe"
)

// A Received is an event that came.
type Received struct {
	// The event's type: "message" if the stream has none.
	Type string
	Data string
	// The id that the client resumes with after it.
	LastEventID string
}

// A Parser reads one stream, in chunks of any size, by the rules of the HTML specification. One goroutine at a time uses it.
type Parser struct {
	handle *C.ssecast_parser
	// The last reconnection time that came: the library has no number for "none" that none can be.
	retry    time.Duration
	hasRetry bool
}

// NewParser makes a parser that allows events of so many bytes; 0 allows 16 MiB.
func NewParser(maxEventBytes int) (*Parser, error) {
	if maxEventBytes < 0 {
		return nil, &Error{Code: ErrInvalidOption, Field: "maxEventBytes", Message: "maxEventBytes must be zero or more"}
	}
	var parser Parser
	var detail C.ssecast_error
	if err := failure(C.ssecast_parser_new(C.size_t(maxEventBytes), &parser.handle, &detail), &detail); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(&parser, func(parser *Parser) { C.ssecast_parser_free(parser.handle) })
	return &parser, nil
}

// Feed reads a chunk and gives the events that it completes. It fails with ErrEventTooLarge, and then gives those before it; the parser
// may be used again after Reset.
func (p *Parser) Feed(chunk []byte) ([]Received, error) {
	if len(chunk) == 0 {
		return nil, nil
	}
	var items C.items
	var detail C.ssecast_error
	result := C.feed(p.handle, bytesSlice(chunk), &items, &detail)
	defer C.free(unsafe.Pointer(items.data))
	runtime.KeepAlive(p)
	var events []Received
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(items.data)), items.len)
	for len(bytes) > 0 {
		// It may stand at any address.
		var head C.item_head
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&head)), unsafe.Sizeof(head)), bytes)
		bytes = bytes[unsafe.Sizeof(head):]
		text := func(length C.uint64_t) string {
			if length == C.LEFT_OUT {
				return ""
			}
			text := string(bytes[:length])
			bytes = bytes[length:]
			return text
		}
		kind, data := text(head.event), text(head.data)
		text(head.id)
		last := text(head.last_event_id)
		switch head.kind {
		case C.SSECAST_ITEM_EVENT:
			events = append(events, Received{kind, data, last})
		case C.SSECAST_ITEM_RETRY:
			const longest = uint64(1<<63-1) / uint64(time.Millisecond)
			p.retry, p.hasRetry = time.Duration(min(uint64(head.retry), longest))*time.Millisecond, true
		}
	}
	if items.failed {
		return events, errors.New("ssecast: there is no memory for the events of a chunk")
	}
	return events, failure(result, &detail)
}

// Reset begins with another stream. The last event ID and the reconnection time stay.
func (p *Parser) Reset() error {
	var detail C.ssecast_error
	err := failure(C.ssecast_parser_reset(p.handle, &detail), &detail)
	runtime.KeepAlive(p)
	return err
}

// LastEventID gives the id to resume with.
func (p *Parser) LastEventID() string {
	var id C.ssecast_slice
	C.ssecast_parser_last_event_id(p.handle, &id, nil)
	defer runtime.KeepAlive(p)
	return C.GoStringN(id.data, C.int(id.len))
}

// Retry gives the reconnection time that the stream has set, and whether it has set one. One that is too long is the longest of Go.
func (p *Parser) Retry() (time.Duration, bool) {
	return p.retry, p.hasRetry
}

// A Decoder reads the events of a response's body, or of any other reader.
type Decoder struct {
	*Parser
	from   io.Reader
	buffer []byte
	events []Received
	failed error
}

// NewDecoder makes a decoder, for events of at most 16 MiB.
func NewDecoder(from io.Reader) (*Decoder, error) {
	parser, err := NewParser(0)
	return &Decoder{Parser: parser, from: from, buffer: make([]byte, 32<<10)}, err
}

// Next waits for the next event. At the end it gives the reader's error, such as io.EOF: an event that is not complete is none.
func (d *Decoder) Next() (Received, error) {
	for len(d.events) == 0 && d.failed == nil {
		read, err := d.from.Read(d.buffer)
		var parsed error
		d.events, parsed = d.Feed(d.buffer[:read])
		d.failed = errors.Join(parsed, err)
		if parsed == nil {
			d.failed = err
		}
	}
	if len(d.events) > 0 {
		next := d.events[0]
		d.events = d.events[1:]
		return next, nil
	}
	return Received{}, d.failed
}
