// Package loglimit keeps a log readable while something is wrong. The first line
// about a problem is logged at once. Further lines about the same problem are
// counted, and the count is logged every ten seconds.
//
// Without it, an outage of the session store or a client that sends garbage
// would write one line for each request.
package loglimit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// countEvery is how often a count is logged.
	countEvery = 10 * time.Second
	// maxProblems is the maximum number of problems that are counted
	// separately. Beyond it, problems with the same message and code count as
	// one.
	maxProblems = 1000
)

// A Handler is a slog.Handler that passes on the first line about a problem,
// and then only counts.
//
// Lines with the attribute "code", and warnings and errors without it, are
// about a problem. A problem is identified by message, code and source. The
// source of a line below slog.LevelError is the client and the user; that of an
// error is the gate itself. All other lines are passed on.
type Handler struct {
	next   slog.Handler
	counts *counts
	code   string
	source source
}

// A source is the client or user that causes a problem.
type source struct{ client, user string }

// A problem identifies lines that are about the same problem.
type problem struct {
	message, code string
	source        source
}

// New returns a handler that passes lines on to next.
func New(next slog.Handler) *Handler {
	return &Handler{next: next, counts: &counts{of: make(map[problem]*count)}}
}

// Stop logs the counts. From then on all lines are passed on.
func (h *Handler) Stop() error {
	h.counts.stop()
	return nil
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	inner := *h
	r.Attrs(func(a slog.Attr) bool {
		inner.note(a)
		return true
	})
	if inner.code == "" && r.Level < slog.LevelWarn {
		return h.next.Handle(ctx, r)
	}
	p := problem{message: r.Message, code: inner.code, source: inner.source}
	if r.Level >= slog.LevelError {
		p.source = source{}
	}
	if !h.counts.first(p, h.next, r) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	inner := *h
	inner.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		inner.note(a)
	}
	return &inner
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	inner := *h
	inner.next = h.next.WithGroup(name)
	return &inner
}

// note remembers an attribute that identifies a problem.
func (h *Handler) note(a slog.Attr) {
	switch a.Key {
	case "code":
		h.code = a.Value.String()
	case "client_ip":
		h.source.client = a.Value.String()
	case "user":
		h.source.user = a.Value.String()
	}
}

// counts are the problems of the last seconds.
type counts struct {
	mu      sync.Mutex
	of      map[problem]*count
	timer   *time.Timer
	stopped bool
}

// A count is the number of lines about a problem that were not logged.
type count struct {
	lines int
	next  slog.Handler
	level slog.Level
}

// first counts a line, and reports whether it is the first about its problem.
func (c *counts) first(p problem, next slog.Handler, r slog.Record) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return true
	}
	if len(c.of) >= maxProblems && c.of[p] == nil {
		p.source = source{}
	}
	if known := c.of[p]; known != nil {
		known.lines++
		known.next, known.level = next, r.Level
		return false
	}
	c.of[p] = &count{next: next, level: r.Level}
	if c.timer == nil {
		c.timer = time.AfterFunc(countEvery, c.report)
	}
	return true
}

// report logs the counts, and forgets problems without new lines.
func (c *counts) report() {
	c.mu.Lock()
	due := make(map[problem]count)
	for p, n := range c.of {
		if n.lines == 0 {
			delete(c.of, p)
			continue
		}
		due[p] = *n
		n.lines = 0
	}
	c.timer = nil
	if len(c.of) > 0 && !c.stopped {
		c.timer = time.AfterFunc(countEvery, c.report)
	}
	c.mu.Unlock()
	for p, n := range due {
		n.log(p)
	}
}

// log writes one count.
func (n count) log(p problem) {
	r := slog.NewRecord(time.Now(), n.level, p.message, 0)
	if p.code != "" {
		r.AddAttrs(slog.String("code", p.code))
	}
	r.AddAttrs(slog.Int("repeated", n.lines), slog.Duration("within", countEvery))
	_ = n.next.Handle(context.Background(), r) // a log that fails cannot report it
}

func (c *counts) stop() {
	c.mu.Lock()
	c.stopped = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.report()
}
