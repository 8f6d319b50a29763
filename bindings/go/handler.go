package ssecast

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A Handler answers requests with streams of a hub.
//
// Over plain HTTP/1.x it takes the connection over and gives it to the engine: ServeHTTP returns at once, and the stream costs no
// goroutine. Over TLS and HTTP/2, and behind a compression, ServeHTTP writes the stream and returns when it ends. The client
// sees no difference. http.Server's Shutdown knows nothing of the streams that were taken over: Hub.Close ends them.
type Handler struct {
	Hub *Hub
	// The topics that this client may read. If it returns an error, the answer is 403.
	Topics func(*http.Request) ([]string, error)
	// If it is not nil, it is called once for each stream that has begun, on a goroutine of its own. It keeps the request.
	OnClose func(*http.Request, Reason)
}

// Handler answers all requests with the same topics.
func (h *Hub) Handler(topics ...string) *Handler {
	return &Handler{Hub: h, Topics: func(*http.Request) ([]string, error) { return topics, nil }}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this is a stream of events: GET it", http.StatusMethodNotAllowed)
		return
	}
	topics, err := h.Topics(r)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	lastEventID := r.Header.Get("Last-Event-ID")
	if isFinished(lastEventID) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	wanted := stream{topics: topics, lastEventID: lastEventID, framing: raw}
	if r.ProtoMajor == 1 && r.TLS == nil && header.Get("Content-Encoding") == "" {
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			h.takeOver(connection, r, header, wanted)
			return
		}
	}
	h.write(w, r, wanted)
}

// Gives the connection to the engine; one that is no socket, such as that of a listener which wraps its connections, is written
// to from here.
func (h *Handler) takeOver(connection net.Conn, r *http.Request, header http.Header, wanted stream) {
	defer connection.Close()
	connection.SetDeadline(time.Time{})
	if r.ProtoAtLeast(1, 1) {
		wanted.framing = chunked
	}
	head := headOf(header, wanted.framing == chunked)
	var err error
	if socket, is := connection.(syscall.Conn); is {
		var descriptor syscall.RawConn
		if descriptor, err = socket.SyscallConn(); err == nil {
			var onClose func(Reason)
			if h.OnClose != nil {
				onClose = func(reason Reason) { h.OnClose(r, reason) }
			}
			err = h.Hub.attach(descriptor, head, wanted, onClose)
		}
	} else {
		var gone context.Context
		var leave context.CancelFunc
		gone, leave = context.WithCancel(context.Background())
		defer leave()
		go func() {
			io.Copy(io.Discard, connection)
			leave()
		}()
		err = h.run(gone, r, wanted, head, connection, func(deadline time.Time) { connection.SetWriteDeadline(deadline) })
	}
	if err != nil {
		unavailable := http.Response{StatusCode: statusOf(err), ProtoMajor: 1, ProtoMinor: 1, Close: true,
			Header: http.Header{"Retry-After": {retryAfter}, "Content-Length": {"0"}}}
		connection.SetWriteDeadline(time.Now().Add(h.Hub.patience))
		unavailable.Write(connection)
	}
}

// Writes the stream on this goroutine.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, wanted stream) {
	control := http.NewResponseController(w)
	flushed := writerFunc(func(bytes []byte) (int, error) {
		written, err := w.Write(bytes)
		return written, errors.Join(err, control.Flush())
	})
	err := h.run(r.Context(), r, wanted, nil, flushed, func(deadline time.Time) { control.SetWriteDeadline(deadline) })
	if err != nil {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, http.StatusText(statusOf(err)), statusOf(err))
	}
}

// Writes a stream until it ends or the client is gone. An error says that it never began.
func (h *Handler) run(gone context.Context, r *http.Request, wanted stream, head []byte, to io.Writer,
	deadline func(time.Time)) error {
	subscription, err := h.Hub.subscribe(wanted)
	if err != nil {
		return err
	}
	defer subscription.free()
	write := func(bytes []byte) error {
		deadline(time.Now().Add(h.Hub.patience))
		_, err := to.Write(bytes)
		return err
	}
	reason := ReasonClient
	if write(head) == nil {
		reason = subscription.run(gone, write)
	}
	if wanted.framing == chunked && reason != ReasonClient {
		write([]byte("0\r\n\r\n"))
	}
	if h.OnClose != nil {
		h.Hub.callbacks.Add(1)
		go func() {
			defer h.Hub.callbacks.Done()
			h.OnClose(r, reason)
		}()
	}
	return nil
}

// The response's head. The connection ends with the stream: the engine has it alone.
func headOf(header http.Header, chunked bool) []byte {
	header.Del("Content-Length")
	header.Set("Connection", "close")
	if chunked {
		header.Set("Transfer-Encoding", "chunked")
	}
	if header.Get("Date") == "" {
		header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	header.Write(&head)
	head.WriteString("\r\n")
	return head.Bytes()
}

// In seconds: the hub's default reconnection time.
const retryAfter = "2"

func statusOf(err error) int {
	for _, busy := range []Code{ErrTooManyConnections, ErrTooManyTopics, ErrClosed, errTooManyDescriptors} {
		if errors.Is(err, busy) {
			return http.StatusServiceUnavailable
		}
	}
	return http.StatusInternalServerError
}

type writerFunc func([]byte) (int, error)

func (write writerFunc) Write(bytes []byte) (int, error) { return write(bytes) }
