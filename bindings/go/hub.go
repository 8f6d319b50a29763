// Package ssecast broadcasts Server-Sent Events from a Go server: the native engine writes to the clients' sockets, so that a
// stream costs no goroutine, and an event is encoded once, however many clients there are.
//
// It needs cgo. A released version has the engine in it, as a static library for each platform; on Alpine Linux and others with musl,
// build with -tags musl. A clone of the repository, and a build with -tags ssecast_installed, needs an installed one instead: `make
// install-c PREFIX=...`; where the compiler does not look by itself, CGO_CFLAGS and CGO_LDFLAGS say where it is.
package ssecast

/*
#include <stdlib.h>
#include <ssecast.h>

// Arguments may point to Go's memory, and structures behind a pointer may not: so they are made here.
static ssecast_result publish(ssecast_hub *hub, ssecast_slice topic, ssecast_slice type, ssecast_slice id, ssecast_slice data,
                              ssecast_slice comment, uint64_t retry, ssecast_published *published, ssecast_error *error) {
  ssecast_event event = {sizeof event, type, id, data, comment, retry};
  return ssecast_hub_publish(hub, topic, &event, published, error);
}
*/
import "C"

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// A Config says how a hub behaves. Zero takes the default of ssecast.h; a negative number turns off what can be off.
type Config struct {
	HistoryEvents   int           // the most events that a topic keeps for clients that come back
	HistoryBytes    int           // the most bytes of these events
	HistoryAge      time.Duration // the longest time that it keeps an event
	SlowClientBytes int           // the most bytes that may wait for a slow client
	SlowClientTime  time.Duration // the longest time in which a client that something waits for takes nothing
	SlowClientSkips bool          // past these limits it jumps to the newest event; otherwise its connection ends
	Heartbeat       time.Duration // the silence on a connection after which it is sent a heartbeat
	Retry           time.Duration // the reconnection time that each client is told
	MaxConnections  int           // one more is answered 503; none is ever evicted
	MaxTopics       int
	MaxEventBytes   int
	MaxBacklogBytes int // the most bytes of events that wait for the engine; one more event is refused with ErrBacklogFull
	Threads         int // threads that write for this hub alone; zero shares those of the process
	// Where the log is kept, such as file:./events, a folder; empty keeps it in the memory of this process. All processes that have
	// the same store have the same topics, events and IDs, and each event reaches the clients of all of them. Give all the same
	// history. Nothing is opened before the first event or client.
	Store string
	// The longest time that Publish waits for the store; then it fails with ErrStoreTimedOut, and nothing was published.
	PublishTimeout time.Duration
	// How long a topic that has ended is kept for those who come for it; then its name is that of another topic. Give all processes
	// of a store the same.
	KeepEnded time.Duration
}

// A Hub has topics, their history, and the connections that read them. Any goroutine may use it.
type Hub struct {
	handle *C.ssecast_hub
	// How long a write to a client may block.
	patience time.Duration
	// The streams whose OnClose has not returned.
	callbacks callbacks
	// What waits for its subscriptions, while there are any.
	polling sync.Mutex
	poller  *poller
}

// NewHub makes a hub, which lives until nothing refers to it any more. The error names the field that is out of range.
func NewHub(config Config) (*Hub, error) {
	var native C.ssecast_hub_config
	C.ssecast_hub_config_init(&native, C.sizeof_ssecast_hub_config)
	for _, option := range []struct {
		number int64
		field  *C.uint64_t
		// What a negative number stands for; zero is out of range, and refused.
		negative C.uint64_t
	}{
		{int64(config.HistoryEvents), &native.history_events, C.SSECAST_OFF},
		{int64(config.HistoryBytes), &native.history_bytes, C.SSECAST_OFF},
		{milliseconds(config.HistoryAge), &native.history_ms, C.SSECAST_OFF},
		{int64(config.SlowClientBytes), &native.slow_client_bytes, C.SSECAST_ZERO},
		{milliseconds(config.SlowClientTime), &native.slow_client_ms, C.SSECAST_ZERO},
		{milliseconds(config.Heartbeat), &native.heartbeat_ms, C.SSECAST_OFF},
		{milliseconds(config.Retry), &native.retry_ms, C.SSECAST_OFF},
		{int64(config.MaxConnections), &native.max_connections, C.SSECAST_ZERO},
		{int64(config.MaxTopics), &native.max_topics, C.SSECAST_ZERO},
		{int64(config.MaxEventBytes), &native.max_event_bytes, C.SSECAST_ZERO},
		{int64(config.MaxBacklogBytes), &native.max_backlog_bytes, C.SSECAST_ZERO},
		{milliseconds(config.PublishTimeout), &native.publish_timeout_ms, C.SSECAST_ZERO},
		{milliseconds(config.KeepEnded), &native.keep_ended_ms, C.SSECAST_ZERO},
	} {
		if option.number < 0 {
			*option.field = option.negative
		} else if option.number > 0 {
			*option.field = C.uint64_t(option.number)
		}
	}
	if config.SlowClientSkips {
		native.slow_client_policy = C.SSECAST_POLICY_SKIP
	}
	native.threads = C.uint32_t(config.Threads)
	if config.Store != "" {
		// A structure behind a pointer may not point to Go's memory.
		text := C.CString(config.Store)
		defer C.free(unsafe.Pointer(text))
		native.store = C.ssecast_slice{text, C.size_t(len(config.Store))}
	}
	hub := &Hub{patience: time.Duration(native.slow_client_ms) * time.Millisecond}
	var detail C.ssecast_error
	if err := failure(C.ssecast_hub_new(&native, &hub.handle, &detail), &detail); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(hub, func(hub *Hub) {
		// It waits until the last clients have their pending events: not on the finalizers' goroutine.
		go C.ssecast_hub_free(hub.handle)
	})
	return hub, nil
}

