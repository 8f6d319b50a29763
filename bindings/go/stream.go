package ssecast

/*
#include <ssecast.h>

// Arguments may point to Go's memory, and structures behind a pointer may not: so they are made here.
static ssecast_result send_to(ssecast_connection *connection, ssecast_subscription *subscription, ssecast_slice type,
                              ssecast_slice id, ssecast_slice data, ssecast_slice comment, uint64_t retry, ssecast_error *error) {
  ssecast_event event = {sizeof event, type, id, data, comment, retry};
  return connection != NULL ? ssecast_connection_send(connection, &event, error)
                            : ssecast_subscription_send(subscription, &event, error);
}

static ssecast_result change_topics(ssecast_connection *connection, ssecast_subscription *subscription, const ssecast_slice *add,
                                    size_t add_len, const ssecast_slice *remove, size_t remove_len, ssecast_error *error) {
  return connection != NULL ? ssecast_connection_change_topics(connection, add, add_len, remove, remove_len, error)
                            : ssecast_subscription_change_topics(subscription, add, add_len, remove, remove_len, error);
}

static ssecast_result finish(ssecast_connection *connection, ssecast_subscription *subscription, ssecast_error *error) {
  return connection != NULL ? ssecast_connection_finish(connection, error) : ssecast_subscription_finish(subscription, error);
}

static ssecast_result end(ssecast_connection *connection, ssecast_subscription *subscription, ssecast_error *error) {
  return connection != NULL ? ssecast_connection_detach(connection, error) : ssecast_subscription_end(subscription, error);
}

static size_t pending(ssecast_connection *connection, ssecast_subscription *subscription) {
  size_t bytes = 0;
  if (connection != NULL) ssecast_connection_pending_bytes(connection, &bytes, NULL);
  else ssecast_subscription_pending_bytes(subscription, &bytes, NULL);
  return bytes;
}
*/
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Stream is that of one client. What is sent to it goes to this client alone. Any goroutine may use it.
type Stream struct {
	id   uint64
	lock sync.Mutex
	// One of them is there: the first if the engine writes, the second as long as the program does.
	connection   *C.ssecast_connection
	subscription *C.ssecast_subscription
	// Ends a stream that the program writes at once.
	cut func()
}

var lastStream atomic.Uint64

func newStream() *Stream {
	return &Stream{id: lastStream.Add(1), cut: func() {}}
}

func connectionStream(connection *C.ssecast_connection) *Stream {
	stream := newStream()
	stream.connection = connection
	runtime.SetFinalizer(stream, func(stream *Stream) { C.ssecast_connection_free(stream.connection) })
	return stream
}

// ID names the stream: no other one of this process ever has it.
func (s *Stream) ID() uint64 { return s.id }

// Asks for something, unless the stream is over.
func (s *Stream) ask(call func(*C.ssecast_error) C.ssecast_result) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.connection == nil && s.subscription == nil {
		return errEnded
	}
	var detail C.ssecast_error
	return failure(call(&detail), &detail)
}

// Send sends an event behind what was published and sent before. It fails with ErrEnded once the stream has ended, or is ending, and
// with ErrTooMuchPending if more waits for this client than its limit allows.
func (s *Stream) Send(event Event) error {
	if err := event.check(); err != nil {
		return err
	}
	return s.ask(func(detail *C.ssecast_error) C.ssecast_result {
		return C.send_to(s.connection, s.subscription, slice(event.Type), slice(event.ID), bytesSlice(event.Data),
			slice(event.Comment), retry(event.Retry), detail)
	})
}

// ChangeTopics adds and removes topics: what is published from here on counts. If it fails, nothing changes.
func (s *Stream) ChangeTopics(add, remove []string) error {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	added, removed := pin(&pinner, add), pin(&pinner, remove)
	return s.ask(func(detail *C.ssecast_error) C.ssecast_result {
		return C.change_topics(s.connection, s.subscription, added, C.size_t(len(add)), removed, C.size_t(len(remove)), detail)
	})
}

// Pending counts the bytes that were sent to this client alone and that have not gone out yet; 0 once the stream has ended.
func (s *Stream) Pending() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.connection == nil && s.subscription == nil {
		return 0
	}
	return int(C.pending(s.connection, s.subscription))
}

// End ends the stream behind what was published and sent before. An EventSource comes back after it, and resumes. It fails with
// ErrEnded if the stream has ended, or is ending.
func (s *Stream) End() error {
	return s.ask(func(detail *C.ssecast_error) C.ssecast_result { return C.end(s.connection, s.subscription, detail) })
}

// Finish ends the stream for good, behind what was published and sent before: its client's next request is answered 204, after
// which it does not come back. It fails with ErrEnded if the stream has ended, or is ending, and with ErrTooMuchPending if the
// client can't be told: then the stream ends, and the client comes back.
func (s *Stream) Finish() error {
	return s.ask(func(detail *C.ssecast_error) C.ssecast_result { return C.finish(s.connection, s.subscription, detail) })
}

// Disconnect throws the client out at once. It fails with ErrEnded if the stream has ended.
func (s *Stream) Disconnect() error {
	return s.ask(func(detail *C.ssecast_error) C.ssecast_result {
		if s.connection != nil {
			return C.ssecast_connection_disconnect(s.connection, C.SSECAST_REASON_SERVER, detail)
		}
		s.cut()
		return C.SSECAST_OK
	})
}

var errEnded = &Error{Code: ErrEnded, Field: "stream", Message: "stream has ended, or is ending"}
