package ssecast

// #include <ssecast.h>
import "C"

import (
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"
)

// CORS says which pages of other origins may read a Handler's streams, and its refusals. Preflights are answered.
type CORS struct {
	// The origins, as browsers spell them, such as https://app.example; a single * stands for all.
	Origins []string
	// If it is not nil, it decides on each origin, and there are no Origins. Many requests may ask it at once.
	Allows func(origin string, r *http.Request) bool
	// Pages may send cookies. The origins must be named then, not *.
	Credentials bool
	// How long a browser may remember the answer to a preflight; zero is a day.
	MaxAge time.Duration
}

// Validate says what is wrong with the rules, if anything is. With such rules each request is answered 500.
func (c *CORS) Validate() error {
	_, err := c.lines(nil, "")
	return err
}

// Sets the headers of every response to a request, whatever its status, and those of the answer to a preflight if there are methods.
// They replace what was allowed before.
func (c *CORS) set(header http.Header, r *http.Request, methods string) error {
	lines, err := c.lines(r, methods)
	if err != nil {
		return err
	}
	header.Del("Access-Control-Allow-Origin")
	header.Del("Access-Control-Allow-Credentials")
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		if name != "Vary" {
			header.Set(name, value)
		} else if !varies(header, value) {
			header.Add(name, value)
		}
	}
	return nil
}

// The headers as lines of a head; of no request they are those that need no decision.
func (c *CORS) lines(r *http.Request, methods string) (string, error) {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	var rules C.ssecast_cors
	C.ssecast_cors_init(&rules, C.sizeof_ssecast_cors)
	var origin string
	if r != nil {
		origin = r.Header.Get("Origin")
	}
	if c.Allows != nil {
		if len(c.Origins) > 0 {
			return "", &Error{Code: ErrInvalidOption, Field: "Allows", Message: "Allows must be nil where there are Origins: one of them decides"}
		}
		rules.decision = 2
		if origin != "" && c.Allows(origin, r) {
			rules.decision = 1
		}
	}
	rules.origins, rules.origins_len = pin(&pinner, c.Origins), C.size_t(len(c.Origins))
	if c.Credentials {
		rules.credentials = 1
	}
	if c.MaxAge > 0 {
		rules.max_age_ms = C.uint64_t(milliseconds(c.MaxAge))
	}
	var buffer [4096]byte
	var length C.size_t
	var detail C.ssecast_error
	result := C.ssecast_cors_headers(&rules, slice(origin), slice(methods), bytesSlice(buffer[:]).data, C.size_t(len(buffer)), &length, &detail)
	err := failure(result, &detail)
	var wrong *Error
	if errors.As(err, &wrong) {
		// Its fields are called so here.
		wrong.Field, wrong.Message = strings.TrimPrefix(wrong.Field, "Cors"), strings.TrimPrefix(wrong.Message, "Cors")
	}
	return string(buffer[:length]), err
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// Whether a response varies by a header of the request already.
func varies(header http.Header, name string) bool {
	names := strings.Split(strings.Join(header.Values("Vary"), ","), ",")
	return slices.ContainsFunc(names, func(other string) bool {
		other = strings.TrimSpace(other)
		return other == "*" || strings.EqualFold(other, name)
	})
}