// Rounds up: a part of a millisecond must not become zero, which means something else.
func milliseconds(time time.Duration) int64 {
	if time < 0 {
		return -1
	}
	return (time + 999_999).Milliseconds()
}

// Published says what became of an event.
type Published struct {
	// The id that the hub gave it; empty if it has one of its own.
	ID string
	// The connections of this process that read the topic at that moment.
	Subscribers int
}

// Publish sends an event to every subscriber of the topic. The time that it takes does not depend on their number. If it fails,
// nothing was published. With a store it waits until the store has the event.
func (h *Hub) Publish(topic string, event Event) (Published, error) {
	if err := event.check(); err != nil {
		return Published{}, err
	}
	published := C.ssecast_published{size: C.sizeof_ssecast_published}
	var detail C.ssecast_error
	result := C.publish(h.handle, required(topic), slice(event.Type), slice(event.ID), bytesSlice(event.Data),
		slice(event.Comment), retry(event.Retry), &published, &detail)
	runtime.KeepAlive(h)
	if err := failure(result, &detail); err != nil {
		return Published{}, err
	}
	return Published{C.GoString(&published.id[0]), int(published.subscribers)}, nil
}

// EndTopic ends a topic: nothing is published to it any more (ErrTopicEnded). Its readers get what is left; the streams whose topics
// have all ended then end for good, and their clients do not come back. One that comes for it later gets what the history has of
// it, and the same end; one that has all of it is answered 204. With a store this is so in all processes. Ending it twice changes
// nothing, and a topic that was not there is an empty one that has ended.
func (h *Hub) EndTopic(topic string) error {
	var detail C.ssecast_error
	result := C.ssecast_hub_end_topic(h.handle, required(topic), &detail)
	runtime.KeepAlive(h)
	return failure(result, &detail)
}

// Close ends all streams, after what was published before, and returns when all of them have ended and OnClose has returned for
// each, or soon after the grace: what is not out by then is given up. From now on publications fail with ErrClosed, and requests
// are answered 503. It may run beside every other call.
func (h *Hub) Close(grace time.Duration) error {
	grace = max(0, grace)
	began := time.Now()
	var detail C.ssecast_error
	result := C.ssecast_hub_close(h.handle, nil, C.uint64_t(milliseconds(grace)), &detail)
	if err := failure(result, &detail); err != nil {
		return err
	}
	var over C.bool
	// The engine ends what is left when the grace is over, and that takes a moment.
	C.ssecast_hub_wait_closed(h.handle, C.uint64_t(milliseconds(grace+ending)), &over, nil)
	runtime.KeepAlive(h)
	select {
	case <-h.callbacks.wait():
	case <-time.After(grace + ending - time.Since(began)):
	}
	return nil
}

// Shutdown ends all streams as Close does, with the time that the context leaves as the grace; without a deadline that is a minute. It
// returns when all of them have ended and OnClose has returned for each; or, with the context's error, when the context is done. Like
// http.Server's Shutdown, which knows nothing of the streams that were taken over: call this one beside it.
func (h *Hub) Shutdown(ctx context.Context) error {
	grace := time.Minute
	if deadline, has := ctx.Deadline(); has {
		grace = max(0, time.Until(deadline)-ending)
	}
	closed := make(chan error, 1)
	go func() { closed <- h.Close(grace) }()
	select {
	case err := <-closed:
		return errors.Join(err, ctx.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// How long Close waits beyond the grace, for the engine to end the streams that are left.
const ending = 250 * time.Millisecond

// Stats are some of a hub's counters.
type Stats struct {
	Connections, Topics, Published, Delivered uint64
	Store                                     StoreState
}

// A StoreState says how a hub's store is.
type StoreState uint32

const (
	// StoreNone: the log is in the memory of this process.
	StoreNone = StoreState(C.SSECAST_STORE_STATE_NONE)
	// StoreUnopened: this process has not used it yet.
	StoreUnopened = StoreState(C.SSECAST_STORE_STATE_UNOPENED)
	// StoreReady: it works.
	StoreReady = StoreState(C.SSECAST_STORE_STATE_READY)
	// StoreDegraded: its last use failed. Streams go on, and events are refused until it works again.
	StoreDegraded = StoreState(C.SSECAST_STORE_STATE_DEGRADED)
)

// String gives the state as every language spells it.
func (s StoreState) String() string {
	return [...]string{"none", "unopened", "ready", "degraded"}[min(s, StoreDegraded)]
}

// Metrics writes the counters as OpenMetrics text, which Prometheus scrapes: the body of a response whose Content-Type is
// application/openmetrics-text; version=1.0.0; charset=utf-8.
func (h *Hub) Metrics() string {
	// No text is longer.
	var buffer [8192]C.char
	var length C.size_t
	C.ssecast_hub_metrics(h.handle, &buffer[0], C.size_t(len(buffer)), &length, nil)
	runtime.KeepAlive(h)
	return C.GoStringN(&buffer[0], C.int(length))
}

// Stats reads the counters.
func (h *Hub) Stats() Stats {
	native := C.ssecast_stats{size: C.sizeof_ssecast_stats}
	C.ssecast_hub_stats(h.handle, &native, nil)
	runtime.KeepAlive(h)
	return Stats{uint64(native.connections), uint64(native.topics), uint64(native.published), uint64(native.delivered),
		StoreState(native.store)}
}
