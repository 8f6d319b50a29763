package ssecast

/*
#include <ssecast.h>

// Gives the number of the next subscription that has something.
static ssecast_result next_ready(ssecast_poller *poller, uintptr_t *number) {
  ssecast_subscription *subscription;
  ssecast_result result = ssecast_poller_next(poller, &subscription, NULL);
  if (result == SSECAST_OK) *number = (uintptr_t)ssecast_subscription_user_data(subscription);
  return result;
}
*/
import "C"

import (
	"os"
	"runtime"
	"sync"
	"syscall"
)

// A poller waits for all subscriptions of a hub, on one goroutine and with one descriptor.
type poller struct {
	hub    *Hub
	handle *C.ssecast_poller
	// A duplicate of its descriptor, which Go's poller waits for.
	signal *os.File
	// Guards the rest, and keeps subscriptions from being freed while the poller is asked.
	lock    sync.Mutex
	members map[uintptr]*Subscription
	// How many subscriptions use it or are about to: with the last one it ends. The hub's lock guards it.
	users int
}

// Gives the poller of the hub, which runs as long as it has users. Each gives it back with release.
func (h *Hub) pollerForUse() (*poller, error) {
	h.polling.Lock()
	defer h.polling.Unlock()
	if h.poller == nil {
		made, err := newPoller(h)
		if err != nil {
			return nil, err
		}
		h.poller = made
	}
	h.poller.users++
	return h.poller, nil
}

func newPoller(h *Hub) (*poller, error) {
	made := &poller{hub: h, members: map[uintptr]*Subscription{}}
	var detail C.ssecast_error
	result := C.ssecast_poller_new(h.handle, &made.handle, &detail)
	runtime.KeepAlive(h)
	if err := failure(result, &detail); err != nil {
		return nil, err
	}
	syscall.ForkLock.RLock()
	descriptor, err := syscall.Dup(int(C.ssecast_poller_descriptor(made.handle)))
	if err == nil {
		syscall.CloseOnExec(descriptor)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		C.ssecast_poller_free(made.handle)
		return nil, os.NewSyscallError("dup", err)
	}
	made.signal = os.NewFile(uintptr(descriptor), "ssecast")
	go made.run()
	return made, nil
}

// Wakes those that have something, until the last user is gone.
func (p *poller) run() {
	if signal, err := p.signal.SyscallConn(); err == nil {
		// It ends with an error when the file is closed.
		signal.Read(func(uintptr) bool {
			p.lock.Lock()
			defer p.lock.Unlock()
			var number C.uintptr_t
			for C.next_ready(p.handle, &number) == C.SSECAST_OK {
				if member := p.members[uintptr(number)]; member != nil {
					member.wake()
				}
			}
			return false
		})
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	C.ssecast_poller_free(p.handle)
}

func (p *poller) release() {
	h := p.hub
	h.polling.Lock()
	defer h.polling.Unlock()
	if p.users--; p.users == 0 {
		h.poller = nil
		p.signal.Close()
	}
}
