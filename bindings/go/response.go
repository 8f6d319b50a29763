package ssecast

// #include <ssecast.h>
import "C"

import (
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"strings"
)

// SetHeaders gives the headers of a stream's response, one after another, for servers that are not net/http's. cacheControl is the value
// that the program wants for Cache-Control, or empty: what a stream needs is added to it.
func SetHeaders(cacheControl string, set func(name, value string)) error {
	header := http.Header{}
	if cacheControl != "" {
		header.Set("Cache-Control", cacheControl)
	}
	if err := setStreamHeaders(header); err != nil {
		return err
	}
	for name := range header {
		set(name, header.Get(name))
	}
	return nil
}

// Sets the headers of a stream's response. A Cache-Control that is there stays, and what a stream needs is added to it.
func setStreamHeaders(header http.Header) error {
	var buffer [1024]byte
	var length C.size_t
	var detail C.ssecast_error
	wanted := slice(strings.Join(header.Values("Cache-Control"), ", "))
	result := C.ssecast_stream_headers(wanted, bytesSlice(buffer[:]).data, C.size_t(len(buffer)), &length, &detail)
	if err := failure(result, &detail); err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSuffix(string(buffer[:length]), "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	return nil
}

// LastEventID gives the last event ID that a client has, by its header or the parameter lastEventId of the query, and whether it says
// that its stream was finished for good: then the answer is 204.
func LastEventID(header, query string) (id string, finished bool) {
	found := C.ssecast_last_event_id(slice(header), slice(query))
	id = C.GoStringN(found.data, C.int(found.len))
	return id, bool(C.ssecast_is_finished(slice(id)))
}

// The last event ID that a request has, and whether it says that the client's stream was finished for good, by a server of any
// language at this URL: the answer is 204 then.
func lastEventID(r *http.Request) (id string, finished bool) {
	return LastEventID(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("lastEventId"))
}

// The response to a request whose stream could not be opened.
type refusal struct {
	status int
	header http.Header
	body   string
}

func (h *Hub) refusal(r *http.Request, err error) refusal {
	var code Code
	if errors.Is(err, ErrTopicEnded) {
		// The client has all that there was: it need not come back.
		return refusal{http.StatusNoContent, http.Header{}, ""}
	}
	if !errors.As(err, &code) || !bool(C.ssecast_is_unavailable(C.uint32_t(code))) {
		return refusal{http.StatusInternalServerError, http.Header{}, ""}
	}
	answer := C.ssecast_unavailable{size: C.sizeof_ssecast_unavailable}
	accept := strings.Join(r.Header.Values("Accept"), ", ")
	C.ssecast_hub_unavailable(h.handle, slice(r.Method), slice(accept), &answer, nil)
	runtime.KeepAlive(h)
	refused := refusal{int(answer.status), http.Header{}, C.GoString(&answer.body[0])}
	if refused.status == http.StatusOK {
		setStreamHeaders(refused.header)
	} else {
		refused.header.Set("Retry-After", strconv.FormatUint(uint64(answer.retry_after), 10))
	}
	return refused
}
