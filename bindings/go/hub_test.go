package ssecast_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

// Far longer than anything takes.
const patience = 30 * time.Second

func newHub(t *testing.T, config ssecast.Config) *ssecast.Hub {
	t.Helper()
	hub, err := ssecast.NewHub(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close(0) })
	return hub
}

func publish(t *testing.T, hub *ssecast.Hub, topic, data string) string {
	t.Helper()
	published, err := hub.Publish(topic, ssecast.Event{Data: []byte(data)})
	if err != nil {
		t.Fatal(err)
	}
	return published.ID
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("it did not come about that %s", what)
		}
	}
}

// Hides that a connection is a socket, as listeners do that count or limit connections.
type wrapping struct{ net.Listener }

func (w wrapping) Accept() (net.Conn, error) {
	connection, err := w.Listener.Accept()
	return struct{ net.Conn }{connection}, err
}

var servers = []struct {
	name  string
	start func(*httptest.Server)
	proto int
}{
	{"plain HTTP", (*httptest.Server).Start, 1},
	{"a listener that wraps its connections", func(s *httptest.Server) { s.Listener = wrapping{s.Listener}; s.Start() }, 1},
	{"TLS", (*httptest.Server).StartTLS, 1},
	{"HTTP/2", func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }, 2},
}

func serve(t *testing.T, handler http.Handler, start func(*httptest.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	start(server)
	t.Cleanup(server.Close)
	return server
}

type client struct {
	*http.Response
	lines *bufio.Reader
}

func connect(t *testing.T, server *httptest.Server, lastEventID string) *client {
	t.Helper()
	request, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("it was answered %s, %v", response.Status, response.Header)
	}
	return &client{response, bufio.NewReader(response.Body)}
}

// Data gives the data of the next event that has some.
func (c *client) data() (string, error) {
	for {
		line, err := c.lines.ReadString('\n')
		if data, is := strings.CutPrefix(line, "data: "); err != nil || is {
			return strings.TrimSuffix(data, "\n"), err
		}
	}
}

func (c *client) expect(t *testing.T, expected string) {
	t.Helper()
	if data, err := c.data(); err != nil || data != expected {
		t.Fatalf("%q came, and not %q (%v)", data, expected, err)
	}
}

func TestEveryClientGetsEveryEventInOrder(t *testing.T) {
	const clients, events = 100, 300
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			server := serve(t, hub.Handler("ticks"), kind.start)
			var all sync.WaitGroup
			for range make([]struct{}, clients) {
				client := connect(t, server, "")
				if client.ProtoMajor != kind.proto {
					t.Fatalf("the protocol is %s", client.Proto)
				}
				all.Add(1)
				go func() {
					defer all.Done()
					for event := 0; event < events; event++ {
						if data, err := client.data(); err != nil || data != fmt.Sprint(event) {
							t.Errorf("%q came, and not %d (%v)", data, event, err)
							return
						}
					}
				}()
			}
			for event := 0; event < events; event++ {
				publish(t, hub, "ticks", fmt.Sprint(event))
				publish(t, hub, "others", "for no client")
			}
			all.Wait()
			if stats := hub.Stats(); stats.Connections != clients || stats.Delivered != clients*events {
				t.Fatalf("the hub counts %+v", stats)
			}
		})
	}
}

func TestAStreamOverPlainHTTPCostsTheServerOneDescriptorAndNoGoroutine(t *testing.T) {
	const clients = 100
	hub := newHub(t, ssecast.Config{})
	server := serve(t, hub.Handler("ticks"), (*httptest.Server).Start)
	before, open := runtime.NumGoroutine(), descriptors(t)
	for range make([]struct{}, clients) {
		// Without a goroutine of its own, which net/http's client has.
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	eventually(t, "all are connected", func() bool { return hub.Stats().Connections == clients })
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+2 })
	// One for each end, and a few that the engine and Go's poller have anyway.
	eventually(t, "the engine's descriptors are the only ones", func() bool { return descriptors(t) <= open+2*clients+20 })
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

