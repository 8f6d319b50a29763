// A server of `make bench-native`: `server ssecast`, `server r3labs/sse` or `server tmaxmax/go-sse`. It does what servers/server.mjs
// says: commands come on standard input, answers are lines of JSON.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	r3labs "github.com/r3labs/sse/v2"
	ssecast "github.com/ssecast/ssecast/bindings/go"
	tmaxmax "github.com/tmaxmax/go-sse"
)

// A server may be so many events ahead of its slowest client, as far as it knows; then it waits.
const ahead = 16

// A server under test.
type server struct {
	handler http.Handler
	publish func(data string)
	count   func() int
	// How many events each client was given, as a mean of all; nil if publishing waits for the clients by itself.
	delivered func() int
}

func ssecastServer() server {
	hub, err := ssecast.NewHub(ssecast.Config{SlowClientBytes: 32 << 20})
	check(err)
	return server{
		handler: hub.Handler("bench"),
		publish: func(data string) {
			_, err := hub.Publish("bench", ssecast.Event{Data: []byte(data)})
			check(err)
		},
		count: func() int { return int(hub.Stats().Connections) },
		delivered: func() int {
			stats := hub.Stats()
			return int(stats.Delivered) / max(1, int(stats.Connections))
		},
	}
}

func r3labsServer() server {
	events := r3labs.New()
	// It would keep every event there ever was.
	events.AutoReplay = false
	var clients atomic.Int64
	events.OnSubscribe = func(string, *r3labs.Subscriber) { clients.Add(1) }
	events.CreateStream("bench")
	return server{
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = "stream=bench"
			events.ServeHTTP(w, r)
		}),
		publish: func(data string) { events.Publish("bench", &r3labs.Event{Data: []byte(data)}) },
		count:   func() int { return int(clients.Load()) },
	}
}

func tmaxmaxServer() server {
	var clients atomic.Int64
	events := &tmaxmax.Server{}
	return server{
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The client gets a response's head with its first event, and is not there for the load before.
			clients.Add(1)
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			events.ServeHTTP(w, r)
		}),
		publish: func(data string) {
			message := &tmaxmax.Message{}
			message.AppendData(data)
			check(events.Publish(message))
		},
		count: func() int { return int(clients.Load()) },
	}
}

// The clock of the load client, in nanoseconds.
func monotonic() int64 {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// Data of a given size, with the marker that the load client looks for: see load/src/marker.rs.
func marked(sequence, bytes int) string {
	marker := fmt.Sprintf("@%010d %019d", sequence, monotonic())
	return marker + strings.Repeat("x", max(0, bytes-len(marker)))
}

func (s *server) publishFor(bytes int, rate float64, milliseconds int) {
	published, calls := 0, []time.Duration{}
	delivered := s.delivered
	if delivered == nil {
		delivered = func() int { return published }
	}
	before, began, length := delivered(), time.Now(), time.Duration(milliseconds)*time.Millisecond
	for time.Since(began) < length {
		if rate > 0 {
			time.Sleep(time.Duration(float64(published)/rate*float64(time.Second)) - time.Since(began))
		} else if published%ahead == 0 && published-(delivered()-before) > ahead {
			time.Sleep(time.Millisecond / 4)
			continue
		}
		data, called := marked(published, bytes), time.Now()
		s.publish(data)
		calls = append(calls, time.Since(called))
		published++
	}
	var sum time.Duration
	for _, call := range calls {
		sum += call
	}
	slices.Sort(calls)
	fmt.Printf(`{"published":%d,"blockedMeanNs":%d,"blockedP99Ns":%d}`+"\n", len(calls), int(sum)/len(calls), calls[len(calls)*99/100])
}

func main() {
	made, is := map[string]func() server{"ssecast": ssecastServer, "r3labs/sse": r3labsServer, "tmaxmax/go-sse": tmaxmaxServer}[os.Args[1]]
	if !is {
		log.Fatalf("there is no server %q", os.Args[1])
	}
	server := made()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go http.Serve(listener, server.handler)
	fmt.Printf(`{"port":%d}`+"\n", listener.Addr().(*net.TCPAddr).Port)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var bytes, milliseconds int
		var rate float64
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "publish":
			_, err := fmt.Sscan(strings.Join(words[1:], " "), &bytes, &rate, &milliseconds)
			check(err)
			server.publishFor(bytes, rate, milliseconds)
		case "count":
			fmt.Printf(`{"count":%d}`+"\n", server.count())
		case "gc":
			runtime.GC()
			fmt.Println("{}")
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
