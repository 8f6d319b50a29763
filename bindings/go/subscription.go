package ssecast

/*
#include <ssecast.h>

static ssecast_result subscribe(ssecast_hub *hub, ssecast_poller *poller, uintptr_t number, const ssecast_slice *topics,
                                size_t topics_len, ssecast_slice last_event_id, uint32_t framing, uint64_t replay,
                                ssecast_subscription **subscription, ssecast_error *error) {
  ssecast_subscription_config config;
  ssecast_subscription_config_init(&config, sizeof config);
  config.topics = topics;
  config.topics_len = topics_len;
  config.last_event_id = last_event_id;
  config.framing = framing;
  config.replay = replay;
  config.poller = poller;
  config.user_data = (void *)number;
  return ssecast_hub_subscribe(hub, &config, subscription, error);
}
*/
import "C"

import (
	"context"
	"errors"
	"io"
	"runtime"
	"unsafe"
)

// Options say what a subscription begins with.
type Options struct {
	// What it reads; none makes a private stream.
	Topics []string
	// The last event ID that the client has; empty for one that is new.
	LastEventID string
	// What a client without a last event ID begins with: so many of the last events, of all its topics together, or ReplayAll.
	Replay int
	// Frames the bytes as HTTP/1.1's chunks; the last chunk is the caller's to write.
	Chunked bool
}

func (o Options) framing() C.uint32_t {
	if o.Chunked {
		return C.SSECAST_FRAMING_CHUNKED
	}
	return C.SSECAST_FRAMING_RAW
}

// A negative number stands for all.
func replay(events int) C.uint64_t {
	if events < 0 {
		return C.SSECAST_REPLAY_ALL
	}
	return C.uint64_t(events)
}

// A Subscription is a stream whose bytes the program writes: to fasthttp, to a WebSocket, over whatever is in between. One goroutine
// waits for all subscriptions of a hub. Send, ChangeTopics and the other methods of its Stream may be called by any goroutine.
type Subscription struct {
	*Stream
	poller *poller
	number uintptr
	// Has an element when there may be something.
	ready chan struct{}
	// Closed with it.
	closed chan struct{}
	reason Reason
}

// Subscribe makes a stream that the program writes. Close it. ErrTopicEnded is to be answered 204, and ErrTooManyConnections, ErrClosed
// and the errors of a store 503. Any other error says what is wrong with the options.
func (h *Hub) Subscribe(options Options) (*Subscription, error) {
	poller, err := h.pollerForUse()
	if err != nil {
		return nil, err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	topics := pin(&pinner, options.Topics)
	stream := newStream()
	made := &Subscription{Stream: stream, poller: poller, number: uintptr(stream.id),
		ready: make(chan struct{}, 1), closed: make(chan struct{})}
	stream.cut = func() { go made.Close() }
	var detail C.ssecast_error
	// The poller may be told of it at once.
	poller.lock.Lock()
	poller.members[made.number] = made
	poller.lock.Unlock()
	result := C.subscribe(h.handle, poller.handle, C.uintptr_t(made.number), topics, C.size_t(len(options.Topics)),
		slice(options.LastEventID), options.framing(), replay(options.Replay), &stream.subscription, &detail)
	runtime.KeepAlive(h)
	if err := failure(result, &detail); err != nil {
		made.forget(func() {})
		return nil, err
	}
	return made, nil
}

func (s *Subscription) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Next waits for the next bytes of the stream, which are the caller's. It gives io.EOF when the stream is over, of which Reason says
// why; context.Cause when the context is done, after which it may be asked again; and ErrEnded once the subscription is closed.
func (s *Subscription) Next(ctx context.Context) ([]byte, error) {
	var bytes []byte
	err := s.next(ctx, func(batch []byte) { bytes = append(bytes, batch...) })
	return bytes, err
}

// Gives the next bytes to take, which must not keep them. Nothing frees them meanwhile.
func (s *Subscription) next(ctx context.Context, take func([]byte)) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		default:
		}
		result := s.look(take)
		switch result {
		case C.SSECAST_OK:
			return nil
		case C.SSECAST_ENDED:
			select {
			case <-s.closed:
				return errEnded
			default:
				return io.EOF
			}
		case C.SSECAST_WOULD_BLOCK:
		default:
			return Code(result)
		}
		select {
		case <-s.ready:
		case <-s.closed:
			return errEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Subscription) look(take func([]byte)) C.ssecast_result {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.subscription == nil {
		return C.SSECAST_ENDED
	}
	var batch C.ssecast_slice
	result := C.ssecast_subscription_next(s.subscription, &batch, nil)
	switch result {
	case C.SSECAST_OK:
		take(unsafe.Slice((*byte)(unsafe.Pointer(batch.data)), batch.len))
	case C.SSECAST_ENDED:
		var reason C.ssecast_reason
		C.ssecast_subscription_reason(s.subscription, &reason, nil)
		s.reason = Reason(reason)
	}
	return result
}

// Reason says why the stream is over, once Next has given io.EOF.
func (s *Subscription) Reason() Reason {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.reason
}

// WriteTo writes the stream until it is over, the writer fails or the context is done, and returns why: nil for the end. A writer that
// has a method Flush, as fasthttp's has, is flushed behind each batch.
func (s *Subscription) WriteTo(ctx context.Context, to io.Writer) error {
	flush := func() error { return nil }
	switch flusher := to.(type) {
	case interface{ Flush() error }:
		flush = flusher.Flush
	case interface{ Flush() }:
		flush = func() error { flusher.Flush(); return nil }
	}
	for {
		bytes, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = to.Write(bytes)
		}
		if err = errors.Join(err, flush()); err != nil {
			return err
		}
	}
}

// All gives the batches one after another, for `for bytes := range subscription.All(ctx)`, until the stream is over or the context is
// done.
func (s *Subscription) All(ctx context.Context) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for bytes, err := s.Next(ctx); err == nil && yield(bytes); bytes, err = s.Next(ctx) {
		}
	}
}

// Close ends it: its client has gone, or has everything. Closing it twice does nothing.
func (s *Subscription) Close() {
	s.lock.Lock()
	handle := s.subscription
	s.subscription = nil
	s.lock.Unlock()
	if handle != nil {
		close(s.closed)
		s.forget(func() { C.ssecast_subscription_free(handle) })
	}
}

// Frees it while the poller is not asked.
func (s *Subscription) forget(free func()) {
	s.poller.lock.Lock()
	delete(s.poller.members, s.number)
	free()
	s.poller.lock.Unlock()
	s.poller.release()
}