func TestAClientComesBackWithItsIDAndMissesNothing(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			server := serve(t, hub.Handler("ticks"), kind.start)
			id := publish(t, hub, "ticks", "seen")
			publish(t, hub, "ticks", "missed")
			client := connect(t, server, id)
			publish(t, hub, "ticks", "live")
			client.expect(t, "missed")
			client.expect(t, "live")
		})
	}
}

func TestAClientThatLeavesIsNoticed(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{Heartbeat: -1})
			handler, reasons := hub.Handler("ticks"), make(chan ssecast.Reason, 1)
			handler.OnClose = func(_ *http.Request, reason ssecast.Reason) { reasons <- reason }
			client := connect(t, serve(t, handler, kind.start), "")
			eventually(t, "it is there", func() bool { return hub.Stats().Connections == 1 })
			client.Body.Close()
			if reason := <-reasons; reason != ssecast.ReasonClient {
				t.Fatalf("the reason is %s", reason)
			}
			eventually(t, "it is gone", func() bool { return hub.Stats().Connections == 0 })
		})
	}
}

func TestClosingEndsEveryStreamWholeAndRefusesTheNext(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler, reasons := hub.Handler("ticks"), make(chan ssecast.Reason, 1)
			handler.OnClose = func(_ *http.Request, reason ssecast.Reason) { reasons <- reason }
			server := serve(t, handler, kind.start)
			client := connect(t, server, "")
			publish(t, hub, "ticks", "last")
			if err := hub.Close(patience); err != nil {
				t.Fatal(err)
			}
			client.expect(t, "last")
			if rest, err := io.ReadAll(client.lines); err != nil {
				t.Fatalf("it was cut after %q: %v", rest, err)
			}
			if reason := <-reasons; reason != ssecast.ReasonShutdown {
				t.Fatalf("the reason is %s", reason)
			}
			if err := hub.Close(0); !errors.Is(err, ssecast.ErrClosed) {
				t.Fatalf("closing twice: %v", err)
			}
			if _, err := hub.Publish("ticks", ssecast.Event{}); !errors.Is(err, ssecast.ErrClosed) {
				t.Fatalf("publishing: %v", err)
			}
			response, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
				t.Fatalf("it was answered %s, %v", response.Status, response.Header)
			}
		})
	}
}

func TestAHandlerAnswersWhatIsNoStream(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	handler := hub.Handler("ticks")
	topics := handler.Topics
	handler.Topics = func(r *http.Request) ([]string, error) {
		switch r.URL.Path {
		case "/forbidden":
			return nil, errors.New("not for you")
		case "/defect":
			return []string{""}, nil
		}
		return topics(r)
	}
	server := serve(t, handler, (*httptest.Server).Start)
	for _, request := range []struct {
		method, path string
		status       int
	}{{"POST", "/", 405}, {"HEAD", "/", 200}, {"GET", "/forbidden", 403}, {"GET", "/defect", 500}} {
		wanted, _ := http.NewRequest(request.method, server.URL+request.path, nil)
		response, err := server.Client().Do(wanted)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != request.status {
			t.Errorf("%s %s was answered %s", request.method, request.path, response.Status)
		}
	}
	if stats := hub.Stats(); stats.Connections != 0 {
		t.Errorf("the hub counts %+v", stats)
	}
}

func TestOneConnectionTooManyIsRefusedAndNoneEvicted(t *testing.T) {
	hub := newHub(t, ssecast.Config{MaxConnections: 1})
	server := serve(t, hub.Handler("ticks"), (*httptest.Server).Start)
	first := connect(t, server, "")
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("it was answered %s", response.Status)
	}
	publish(t, hub, "ticks", "still there")
	first.expect(t, "still there")
}

func TestAnEventSourceThatIsRefusedComesBack(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{MaxConnections: 1})
			server := serve(t, hub.Handler("ticks"), kind.start)
			connect(t, server, "")
			request, _ := http.NewRequest("GET", server.URL, nil)
			request.Header.Set("Accept", "text/event-stream")
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "retry: ") || err != nil {
				t.Fatalf("it was answered %s, %q (%v)", response.Status, body, err)
			}
			if kind := response.Header.Get("Content-Type"); kind != "text/event-stream; charset=utf-8" {
				t.Fatalf("the type is %q", kind)
			}
		})
	}
}

