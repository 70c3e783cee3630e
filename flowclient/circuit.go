package flowclient

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// pauseAfterFailure is how long no request is sent to authentik after it did
// not answer. After that, one request at a time is let through until one is
// answered.
const pauseAfterFailure = 2 * time.Second

// errHanging is the cause of an error without a request: the last requests got
// no answer.
var errHanging = errors.New("the last request got no answer; authentik is asked again in a moment")

// A circuit keeps visitors from waiting, one after the other, for an authentik
// that hangs, and their requests from piling up. It opens when a request got no
// answer, unless another one was answered meanwhile: a single slow page is not
// an outage. Any answer closes it.
type circuit struct {
	now func() time.Time

	mu       sync.Mutex
	open     bool
	until    time.Time // until then no request is let through
	probing  bool      // whether one is running
	answered time.Time // when the last answer came
}

// A passage is one request through the circuit.
type passage struct {
	of    *circuit
	start time.Time
	probe bool
}

// enter lets a request through, or returns errHanging. A request that waits for
// a person is not used as a probe.
func (c *circuit) enter(waits bool) (passage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := passage{of: c, start: c.now()}
	if !c.open {
		return p, nil
	}
	if waits || c.probing || p.start.Before(c.until) {
		return passage{}, errHanging
	}
	c.probing, p.probe = true, true
	return p, nil
}

// succeed notes an answer, whatever its content.
func (p passage) succeed() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.open, p.of.probing = false, false
	p.of.answered = p.of.now()
}

// fail notes that there was no answer. hangs says that authentik was the cause.
func (p passage) fail(hangs bool) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	if p.probe {
		p.of.probing = false
	}
	if !hangs || !p.probe && p.of.answered.After(p.start) {
		return
	}
	p.of.open, p.of.until = true, p.of.now().Add(pauseAfterFailure)
}

// waited returns how long the request has been running.
func (p passage) waited() time.Duration { return p.of.now().Sub(p.start) }

// failed notes that a request got no answer. If authentik hangs, its idle
// connections may be as dead as this one, such as after its address has changed:
// they are closed, so that the next request opens a new one. Otherwise each would
// cost a request its whole timeout, until the last is gone.
func (c *Client) failed(ctx context.Context, q request, p passage, err error) {
	hangs := c.hangs(ctx, q, p, err)
	p.fail(hangs)
	if idle, ok := c.transport.(interface{ CloseIdleConnections() }); ok && hangs {
		idle.CloseIdleConnections()
	}
}

// hangs reports whether an error of a request means that authentik does not
// answer any request. It does not if the visitor has disconnected, if the
// caller would not wait for long, or if the request waits for a person.
func (c *Client) hangs(ctx context.Context, q request, p passage, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return q.timeout <= c.timeout && p.waited() >= c.timeout/2
	}
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}
