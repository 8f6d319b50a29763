package ssecast

/*
#include <ssecast.h>

void ssecastGoUnread(uintptr_t told);

static void unread(void *told) { ssecastGoUnread((uintptr_t)told); }

static ssecast_result when_unread(ssecast_hub *hub, ssecast_slice topic, uint64_t after_ms, uintptr_t told,
                                  ssecast_unread_watch **watch, ssecast_error *error) {
  return ssecast_hub_when_unread(hub, topic, after_ms, unread, (void *)told, watch, error);
}
*/
import "C"

import (
	"context"
	"errors"
	"runtime"
	"runtime/cgo"
	"time"
)

// ErrUnread is the cause of a context of WhenUnread that is done because the topic has lost its last reader.
var ErrUnread = errors.New("ssecast: the topic has lost its last reader")

// WhenUnread gives a producer a context that is done when nobody reads its topic any more: when the topic has had a reader since this
// call and then had none for so long, in no process that shares the store. While there has never been a reader it goes on. It is
// also done when the parent is, or when it is cancelled, which the producer does at its end. The end of the topic and closing the
// hub end the interest.
func (h *Hub) WhenUnread(parent context.Context, topic string, after time.Duration) (context.Context, context.CancelFunc, error) {
	unread, cancel := context.WithCancelCause(parent)
	told := cgo.NewHandle(cancel)
	var watch *C.ssecast_unread_watch
	var detail C.ssecast_error
	result := C.when_unread(h.handle, required(topic), C.uint64_t(milliseconds(max(0, after))), C.uintptr_t(told), &watch, &detail)
	runtime.KeepAlive(h)
	if err := failure(result, &detail); err != nil {
		told.Delete()
		cancel(err)
		return nil, nil, err
	}
	context.AfterFunc(unread, func() {
		// No call follows.
		C.ssecast_unread_watch_free(watch)
		told.Delete()
	})
	return unread, func() { cancel(nil) }, nil
}

// Runs on a thread of the hub.
//
//export ssecastGoUnread
func ssecastGoUnread(told C.uintptr_t) {
	cgo.Handle(told).Value().(context.CancelCauseFunc)(ErrUnread)
}
