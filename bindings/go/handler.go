//go:build cgo

package ssecast

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
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
	// The topics that this client may read. If it returns an error, the answer is that of the Refusal in it, or else 403.
	Topics func(*http.Request) ([]string, error)
	// The methods of requests that get a stream; none stands for GET, and HEAD, which gets the headers alone.
	Methods []string
	// Which pages of other origins may read the streams and the refusals; nil allows none.
	CORS *CORS
	// If it is not nil, the stream ends when this context is done, for instance that of the user's session. A deadline of the request's
	// own context ends it in any case; that context itself is done as soon as ServeHTTP returns, and so tells nothing of a stream that was
	// taken over.
	Context func(*http.Request) context.Context
	// What a client without a last event ID begins with: so many of the last events, of all its topics together, or ReplayAll. The
	// stream goes on live behind them, without a gap. Zero begins live.
	Replay int
	// If it is not nil, it is called once for each stream that has begun, on a goroutine of its own. The stream may have ended by
	// then.
	OnOpen func(*http.Request, *Stream)
	// If it is not nil, it is called once for each stream that has begun, on a goroutine of its own. It keeps the request.
	OnClose func(*http.Request, Reason)
}

// ReplayAll stands for all events that are kept.
const ReplayAll = -1

// Handler answers all requests with the same topics.
func (h *Hub) Handler(topics ...string) *Handler {
	return &Handler{Hub: h, Topics: func(*http.Request) ([]string, error) { return topics, nil }}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	methods := h.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodGet, http.MethodHead}
	}
	allowed := strings.Join(methods, ", ")
	if h.CORS != nil {
		preflight := ""
		if isPreflight(r) {
			preflight = allowed
		}
		if err := h.CORS.set(w.Header(), r, preflight); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if preflight != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", allowed)
		http.Error(w, "this is a stream of events, for "+allowed, http.StatusMethodNotAllowed)
		return
	}
	topics, err := h.Topics(r)
	if err != nil {
		refusal := &Refusal{}
		errors.As(err, &refusal)
		refusal.answer(w, h.CORS != nil)
		return
	}
	id, finished := lastEventID(r)
	if finished {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	header := w.Header()
	if r.Method == http.MethodHead {
		setStreamHeaders(header)
		return
	}
	wanted := Options{Topics: topics, LastEventID: id, Replay: h.Replay}
	if r.ProtoMajor == 1 && r.TLS == nil && header.Get("Content-Encoding") == "" {
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			h.takeOver(connection, r, header, wanted)
			return
		}
	}
	h.write(w, r, wanted)
}

