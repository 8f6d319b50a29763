package ssecast

/*
#include <ssecast.h>

static ssecast_result subscribe(ssecast_hub *hub, const ssecast_slice *topics, size_t topics_len, ssecast_slice last_event_id,
                                uint32_t framing, uint64_t replay, ssecast_subscription **subscription, ssecast_error *error) {
  ssecast_subscription_config config;
  ssecast_subscription_config_init(&config, sizeof config);
  config.topics = topics;
  config.topics_len = topics_len;
  config.last_event_id = last_event_id;
  config.framing = framing;
  config.replay = replay;
  return ssecast_hub_subscribe(hub, &config, subscription, error);
}
*/
import "C"

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// What a request's stream is to be.
type request struct {
	topics      []string
	lastEventID string
	framing     C.uint32_t
	replay      C.uint64_t
}

// A negative number stands for all.
func replay(events int) C.uint64_t {
	if events < 0 {
		return C.SSECAST_REPLAY_ALL
	}
	return C.uint64_t(events)
}

const (
	chunked = C.SSECAST_FRAMING_CHUNKED
	raw     = C.SSECAST_FRAMING_RAW
)

// A subscription is a stream that the goroutine of its request writes: over TLS, HTTP/2, or whatever else is in between.
type subscription struct {
	handle *C.ssecast_subscription
	// A duplicate of its descriptor, which Go's poller waits for.
	signal *os.File
	stream *Stream
}

func (h *Hub) subscribe(wanted request) (*subscription, error) {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	var made subscription
	var detail C.ssecast_error
	result := C.subscribe(h.handle, pin(&pinner, wanted.topics), C.size_t(len(wanted.topics)), slice(wanted.lastEventID),
		wanted.framing, wanted.replay, &made.handle, &detail)
	runtime.KeepAlive(h)
	if err := failure(result, &detail); err != nil {
		return nil, err
	}
	syscall.ForkLock.RLock()
	descriptor, err := syscall.Dup(int(C.ssecast_subscription_descriptor(made.handle)))
	if err == nil {
		syscall.CloseOnExec(descriptor)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		C.ssecast_subscription_free(made.handle)
		return nil, os.NewSyscallError("dup", err)
	}
	made.signal = os.NewFile(uintptr(descriptor), "ssecast")
	made.stream = &Stream{subscription: made.handle}
	return &made, nil
}

// Gives each batch to write until the stream ends, write fails or the context is done. A batch is valid until write returns.
func (s *subscription) run(ctx context.Context, write func([]byte) error) Reason {
	poller, err := s.signal.SyscallConn()
	if err != nil {
		return ReasonError
	}
	stop := context.AfterFunc(ctx, func() { s.signal.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		var batch C.ssecast_slice
		var result C.ssecast_result
		err := poller.Read(func(uintptr) bool {
			result = C.ssecast_subscription_next(s.handle, &batch, nil)
			return result != C.SSECAST_WOULD_BLOCK
		})
		switch {
		case err != nil:
			return ReasonClient
		case result == C.SSECAST_OK:
			if write(unsafe.Slice((*byte)(unsafe.Pointer(batch.data)), batch.len)) != nil {
				return ReasonClient
			}
		case result == C.SSECAST_ENDED:
			var reason C.ssecast_reason
			C.ssecast_subscription_reason(s.handle, &reason, nil)
			return Reason(reason)
		default:
			return ReasonError
		}
	}
}

func (s *subscription) free() {
	s.stream.end()
	s.signal.Close()
	C.ssecast_subscription_free(s.handle)
}
