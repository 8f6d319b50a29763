package ssecast_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

// Streams gives each stream of a handler that has begun, and why it ended.
func streams(handler *ssecast.Handler) (chan *ssecast.Stream, chan ssecast.Reason) {
	opened, reasons := make(chan *ssecast.Stream, 8), make(chan ssecast.Reason, 8)
	handler.OnOpen = func(_ *http.Request, stream *ssecast.Stream) { opened <- stream }
	handler.OnClose = func(_ *http.Request, reason ssecast.Reason) { reasons <- reason }
	return opened, reasons
}

func TestAStreamIsSentToChangedAndEndedAlone(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler("ticks")
			opened, reasons := streams(handler)
			server := serve(t, handler, kind.start)
			client := connect(t, server, "")
			stream := <-opened
			other := connect(t, server, "")
			if stream.ID() == (<-opened).ID() {
				t.Fatal("two streams have one id")
			}
			if err := stream.Send(ssecast.Event{Data: []byte("alone")}); err != nil {
				t.Fatal(err)
			}
			if err := stream.ChangeTopics([]string{"news"}, []string{"ticks"}); err != nil {
				t.Fatal(err)
			}
			if err := stream.ChangeTopics([]string{""}, nil); !errors.Is(err, ssecast.ErrInvalidTopic) {
				t.Fatal(err)
			}
			publish(t, hub, "ticks", "1")
			publish(t, hub, "news", "2")
			client.expect(t, "alone")
			client.expect(t, "2")
			other.expect(t, "1")
			eventually(t, "all is out", func() bool { return stream.Pending() == 0 })
			if err := stream.End(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(client.lines); err != nil {
				t.Fatalf("it was cut after %q: %v", rest, err)
			}
			if reason := <-reasons; reason != ssecast.ReasonServer {
				t.Fatalf("the reason is %s", reason)
			}
			for _, err := range []error{stream.End(), stream.Send(ssecast.Event{}), stream.ChangeTopics(nil, nil), stream.Disconnect()} {
				if !errors.Is(err, ssecast.ErrEnded) {
					t.Errorf("after the end: %v", err)
				}
			}
		})
	}
}

func TestAStreamIsThrownOutAtOnce(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler("ticks")
			opened, reasons := streams(handler)
			client := connect(t, serve(t, handler, kind.start), "")
			if err := (<-opened).Disconnect(); err != nil {
				t.Fatal(err)
			}
			if reason := <-reasons; reason != ssecast.ReasonServer {
				t.Fatalf("the reason is %s", reason)
			}
			io.ReadAll(client.lines)
		})
	}
}

func TestAContextEndsTheStream(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler("ticks")
			_, reasons := streams(handler)
			session, leave := context.WithCancel(context.Background())
			handler.Context = func(*http.Request) context.Context { return session }
			client := connect(t, serve(t, handler, kind.start), "")
			publish(t, hub, "ticks", "last")
			client.expect(t, "last")
			leave()
			if rest, err := io.ReadAll(client.lines); err != nil {
				t.Fatalf("it was cut after %q: %v", rest, err)
			}
			if reason := <-reasons; reason != ssecast.ReasonServer {
				t.Fatalf("the reason is %s", reason)
			}
			// One that is done by then ends the stream before it begins.
			io.ReadAll(connect(t, serve(t, handler, kind.start), "").lines)

			plain := hub.Handler("ticks")
			timed := func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
				defer cancel()
				plain.ServeHTTP(w, r.WithContext(ctx))
			}
			if rest, err := io.ReadAll(connect(t, serve(t, http.HandlerFunc(timed), kind.start), "").lines); err != nil {
				t.Fatalf("it was cut after %q: %v", rest, err)
			}
		})
	}
}

func TestAnErrorOfTopicsMaySayWhatIsAnswered(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler()
			handler.Topics = func(r *http.Request) ([]string, error) {
				switch r.URL.Path {
				case "/sign-in":
					return nil, &ssecast.Refusal{Status: 303, Header: http.Header{"Location": {"/"}}}
				case "/gone":
					return nil, &ssecast.Refusal{Status: 204}
				}
				header := http.Header{"Www-Authenticate": {"Bearer"}, "Content-Type": {"application/json"}}
				return nil, fmt.Errorf("who: %w", &ssecast.Refusal{Status: 401, Header: header, Body: "{}"})
			}
			server := serve(t, handler, kind.start)
			client := *server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			for path, expected := range map[string]string{"/": "401 {} application/json Bearer ", "/gone": "204    ",
				"/sign-in": "303 See Other\n text/plain; charset=utf-8  /"} {
				response, err := client.Get(server.URL + path)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				header := response.Header
				got := fmt.Sprintf("%d %s %s %s %s", response.StatusCode, body, header.Get("Content-Type"),
					header.Get("WWW-Authenticate"), header.Get("Location"))
				if got != expected {
					t.Errorf("%s: %q, and not %q", path, got, expected)
				}
			}
		})
	}
}

