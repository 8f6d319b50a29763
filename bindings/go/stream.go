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

static ssecast_result finish(ssecast_connection *connection, ssecast_subscription *subscription, ssecast_error *error) {
  return connection != NULL ? ssecast_connection_finish(connection, error) : ssecast_subscription_finish(subscription, error);
}
*/
import "C"

import (
	"runtime"
	"sync"
)

// A Stream is that of one client. What is sent to it goes to this client alone. Any goroutine may use it.
type Stream struct {
	lock sync.Mutex
	// One of them is there: the first if the engine writes, the second as long as the goroutine of the request does.
	connection   *C.ssecast_connection
	subscription *C.ssecast_subscription
}

func connectionStream(connection *C.ssecast_connection) *Stream {
	stream := &Stream{connection: connection}
	runtime.SetFinalizer(stream, func(stream *Stream) { C.ssecast_connection_free(stream.connection) })
	return stream
}

// Send sends an event behind what was published and sent before. It fails with ErrEnded once the stream has ended, or is ending.
func (s *Stream) Send(event Event) error {
	if err := event.check(); err != nil {
		return err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.connection == nil && s.subscription == nil {
		return errEnded
	}
	var detail C.ssecast_error
	result := C.send_to(s.connection, s.subscription, slice(event.Type), slice(event.ID), bytesSlice(event.Data),
		slice(event.Comment), retry(event.Retry), &detail)
	return failure(result, &detail)
}

// Finish ends the stream for good, behind what was published and sent before: its client's next request is answered 204, after
// which it does not come back. It fails with ErrEnded if the stream has ended, or is ending, and with ErrTooMuchPending if the
// client can't be told: then the stream ends, and the client comes back.
func (s *Stream) Finish() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.connection == nil && s.subscription == nil {
		return errEnded
	}
	var detail C.ssecast_error
	return failure(C.finish(s.connection, s.subscription, &detail), &detail)
}

// The request has ended, and its subscription goes.
func (s *Stream) end() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.subscription = nil
}

var errEnded = &Error{Code: ErrEnded, Field: "stream", Message: "stream has ended, or is ending"}
