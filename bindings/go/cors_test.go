package ssecast_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

const app = "https://app.example"

// Asks as the page of another origin does, and gives the answer without its body.
func ask(t *testing.T, server *httptest.Server, method, path, origin string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", origin)
	if method == http.MethodOptions {
		request.Header.Set("Access-Control-Request-Method", "GET")
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

func TestPagesOfOtherOriginsMayReadStreamsAndRefusals(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler("ticks")
			topics := handler.Topics
			handler.Topics = func(r *http.Request) ([]string, error) {
				if r.URL.Path == "/forbidden" {
					return nil, errors.New("not for you")
				}
				return topics(r)
			}
			handler.CORS = &ssecast.CORS{Origins: []string{"https://other.example", app}, Credentials: true, MaxAge: time.Minute}
			other := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Access-Control-Allow-Origin", "*")
				w.Header().Set("Vary", "origin")
				handler.ServeHTTP(w, r)
			})
			server := serve(t, other, kind.start)
			check := func(method, path string, status int) *http.Response {
				t.Helper()
				allowed, refused := ask(t, server, method, path, app), ask(t, server, method, path, "https://evil.example")
				if allowed.StatusCode != status || refused.StatusCode != status {
					t.Errorf("%s %s was answered %s and %s", method, path, allowed.Status, refused.Status)
				}
				header := allowed.Header
				if header.Get("Access-Control-Allow-Origin") != app || header.Get("Access-Control-Allow-Credentials") != "true" {
					t.Errorf("%s %s: the page is not allowed: %v", method, path, header)
				}
				if values := refused.Header.Values("Access-Control-Allow-Origin"); len(values) > 0 {
					t.Errorf("%s %s: another page is allowed: %v", method, path, values)
				}
				if values := refused.Header.Values("Vary"); len(values) != 1 {
					t.Errorf("%s %s varies by %q", method, path, values)
				}
				return allowed
			}
			check("GET", "/", 200)
			check("HEAD", "/", 200)
			check("GET", "/forbidden", 403)
			check("POST", "/", 405)
			preflight := check("OPTIONS", "/", 204).Header
			if preflight.Get("Access-Control-Allow-Methods") != "GET, HEAD" || preflight.Get("Access-Control-Max-Age") != "60" {
				t.Errorf("the preflight is answered %v", preflight)
			}
			hub.Close(0)
			check("GET", "/", 503)
		})
	}
}

func TestAFunctionDecidesOnOrigins(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	handler := hub.Handler("ticks")
	handler.CORS = &ssecast.CORS{Credentials: true, Allows: func(origin string, r *http.Request) bool {
		return origin == app && r.URL.Path == "/ours"
	}}
	server := serve(t, handler, (*httptest.Server).Start)
	for path, allowed := range map[string]string{"/ours": app, "/theirs": ""} {
		for _, method := range []string{"GET", "OPTIONS"} {
			if got := ask(t, server, method, path, app).Header.Get("Access-Control-Allow-Origin"); got != allowed {
				t.Errorf("%s %s allows %q", method, path, got)
			}
		}
	}
}

func TestRulesThatAllowNoPageOrTooManyAreRefused(t *testing.T) {
	for field, rules := range map[string]ssecast.CORS{
		"Allows":      {Origins: []string{app}, Allows: func(string, *http.Request) bool { return true }},
		"Origins":     {},
		"Credentials": {Origins: []string{"*"}, Credentials: true},
	} {
		var wrong *ssecast.Error
		if err := rules.Validate(); !errors.As(err, &wrong) || !errors.Is(err, ssecast.ErrInvalidOption) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
		handler := newHub(t, ssecast.Config{}).Handler("ticks")
		handler.CORS = &rules
		if response := ask(t, serve(t, handler, (*httptest.Server).Start), "GET", "/", app); response.StatusCode != 500 {
			t.Errorf("%s: it was answered %s", field, response.Status)
		}
	}
	for _, origin := range []string{"https://app.example/", "app.example", "https://*.example"} {
		if err := (&ssecast.CORS{Origins: []string{origin}}).Validate(); err == nil {
			t.Errorf("%s is an origin", origin)
		}
	}
}