func TestAPostOpensAStreamWhereTheHandlerSaysSo(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler()
			handler.Methods = []string{"POST"}
			handler.OnOpen = func(r *http.Request, stream *ssecast.Stream) {
				stream.Send(ssecast.Event{Data: []byte("answer to " + r.Header.Get("X-Question"))})
				stream.Finish()
			}
			var question string
			asked := func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				question = string(body)
				r.Header.Set("X-Question", question)
				handler.ServeHTTP(w, r)
			}
			server := serve(t, http.HandlerFunc(asked), kind.start)
			response, err := server.Client().Post(server.URL, "text/plain", strings.NewReader("who?"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			decoder, err := ssecast.NewDecoder(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if event, err := decoder.Next(); err != nil || event.Data != "answer to who?" {
				t.Fatalf("%+v came (%v)", event, err)
			}
			if _, err := decoder.Next(); err != io.EOF {
				t.Fatal(err)
			}
			refused, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			refused.Body.Close()
			if refused.StatusCode != http.StatusMethodNotAllowed || refused.Header.Get("Allow") != "POST" {
				t.Fatalf("GET was answered %s, %v", refused.Status, refused.Header)
			}
		})
	}
}

func TestShutdownLetsStreamsEndAndHeedsItsContext(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			handler := hub.Handler("ticks")
			_, reasons := streams(handler)
			client := connect(t, serve(t, handler, kind.start), "")
			publish(t, hub, "ticks", "last")
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := hub.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			if reason := <-reasons; reason != ssecast.ReasonShutdown {
				t.Fatalf("the reason is %s", reason)
			}
			client.expect(t, "last")
			if err := hub.Shutdown(ctx); !errors.Is(err, ssecast.ErrClosed) {
				t.Fatal(err)
			}
		})
	}
	hub := newHub(t, ssecast.Config{})
	handler, release := hub.Handler("ticks"), make(chan struct{})
	defer close(release)
	handler.OnClose = func(*http.Request, ssecast.Reason) { <-release }
	connect(t, serve(t, handler, (*httptest.Server).Start), "")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := hub.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a callback that does not return: %v", err)
	}
}

