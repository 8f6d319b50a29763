package ssecast

// #include <ssecast.h>
import "C"

import "runtime/cgo"

// A Reason says why a stream ended.
type Reason uint32

const (
	// ReasonClient: the client went away.
	ReasonClient = Reason(C.SSECAST_REASON_CLIENT)
	// ReasonServer: the server ended this one stream.
	ReasonServer = Reason(C.SSECAST_REASON_SERVER)
	// ReasonShutdown: the hub was closed.
	ReasonShutdown = Reason(C.SSECAST_REASON_SHUTDOWN)
	// ReasonLagged: the client was too slow.
	ReasonLagged = Reason(C.SSECAST_REASON_LAGGED)
	// ReasonError: something on the server failed.
	ReasonError = Reason(C.SSECAST_REASON_ERROR)
)

func (r Reason) String() string {
	names := [...]string{"client", "server", "shutdown", "lagged", "error"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown"
}

// Runs on a thread of the engine, which must not wait: it has other clients to write to.
//
//export ssecastGoClosed
func ssecastGoClosed(told C.uintptr_t, reason C.uint32_t) {
	handle := cgo.Handle(told)
	onClose := handle.Value().(func(Reason))
	handle.Delete()
	go onClose(Reason(reason))
}
