package ssecast

// #include <ssecast.h>
import "C"

import (
	"errors"
	"io"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A Refusal is an error of Handler.Topics that says what the client is answered. One that can't be sent is answered 500, with what is
// wrong; Validate finds it out before.
type Refusal struct {
	// From 400 to 599; 204, by which a browser stays away; or 301, 302, 303, 307 or 308 with the header Location; 0 is 403.
	Status int
	// Headers besides those of every answer. Those of CORS are the Handler's, if it has any.
	Header http.Header
	// The body, 64 KiB at most: plain text, unless the header has another Content-Type. Empty says the status in words.
	Body string
}

func (r *Refusal) Error() string {
	return "ssecast: the request is refused with " + strconv.Itoa(r.status())
}

// Validate says what can't be sent, if anything can't. If the Handler has CORS, the headers of CORS can't.
func (r *Refusal) Validate(hasCORS bool) error {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	var refusal C.ssecast_refusal
	C.ssecast_refusal_init(&refusal, C.sizeof_ssecast_refusal)
	// A negative number is none that there is.
	refusal.status = C.uint32_t(min(uint64(r.status()), math.MaxUint32))
	var headers []C.ssecast_header
	for name, values := range r.Header {
		for _, value := range values {
			header := C.ssecast_header{name: required(name), value: required(value)}
			pinner.Pin(header.name.data)
			pinner.Pin(header.value.data)
			headers = append(headers, header)
		}
	}
	if len(headers) > 0 {
		pinner.Pin(&headers[0])
		refusal.headers, refusal.headers_len = &headers[0], C.size_t(len(headers))
	}
	if r.Body != "" {
		refusal.body = slice(r.Body)
		pinner.Pin(refusal.body.data)
	}
	var detail C.ssecast_error
	err := failure(C.ssecast_refusal_check(&refusal, C.bool(hasCORS), &detail), &detail)
	var wrong *Error
	if errors.As(err, &wrong) {
		// Its fields are called so here.
		field := map[string]string{"status": "Status", "headers": "Header", "body": "Body"}[strings.ToLower(wrong.Field)]
		wrong.Message = field + strings.TrimPrefix(wrong.Message, wrong.Field)
		wrong.Field = field
	}
	return err
}

func (r *Refusal) status() int {
	if r.Status == 0 {
		return http.StatusForbidden
	}
	return r.Status
}

func (r *Refusal) answer(w http.ResponseWriter, hasCORS bool) {
	if err := r.Validate(hasCORS); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	for name, values := range r.Header {
		// What the answer varies by already stays.
		if strings.EqualFold(name, "Vary") {
			values = append(header.Values("Vary"), values...)
		}
		header.Del(name)
		// The refusal may be one for many requests, and what comes behind the Handler may add to its own.
		header[name] = slices.Clone(values)
	}
	status, body := r.status(), r.Body
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	if body == "" {
		body = http.StatusText(status) + "\n"
	}
	// net/http would guess the type by the body.
	for name, value := range map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"} {
		if !has(r.Header, name) {
			header.Set(name, value)
		}
	}
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// Whether there is a header, however its name is written.
func has(header http.Header, name string) bool {
	for other := range header {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}