func TestAPrivateStreamIsFinishedForGood(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler, streams := hub.Handler(), make(chan *ssecast.Stream, 1)
			handler.OnOpen = func(_ *http.Request, stream *ssecast.Stream) { streams <- stream }
			server := serve(t, handler, kind.start)
			client, stream := connect(t, server, ""), <-streams
			if err := stream.Send(ssecast.Event{Data: []byte("answer")}); err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(ssecast.Event{Type: "a\nb"}); !errors.Is(err, ssecast.ErrInvalidEvent) {
				t.Fatalf("a bad event: %v", err)
			}
			if err := stream.Finish(); err != nil {
				t.Fatal(err)
			}
			client.expect(t, "answer")
			rest, err := io.ReadAll(client.lines)
			if err != nil {
				t.Fatalf("it was cut: %v", err)
			}
			for _, err := range []error{stream.Finish(), stream.Send(ssecast.Event{Data: []byte("late")})} {
				if !errors.Is(err, ssecast.ErrEnded) {
					t.Fatalf("after the end: %v", err)
				}
			}
			_, id, _ := strings.Cut(string(rest), "id: ")
			id, _, _ = strings.Cut(id, "\n")
			for _, url := range []string{server.URL, server.URL + "/?lastEventId=" + id} {
				request, _ := http.NewRequest("GET", url, nil)
				if url == server.URL {
					request.Header.Set("Last-Event-ID", id)
				}
				response, err := server.Client().Do(request)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != http.StatusNoContent {
					t.Fatalf("after %q it was answered %s", id, response.Status)
				}
			}
		})
	}
}

func TestAStricterCacheControlStays(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	stream := hub.Handler("ticks")
	for _, kind := range servers {
		server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "private, no-store")
			stream.ServeHTTP(w, r)
		}), kind.start)
		if found := connect(t, server, "").Header.Get("Cache-Control"); found != "private, no-store, no-transform" {
			t.Errorf("over %s it is %q", kind.name, found)
		}
	}
}

func TestHeadersOfOthersStay(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	stream := hub.Handler("ticks")
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example")
		stream.ServeHTTP(w, r)
	}), (*httptest.Server).Start)
	if origin := connect(t, server, "").Header.Get("Access-Control-Allow-Origin"); origin != "https://app.example" {
		t.Fatalf("the header is %q", origin)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	for _, wrong := range []struct {
		topic string
		event ssecast.Event
		code  ssecast.Code
		field string
	}{
		{"", ssecast.Event{}, ssecast.ErrInvalidTopic, "topic"},
		{"ticks", ssecast.Event{Type: "a\nb"}, ssecast.ErrInvalidEvent, "event"},
		{"ticks", ssecast.Event{ID: "a\x00"}, ssecast.ErrInvalidID, "id"},
		{"ticks", ssecast.Event{Retry: -1}, ssecast.ErrInvalidRetry, "retry"},
		{"ticks", ssecast.Event{Data: []byte{0xff}}, ssecast.ErrInvalidData, "data"},
		{"ticks", ssecast.Event{Data: make([]byte, 2<<20)}, ssecast.ErrEventTooLarge, "event"},
	} {
		_, err := hub.Publish(wrong.topic, wrong.event)
		var detail *ssecast.Error
		if !errors.Is(err, wrong.code) || !errors.As(err, &detail) || detail.Field != wrong.field {
			t.Errorf("%q, and not %v of %s", err, wrong.code, wrong.field)
		}
	}
	if hub.Stats().Published != 0 {
		t.Error("something was published")
	}
	for _, config := range []ssecast.Config{{Threads: -1}, {MaxConnections: -1}, {SlowClientTime: -1}, {SlowClientBytes: -1},
		{MaxTopics: -1}, {MaxEventBytes: -1}, {MaxBacklogBytes: -1}, {HistoryEvents: -1, HistoryBytes: -1, HistoryAge: -1}} {
		if _, err := ssecast.NewHub(config); !errors.Is(err, ssecast.ErrInvalidOption) {
			t.Errorf("%+v was taken: %v", config, err)
		}
	}
}

