package ssecast_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

// Two hubs on one store, as two processes have them, with a server each.
func stored(t *testing.T) (hubs [2]*ssecast.Hub, served [2]*httptest.Server) {
	t.Helper()
	store := "file:" + filepath.Join(t.TempDir(), "events")
	for at := range hubs {
		hubs[at] = newHub(t, ssecast.Config{Store: store})
		served[at] = serve(t, hubs[at].Handler("ticks"), servers[at].start)
	}
	return
}

func TestGoroutinesPublishThroughAStoreWhileOthersRead(t *testing.T) {
	const clients, publishers, events = 10, 4, 50
	hubs, served := stored(t)
	seen := make([][]string, clients)
	var all sync.WaitGroup
	for at := range seen {
		at, client := at, connect(t, served[at%2], "")
		all.Add(1)
		go func() {
			defer all.Done()
			for len(seen[at]) < publishers*events {
				data, err := client.data()
				if err != nil {
					t.Error(err)
					return
				}
				seen[at] = append(seen[at], data)
			}
		}()
	}
	for publisher := range make([]struct{}, publishers) {
		publisher := publisher
		go func() {
			for event := 0; event < events; event++ {
				if _, err := hubs[publisher%2].Publish("ticks", ssecast.Event{Data: fmt.Appendf(nil, "%d-%d", publisher, event)}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	for at := range seen {
		if strings.Join(seen[at], " ") != strings.Join(seen[0], " ") {
			t.Errorf("two clients saw two orders: %v and %v", seen[at], seen[0])
		}
	}
	var next [publishers]int
	for _, data := range seen[0] {
		var publisher, event int
		fmt.Sscanf(data, "%d-%d", &publisher, &event)
		if event != next[publisher] {
			t.Errorf("event %s came instead of %d", data, next[publisher])
		}
		next[publisher] = event + 1
	}
	if state := hubs[0].Stats().Store; state != ssecast.StoreReady || state.String() != "ready" {
		t.Errorf("the store is %s", state)
	}
}

func TestAClientComesBackToAnotherHubOfTheStore(t *testing.T) {
	hubs, served := stored(t)
	id := publish(t, hubs[0], "ticks", "seen")
	publish(t, hubs[1], "ticks", "missed")
	client := connect(t, served[1], id)
	publish(t, hubs[0], "ticks", "live")
	client.expect(t, "missed")
	client.expect(t, "live")
}

func TestAStoreIsNamedByItsText(t *testing.T) {
	_, err := ssecast.NewHub(ssecast.Config{Store: "events"})
	var detail *ssecast.Error
	if !errors.As(err, &detail) || detail.Code != ssecast.ErrInvalidOption || detail.Field != "Store" {
		t.Errorf("it failed with %v", err)
	}
	file := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hub := newHub(t, ssecast.Config{Store: "file:" + file, PublishTimeout: time.Minute})
	if state := hub.Stats().Store; state != ssecast.StoreUnopened {
		t.Errorf("the store is %s", state)
	}
	if _, err := hub.Publish("ticks", ssecast.Event{}); !errors.Is(err, ssecast.ErrStoreFormat) {
		t.Errorf("it failed with %v", err)
	}
	if state := hub.Stats().Store; state != ssecast.StoreDegraded {
		t.Errorf("the store is %s", state)
	}
	if state := newHub(t, ssecast.Config{}).Stats().Store; state != ssecast.StoreNone {
		t.Errorf("a hub in memory has a store that is %s", state)
	}
}

func TestANewClientBeginsWithHistory(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{})
			publish(t, hub, "ticks", "1")
			second := publish(t, hub, "ticks", "2")
			publish(t, hub, "ticks", "3")
			for _, begins := range []struct {
				replay      int
				lastEventID string
				expected    []string
			}{{2, "", []string{"2", "3"}}, {5, second, []string{"3"}}, {ssecast.ReplayAll, "", []string{"1", "2", "3"}}, {0, "", nil}} {
				handler := hub.Handler("ticks")
				handler.Replay = begins.replay
				client := connect(t, serve(t, handler, kind.start), begins.lastEventID)
				for _, data := range begins.expected {
					client.expect(t, data)
				}
				if begins.replay == 0 {
					publish(t, hub, "ticks", "live")
					client.expect(t, "live")
				}
			}
		})
	}
}

func TestATopicThatEndsEndsItsStreams(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			hub := newHub(t, ssecast.Config{KeepEnded: time.Minute})
			server := serve(t, hub.Handler("answer"), kind.start)
			client := connect(t, server, "")
			last := publish(t, hub, "answer", "1")
			if err := hub.EndTopic("answer"); err != nil {
				t.Fatal(err)
			}
			client.expect(t, "1")
			rest, err := io.ReadAll(client.lines)
			if err != nil || !strings.Contains(string(rest), "id: ssecast-finished\n") {
				t.Errorf("it ended with %q, %v", rest, err)
			}
			if _, err := hub.Publish("answer", ssecast.Event{}); !errors.Is(err, ssecast.ErrTopicEnded) {
				t.Errorf("it failed with %v", err)
			}
			for _, id := range []string{last, "ssecast-finished"} {
				request, _ := http.NewRequest("GET", server.URL, nil)
				request.Header.Set("Last-Event-ID", id)
				response, err := server.Client().Do(request)
				if err != nil || response.StatusCode != http.StatusNoContent {
					t.Fatalf("with the ID %s it was answered %v, %v", id, response, err)
				}
				response.Body.Close()
			}
		})
	}
}

func TestAProducerIsToldWhenItsTopicIsUnread(t *testing.T) {
	hub := newHub(t, ssecast.Config{})
	server := serve(t, hub.Handler("answer"), servers[0].start)
	producer, cancel, err := hub.WhenUnread(context.Background(), "answer", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	other, cancelOther, err := hub.WhenUnread(context.Background(), "answer", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	cancelOther()
	client := connect(t, server, "")
	publish(t, hub, "answer", "1")
	client.expect(t, "1")
	if producer.Err() != nil {
		t.Error("it is done while there is a reader")
	}
	client.Body.Close()
	select {
	case <-producer.Done():
	case <-time.After(patience):
		t.Fatal("it is not done")
	}
	if cause := context.Cause(producer); cause != ssecast.ErrUnread {
		t.Errorf("its cause is %v", cause)
	}
	if cause := context.Cause(other); cause != context.Canceled {
		t.Errorf("the cause of the one that was cancelled is %v", cause)
	}
	if _, _, err := hub.WhenUnread(context.Background(), "", 0); !errors.Is(err, ssecast.ErrInvalidTopic) {
		t.Errorf("it failed with %v", err)
	}
}