func subscribe(t *testing.T, hub *ssecast.Hub, options ssecast.Options) *ssecast.Subscription {
	t.Helper()
	subscription, err := hub.Subscribe(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(subscription.Close)
	return subscription
}

func TestASubscriptionGivesItsBytesResumesAndSaysWhyItEnded(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	first := publish(t, hub, "ticks", "1")
	publish(t, hub, "ticks", "2")
	subscription := subscribe(t, hub, ssecast.Options{Topics: []string{"ticks"}, LastEventID: first})
	if err := subscription.Send(ssecast.Event{Data: []byte("alone")}); err != nil {
		t.Fatal(err)
	}
	if err := subscription.Finish(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	subscription.All(context.Background())(func(bytes []byte) bool {
		text.Write(bytes)
		return true
	})
	if got := text.String(); strings.Contains(got, "data: 1\n") || strings.Index(got, "data: 2\n") > strings.Index(got, "data: alone\n") {
		t.Fatalf("%q came", got)
	}
	if _, err := subscription.Next(context.Background()); err != io.EOF || subscription.Reason() != ssecast.ReasonServer {
		t.Fatalf("%v, %s", err, subscription.Reason())
	}
	subscription.Close()
	subscription.Close()
	if _, err := subscription.Next(context.Background()); !errors.Is(err, ssecast.ErrEnded) {
		t.Fatal(err)
	}
	if _, err := hub.Subscribe(ssecast.Options{Topics: []string{""}}); !errors.Is(err, ssecast.ErrInvalidTopic) {
		t.Fatal(err)
	}
}

func TestWaitingForASubscriptionEndsWithTheContextAndWhenItIsClosed(t *testing.T) {
	hub := newHub(t, ssecast.Config{Retry: -1})
	subscription := subscribe(t, hub, ssecast.Options{})
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
	if _, err := subscription.Next(ctx); err != why {
		t.Fatal(err)
	}
	subscription.Send(ssecast.Event{Data: []byte("still there")})
	if bytes, err := subscription.Next(context.Background()); err != nil || string(bytes) != "data: still there\n\n" {
		t.Fatalf("%q, %v", bytes, err)
	}
	time.AfterFunc(10*time.Millisecond, subscription.Close)
	if _, err := subscription.Next(context.Background()); !errors.Is(err, ssecast.ErrEnded) {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { return hub.Stats().Connections == 0 })
}

func TestOtherServersHaveWhatTheirResponsesNeed(t *testing.T) {
	header := http.Header{}
	if err := ssecast.SetHeaders("private", header.Set); err != nil {
		t.Fatal(err)
	}
	if kind, cache := header.Get("Content-Type"), header.Get("Cache-Control"); !strings.HasPrefix(kind, "text/event-stream") ||
		!strings.Contains(cache, "private") || !strings.Contains(cache, "no-transform") {
		t.Fatal(header)
	}
	for _, client := range []struct {
		header, query, id string
		finished          bool
	}{{"1", "2", "1", false}, {"", "2", "2", false}, {"", "", "", false}, {"ssecast-finished", "", "ssecast-finished", true}} {
		if id, finished := ssecast.LastEventID(client.header, client.query); id != client.id || finished != client.finished {
			t.Errorf("%+v: %q, %v", client, id, finished)
		}
	}
}

func TestManySubscriptionsShareOneDescriptorAndMissNothing(t *testing.T) {
	const clients, events = 100, 200
	hub := newHub(t, ssecast.Config{})
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	all := make([]*ssecast.Subscription, clients)
	for at := range all {
		all[at] = subscribe(t, hub, ssecast.Options{Topics: []string{"ticks"}})
	}
	if used := descriptors(t) - before; used > 3 {
		t.Fatalf("%d subscriptions have %d descriptors", clients, used)
	}
	if used := runtime.NumGoroutine() - goroutines; used > 3 {
		t.Fatalf("%d subscriptions have %d goroutines", clients, used)
	}
	var group sync.WaitGroup
	for _, subscription := range all {
		group.Add(1)
		go func(subscription *ssecast.Subscription) {
			defer group.Done()
			read, write := io.Pipe()
			go func() {
				// A writer that has to be flushed, as fasthttp's.
				subscription.WriteTo(context.Background(), bufio.NewWriter(write))
				write.Close()
			}()
			decoder, _ := ssecast.NewDecoder(read)
			for expected := 0; expected < events; expected++ {
				event, err := decoder.Next()
				if err != nil || event.Data != fmt.Sprint(expected) {
					t.Errorf("%+v came, and not %d (%v)", event, expected, err)
					break
				}
			}
			subscription.Close()
			io.Copy(io.Discard, read)
		}(subscription)
	}
	for at := 0; at < events; at++ {
		publish(t, hub, "ticks", fmt.Sprint(at))
	}
	group.Wait()
	eventually(t, "they are gone", func() bool { return hub.Stats().Connections == 0 && descriptors(t) <= before })
	// The poller ended with the last one, and another one begins.
	subscription := subscribe(t, hub, ssecast.Options{Topics: []string{"ticks"}})
	publish(t, hub, "ticks", "again")
	if err := subscription.End(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := subscription.WriteTo(context.Background(), &text); err != nil || !strings.Contains(text.String(), "data: again\n") {
		t.Fatalf("%q, %v", text.String(), err)
	}
}

func TestSubscriptionsComeAndGoBesideEverythingElse(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	var group sync.WaitGroup
	for at := 0; at < 8; at++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for turn := 0; turn < 50; turn++ {
				subscription, err := hub.Subscribe(ssecast.Options{Topics: []string{"ticks"}})
				if err != nil {
					t.Error(err)
					return
				}
				hub.Publish("ticks", ssecast.Event{Data: []byte("1")})
				if _, err := subscription.Next(context.Background()); err != nil {
					t.Error(err)
				}
				go subscription.Send(ssecast.Event{Data: []byte("late")})
				subscription.Close()
			}
		}()
	}
	group.Wait()
	eventually(t, "they are gone", func() bool { return hub.Stats().Connections == 0 })
}
