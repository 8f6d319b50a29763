package ssecast

// #include <ssecast.h>
import "C"

import (
	"fmt"
	"strings"
	"syscall"
)

// A Code says what became of a call. Its numbers are those of ssecast.h. It is an error by itself, so that
// errors.Is(err, ssecast.ErrClosed) works.
type Code uint32

// The codes that a program may want to handle. ssecast.h has the others.
const (
	ErrInvalidEvent       = Code(C.SSECAST_INVALID_EVENT)
	ErrInvalidID          = Code(C.SSECAST_INVALID_ID)
	ErrInvalidRetry       = Code(C.SSECAST_INVALID_RETRY)
	ErrInvalidData        = Code(C.SSECAST_INVALID_DATA)
	ErrInvalidTopic       = Code(C.SSECAST_INVALID_TOPIC)
	ErrInvalidOption      = Code(C.SSECAST_INVALID_OPTION)
	ErrEventTooLarge      = Code(C.SSECAST_EVENT_TOO_LARGE)
	ErrTooManyTopics      = Code(C.SSECAST_TOO_MANY_TOPICS)
	ErrTooManyConnections = Code(C.SSECAST_TOO_MANY_CONNECTIONS)
	ErrClosed             = Code(C.SSECAST_CLOSED)
	ErrBacklogFull        = Code(C.SSECAST_BACKLOG_FULL)
	ErrStoreUnavailable   = Code(C.SSECAST_STORE_UNAVAILABLE)
	ErrStoreTimedOut      = Code(C.SSECAST_STORE_TIMED_OUT)
	ErrStoreFull          = Code(C.SSECAST_STORE_FULL)
	ErrStoreFormat        = Code(C.SSECAST_STORE_FORMAT)
	ErrTopicEnded         = Code(C.SSECAST_TOPIC_ENDED)
	// ErrEnded: the stream has ended, or is ending.
	ErrEnded = Code(C.SSECAST_ENDED)
	// ErrTooMuchPending: more waits for one client than its limit allows; the event was not taken.
	ErrTooMuchPending = Code(C.SSECAST_TOO_MUCH_PENDING)
)

// Error gives the code's name, such as SSECAST_CLOSED.
func (c Code) Error() string {
	return C.GoString(C.ssecast_result_text(C.uint32_t(c)))
}

// An Error says what is wrong with which argument or field, and how to mend it.
type Error struct {
	Code    Code
	Field   string
	Message string
	// The system's error that is behind it, such as syscall.EADDRINUSE, or 0. errors.Is finds it.
	Errno syscall.Errno
}

func (e *Error) Error() string { return "ssecast: " + e.Message }

// Unwrap gives the code, and the system's error if there is one.
func (e *Error) Unwrap() []error {
	if e.Errno == 0 {
		return []error{e.Code}
	}
	return []error{e.Code, e.Errno}
}

func failure(result C.ssecast_result, detail *C.ssecast_error) error {
	if result == C.SSECAST_OK {
		return nil
	}
	field, option := C.GoString(&detail.field[0]), C.GoString(&detail.option[0])
	name := optionName(option)
	if field == option {
		field = name
	}
	message := field + " " + C.GoString(&detail.problem[0])
	if detail.limit != 0 {
		message += fmt.Sprintf("; %s allows %d", name, uint64(detail.limit))
	} else if name != "" && name != field {
		message += " (" + name + ")"
	}
	return &Error{Code(result), field, message, syscall.Errno(detail.os_error)}
}

// The field of a Config that an option of the library stands for.
func optionName(option string) string {
	switch option {
	case "history_ms":
		return "HistoryAge"
	case "slow_client_ms":
		return "SlowClientTime"
	case "slow_client_policy":
		return "SlowClientSkips"
	}
	var name strings.Builder
	for _, word := range strings.Split(strings.TrimSuffix(option, "_ms"), "_") {
		if word != "" {
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return name.String()
}