// Gives the connection to the engine. Where it is not a socket, because the listener wraps its connections, this goroutine writes
// the stream.
func (h *Handler) takeOver(connection net.Conn, r *http.Request, header http.Header, wanted Options) {
	defer connection.Close()
	connection.SetDeadline(time.Time{})
	wanted.Chunked = r.ProtoAtLeast(1, 1)
	before := header.Clone()
	head, err := headOf(header, wanted.Chunked)
	if err != nil {
		h.refuse(connection, r, before, err)
		return
	}
	if socket, is := connection.(syscall.Conn); is {
		var descriptor syscall.RawConn
		if descriptor, err = socket.SyscallConn(); err == nil {
			until, stop := h.until(r)
			var onClose func(Reason)
			if h.OnClose != nil || until != nil {
				onClose = func(reason Reason) {
					stop()
					if h.OnClose != nil {
						h.OnClose(r, reason)
					}
				}
			}
			var stream *Stream
			if stream, err = h.Hub.attach(descriptor, head, wanted, onClose); err == nil {
				if until != nil {
					context.AfterFunc(until, func() { stream.End() })
				}
				h.opened(r, stream)
			} else {
				stop()
			}
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
		h.refuse(connection, r, before, err)
	}
}

// What ends a stream besides its client and the hub, or nil.
func (h *Handler) until(r *http.Request) (context.Context, context.CancelFunc) {
	deadline, has := r.Context().Deadline()
	until := context.Background()
	if h.Context != nil {
		until = h.Context(r)
	} else if !has {
		return nil, func() {}
	}
	if has {
		return context.WithDeadline(until, deadline)
	}
	return context.WithCancel(until)
}

// Answers a connection that was taken over and has no stream, with the headers that were set before.
func (h *Handler) refuse(connection net.Conn, r *http.Request, header http.Header, err error) {
	refused := h.Hub.refusal(r, err)
	maps.Copy(header, refused.header)
	response := http.Response{StatusCode: refused.status, ProtoMajor: 1, ProtoMinor: 1, Close: true, Header: header,
		ContentLength: int64(len(refused.body)), Body: io.NopCloser(strings.NewReader(refused.body))}
	connection.SetWriteDeadline(time.Now().Add(h.Hub.patience))
	response.Write(connection)
}

// Tells the program of a stream that has begun.
func (h *Handler) opened(r *http.Request, stream *Stream) {
	if h.OnOpen != nil {
		go h.OnOpen(r, stream)
	}
}

// Writes the stream on this goroutine.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, wanted Options) {
	control := http.NewResponseController(w)
	flushed := writerFunc(func(bytes []byte) (int, error) {
		written, err := w.Write(bytes)
		return written, errors.Join(err, control.Flush())
	})
	before := w.Header().Clone()
	err := setStreamHeaders(w.Header())
	if err == nil {
		err = h.run(r.Context(), r, wanted, nil, flushed, func(deadline time.Time) { control.SetWriteDeadline(deadline) })
	}
	if err != nil {
		refused := h.Hub.refusal(r, err)
		clear(w.Header())
		maps.Copy(w.Header(), before)
		maps.Copy(w.Header(), refused.header)
		w.WriteHeader(refused.status)
		io.WriteString(w, refused.body)
	}
}

// Writes a stream until it ends or the client is gone. An error says that it never began.
func (h *Handler) run(gone context.Context, r *http.Request, wanted Options, head []byte, to io.Writer,
	deadline func(time.Time)) error {
	told := h.OnClose == nil
	if !told {
		h.Hub.callbacks.add()
		defer func() {
			if !told {
				h.Hub.callbacks.done()
			}
		}()
	}
	subscription, err := h.Hub.Subscribe(wanted)
	if err != nil {
		return err
	}
	defer subscription.Close()
	gone, leave := context.WithCancel(gone)
	defer leave()
	var cut atomic.Bool
	subscription.cut = func() { cut.Store(true); leave() }
	if until, stop := h.until(r); until != nil {
		defer stop()
		defer context.AfterFunc(until, func() { subscription.End() })()
	}
	write := func(bytes []byte) error {
		deadline(time.Now().Add(h.Hub.patience))
		_, err := to.Write(bytes)
		return err
	}
	reason := ReasonClient
	if write(head) == nil {
		h.opened(r, subscription.Stream)
		for {
			bytes, err := subscription.Next(gone)
			if err == io.EOF {
				reason = subscription.Reason()
			}
			if err != nil || write(bytes) != nil {
				break
			}
		}
	}
	if cut.Load() {
		reason = ReasonServer
	} else if wanted.Chunked && reason != ReasonClient {
		write([]byte("0\r\n\r\n"))
	}
	if !told {
		told = true
		go func() {
			defer h.Hub.callbacks.done()
			h.OnClose(r, reason)
		}()
	}
	return nil
}

// The response's head. The connection ends with the stream: the engine has it alone.
func headOf(header http.Header, chunked bool) ([]byte, error) {
	if err := setStreamHeaders(header); err != nil {
		return nil, err
	}
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
	return head.Bytes(), nil
}

type writerFunc func([]byte) (int, error)

func (write writerFunc) Write(bytes []byte) (int, error) { return write(bytes) }