func TestFieldsAndOptionsThatAreLeftOutAreNotWritten(t *testing.T) {
	hub := newHub(t, ssecast.Config{Retry: -1})
	client := connect(t, serve(t, hub.Handler("ticks"), (*httptest.Server).Start), "")
	hub.Publish("ticks", ssecast.Event{ID: "1", Comment: "no data"})
	hub.Publish("ticks", ssecast.Event{ID: "2", Data: []byte{}, Type: "empty", Retry: 5 * time.Second})
	hub.Close(patience)
	text, err := io.ReadAll(client.lines)
	for _, block := range []string{"-0\n\n: no data\nid: 1\n\n", "\n\nid: 2\nevent: empty\nretry: 5000\ndata: \n\n"} {
		if !strings.Contains(string(text), block) {
			t.Errorf("%q is not in %q (%v)", block, text, err)
		}
	}
}

func TestClosingWaitsForEveryCallback(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			const clients = 30
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler("ticks")
			var returned atomic.Int32
			handler.OnClose = func(*http.Request, ssecast.Reason) {
				time.Sleep(5 * time.Millisecond)
				returned.Add(1)
			}
			server := serve(t, handler, kind.start)
			for range make([]struct{}, clients) {
				client := connect(t, server, "")
				go io.Copy(io.Discard, client.lines)
			}
			eventually(t, "all are there", func() bool { return hub.Stats().Connections == clients })
			if err := hub.Close(patience); err != nil {
				t.Fatal(err)
			}
			if told := returned.Load(); told != clients || hub.Stats().Connections != 0 {
				t.Fatalf("%d of %d callbacks have returned", told, clients)
			}
		})
	}
}

func TestPublishingBesideCloseIsAnError(t *testing.T) {
	for round := 0; round < 100; round++ {
		hub := newHub(t, ssecast.Config{})
		var all sync.WaitGroup
		for range make([]struct{}, 4) {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					if _, err := hub.Publish("ticks", ssecast.Event{}); err != nil {
						if !errors.Is(err, ssecast.ErrClosed) {
							t.Errorf("publishing: %v", err)
						}
						return
					}
				}
			}()
		}
		hub.Close(0)
		all.Wait()
	}
}

func TestMessagesNameTheOptionsOfGo(t *testing.T) {
	hub := newHub(t, ssecast.Config{MaxEventBytes: 100, MaxTopics: 1})
	_, err := hub.Publish("ticks", ssecast.Event{Data: make([]byte, 200)})
	if err == nil || !strings.Contains(err.Error(), "MaxEventBytes allows 100") {
		t.Errorf("%v", err)
	}
	publish(t, hub, "ticks", "1")
	if _, err = hub.Publish("tocks", ssecast.Event{}); err == nil || !strings.Contains(err.Error(), "MaxTopics") {
		t.Errorf("%v", err)
	}
	for name, config := range map[string]ssecast.Config{"SlowClientTime": {SlowClientTime: -1}, "MaxConnections": {MaxConnections: -1},
		"Threads": {Threads: -1}} {
		_, err := ssecast.NewHub(config)
		var detail *ssecast.Error
		if !errors.As(err, &detail) || detail.Field != name || !strings.HasPrefix(detail.Message, name+" ") {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestAHubIsMeasured(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	fresh, err := os.ReadFile("../../tests/vectors/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if text := hub.Metrics(); text != string(fresh) {
		t.Fatalf("the metrics of a fresh hub are %q", text)
	}
	publish(t, hub, "ticks", "1")
	if !strings.Contains(hub.Metrics(), "\nssecast_published_events_total 1\n") {
		t.Fatalf("after an event they are %q", hub.Metrics())
	}
}
