package loglimit

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A buffer is a log that a test reads.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// lines returns what was logged since the last call, without times.
func (b *buffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return strings.FieldsFunc(b.text.String(), func(r rune) bool { return r == '\n' })
}

func newLog() (*slog.Logger, *Handler, *buffer) {
	b := new(buffer)
	h := New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	return slog.New(h), h, b
}

func expect(t *testing.T, b *buffer, want ...string) {
	t.Helper()
	if got := b.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestHandler_CountsLinesAboutOneProblem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, h, b := newLog()
		for range 20_000 {
			log.With("client_ip", "192.0.2.1").Info("refused", "code", "bad-request")
		}
		expect(t, b, `level=INFO msg=refused client_ip=192.0.2.1 code=bad-request`)
		time.Sleep(countEvery)
		synctest.Wait()
		expect(t, b, `level=INFO msg=refused client_ip=192.0.2.1 code=bad-request repeated=19999 within=10s`)
		log.With("client_ip", "192.0.2.1").Info("refused", "code", "bad-request")
		time.Sleep(countEvery)
		synctest.Wait()
		expect(t, b, `level=INFO msg=refused client_ip=192.0.2.1 code=bad-request repeated=1 within=10s`)
		time.Sleep(countEvery)
		synctest.Wait()
		expect(t, b)
		log.With("client_ip", "192.0.2.1").Info("refused", "code", "bad-request")
		expect(t, b, `level=INFO msg=refused client_ip=192.0.2.1 code=bad-request`)
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestHandler_DistinguishesProblems(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, h, b := newLog()
		for range 3 {
			log.Info("refused", "client_ip", "192.0.2.1", "code", "bad-request")
			log.Info("refused", "client_ip", "192.0.2.2", "code", "bad-request")
			log.Info("refused", "client_ip", "192.0.2.2", "code", "too-large")
			log.Info("refused", "client_ip", "192.0.2.2", "code", "not-allowed", "user", "ada")
			log.Info("refused", "client_ip", "192.0.2.2", "code", "not-allowed", "user", "bob")
			log.Warn("session store: watch failed", "error", "cut")
		}
		if got := len(b.lines()); got != 6 {
			t.Errorf("got %d lines, want one for each of 6 problems", got)
		}
		_ = h.Stop()
		got := b.lines()
		if len(got) != 6 || strings.Count(strings.Join(got, "\n"), "repeated=2 ") != 6 {
			t.Errorf("got %q, want 6 counts of 2", got)
		}
	})
}

// An outage is one problem, however many requests notice it.
func TestHandler_TakesErrorsOfAllClientsForOneProblem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, h, b := newLog()
		for i := range 100 {
			log.With("client_ip", fmt.Sprintf("192.0.2.%d", i)).Error("refused", "code", "sessions-unavailable", "error", fmt.Sprint(i))
		}
		if got := len(b.lines()); got != 1 {
			t.Errorf("got %d lines, want 1", got)
		}
		_ = h.Stop()
		if got := strings.Join(b.lines(), "\n"); !strings.Contains(got, "repeated=99 ") {
			t.Errorf("got %q, want a count of 99", got)
		}
	})
}

func TestHandler_PassesOnWhatIsNotAProblem(t *testing.T) {
	t.Parallel()
	log, h, b := newLog()
	for range 5 {
		log.Info("signed in", "user", "ada")
	}
	_ = h.Stop()
	if got := len(b.lines()); got != 5 {
		t.Errorf("got %d lines, want 5", got)
	}
}

func TestHandler_IsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, h, b := newLog()
		for i := range 5 * maxProblems {
			log.Info("refused", "client_ip", fmt.Sprint(i), "code", "bad-request")
		}
		if got := len(b.lines()); got != maxProblems+1 {
			t.Errorf("got %d lines, want %d", got, maxProblems+1)
		}
		if got := len(h.counts.of); got > maxProblems+1 {
			t.Errorf("got %d problems in memory, want at most %d", got, maxProblems+1)
		}
		_ = h.Stop()
	})
}

func TestHandler_PassesEverythingOnAfterStop(t *testing.T) {
	t.Parallel()
	log, h, b := newLog()
	_ = h.Stop()
	for range 3 {
		log.Warn("store: failed")
	}
	if got := len(b.lines()); got != 3 {
		t.Errorf("got %d lines, want 3", got)
	}
}

func TestHandler_KeepsGroups(t *testing.T) {
	t.Parallel()
	log, _, b := newLog()
	log.WithGroup("g").Warn("store: failed", "error", "cut")
	expect(t, b, `level=WARN msg="store: failed" g.error=cut`)
}
