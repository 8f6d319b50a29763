package ssecast

// #include <ssecast.h>
import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

// An Event is what a publication sends. A field with its zero value is left out.
type Event struct {
	// The text. Each line of it becomes one on the wire; empty and not nil writes an empty line.
	Data []byte
	// The event's type; without one the receiver takes "message".
	Type string
	// An id of its own, in place of the one that the hub gives.
	ID string
	// Text for people and proxies, which receivers ignore.
	Comment string
	// The receiver's reconnection time, in whole milliseconds.
	Retry time.Duration
}

// Refuses the values that the library's types can't hold.
func (e Event) check() error {
	if e.Retry < 0 {
		return &Error{Code: ErrInvalidRetry, Field: "retry", Message: "retry must be zero or more"}
	}
	return nil
}

// The library's view of Go's memory. It may point there only as an argument, or while it is pinned.
func slice(text string) C.ssecast_slice {
	if text == "" {
		return C.ssecast_slice{}
	}
	return C.ssecast_slice{data: (*C.char)(unsafe.Pointer(unsafe.StringData(text))), len: C.size_t(len(text))}
}

var empty = []byte{0}

func bytesSlice(bytes []byte) C.ssecast_slice {
	if bytes == nil {
		return C.ssecast_slice{}
	}
	if len(bytes) == 0 {
		return C.ssecast_slice{data: (*C.char)(unsafe.Pointer(&empty[0]))}
	}
	return C.ssecast_slice{data: (*C.char)(unsafe.Pointer(&bytes[0])), len: C.size_t(len(bytes))}
}

// A text that must be there: an empty one is not left out.
func required(text string) C.ssecast_slice {
	if text == "" {
		return bytesSlice([]byte{})
	}
	return slice(text)
}

// Pins the texts, and an array of their slices, until the pinner lets go of them.
func pin(pinner *runtime.Pinner, texts []string) *C.ssecast_slice {
	if len(texts) == 0 {
		return nil
	}
	slices := make([]C.ssecast_slice, len(texts))
	for at, text := range texts {
		slices[at] = required(text)
		pinner.Pin(slices[at].data)
	}
	pinner.Pin(&slices[0])
	return &slices[0]
}

func retry(time time.Duration) C.uint64_t {
	return C.uint64_t(milliseconds(time))
}
