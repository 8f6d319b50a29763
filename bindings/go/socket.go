package ssecast

/*
#include <ssecast.h>

void ssecastGoClosed(uintptr_t told, uint32_t reason);

static void closed(void *told, ssecast_reason reason, bool cut) {
  (void)cut;
  ssecastGoClosed((uintptr_t)told, reason);
}

static ssecast_result attach(ssecast_hub *hub, int socket, const ssecast_slice *topics, size_t topics_len,
                             ssecast_slice last_event_id, ssecast_slice head, uint32_t framing, uint64_t replay,
                             uintptr_t told, ssecast_connection **connection, ssecast_error *error) {
  ssecast_attach_config config;
  ssecast_attach_config_init(&config, sizeof config);
  config.topics = topics;
  config.topics_len = topics_len;
  config.last_event_id = last_event_id;
  config.head = head;
  config.framing = framing;
  config.replay = replay;
  config.released = 1;
  config.user_data = (void *)told;
  if (told != 0) config.on_close = closed;
  return ssecast_hub_attach_socket(hub, socket, &config, connection, error);
}
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"syscall"
)

// Has the engine write the response to a socket, head and stream. It has a descriptor of its own then, sees the client leave,
// and ends the connection: the caller closes its own and keeps nothing. If it fails, nothing was written.
func (h *Hub) attach(socket syscall.RawConn, head []byte, wanted Options, onClose func(Reason)) (*Stream, error) {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	topics := pin(&pinner, wanted.Topics)
	var told cgo.Handle
	if onClose != nil {
		h.callbacks.add()
		told = cgo.NewHandle(func(reason Reason) {
			defer h.callbacks.done()
			onClose(reason)
		})
	}
	var connection *C.ssecast_connection
	var result C.ssecast_result
	var detail C.ssecast_error
	err := socket.Control(func(descriptor uintptr) {
		result = C.attach(h.handle, C.int(descriptor), topics, C.size_t(len(wanted.Topics)), slice(wanted.LastEventID),
			bytesSlice(head), wanted.framing(), replay(wanted.Replay), C.uintptr_t(told), &connection, &detail)
	})
	runtime.KeepAlive(h)
	if err == nil {
		err = failure(result, &detail)
	}
	if err == nil {
		return connectionStream(connection), nil
	}
	if told != 0 {
		told.Delete()
		h.callbacks.done()
	}
	return nil, err
}
