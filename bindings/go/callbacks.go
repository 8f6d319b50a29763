//go:build cgo

package ssecast

import "sync"

// Counts the streams whose OnClose has not returned. Streams may begin while their end is waited for, which a sync.WaitGroup forbids.
type callbacks struct {
	lock  sync.Mutex
	count int
	// Closed when there is none, if it is waited for.
	none chan struct{}
}

// Counts one, before its stream begins.
func (c *callbacks) add() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.count++
}

func (c *callbacks) done() {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.count--; c.count == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// Waits until there is none.
func (c *callbacks) wait() <-chan struct{} {
	c.lock.Lock()
	defer c.lock.Unlock()
	none := c.none
	if none == nil {
		none = make(chan struct{})
	}
	if c.count == 0 {
		close(none)
	} else {
		c.none = none
	}
	return none
}
