package ssecast_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

func TestARefusalIsSentOrNamesTheFieldThatCanNotBe(t *testing.T) {
	content, err := os.ReadFile("../../tests/vectors/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name    string
		Status  int
		Headers [][2]string
		Body    json.RawMessage
		Field   string
	}
	if err := json.Unmarshal(content, &vectors); err != nil || len(vectors) < 20 {
		t.Fatalf("%v: there are %d vectors", err, len(vectors))
	}
	refusals := make([]ssecast.Refusal, len(vectors))
	handler := newHub(t, ssecast.Config{}).Handler("ticks")
	handler.CORS = &ssecast.CORS{Origins: []string{"*"}}
	handler.Topics = func(r *http.Request) ([]string, error) {
		at, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			return nil, err
		}
		return nil, &refusals[at]
	}
	server := serve(t, handler, (*httptest.Server).Start)
	server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for at, vector := range vectors {
		// In Go a status that is left out is 403.
		if vector.Status == 0 {
			vector.Status = -1
		}
		header := http.Header{}
		for _, pair := range vector.Headers {
			header[pair[0]] = append(header[pair[0]], pair[1])
		}
		refusals[at] = ssecast.Refusal{Status: vector.Status, Header: header, Body: vectorText(t, vector.Body)}
		// The core has the same fields by other names.
		var wrong *ssecast.Error
		field := map[string]string{"status": "Status", "headers": "Header", "body": "Body"}[vector.Field]
		err := refusals[at].Validate(true)
		if vector.Field == "" && err != nil || vector.Field != "" && (!errors.As(err, &wrong) || wrong.Field != field) {
			t.Errorf("%s: %v", vector.Name, err)
		}
		response := ask(t, server, "GET", "/"+strconv.Itoa(at), app)
		status := vector.Status
		if vector.Field != "" {
			status = 500
		}
		if response.StatusCode != status || response.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: it was answered %s, %v", vector.Name, response.Status, response.Header)
		}
	}
}

func TestARefusalIsPlainTextAndVariesByWhatItDoesAndByTheOrigin(t *testing.T) {
	handler := newHub(t, ssecast.Config{}).Handler("ticks")
	handler.CORS = &ssecast.CORS{Origins: []string{app}}
	handler.Topics = func(*http.Request) ([]string, error) {
		return nil, &ssecast.Refusal{Status: 401, Header: http.Header{"Vary": {"Cookie"}}, Body: "<b>sign in</b>"}
	}
	response, err := http.Get(serve(t, handler, (*httptest.Server).Start).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "<b>sign in</b>" || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%v: %q, %v", err, body, response.Header)
	}
	if vary := response.Header.Values("Vary"); !slices.Contains(vary, "Origin") || !slices.Contains(vary, "Cookie") {
		t.Errorf("it varies by %q", vary)
	}
}
