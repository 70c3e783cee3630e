package main

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

func TestMedian_IsTheMiddleValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 100, 2}, 3},
	} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("%v: got the median %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestRatios_CompareTurnsOfTheSameRound(t *testing.T) {
	t.Parallel()
	second := func(requests int) measurement {
		return measurement{requests: requests, took: time.Second, processor: time.Millisecond}
	}
	fast := contender{name: "a", turns: []measurement{second(100), second(300), second(30)}}
	slow := contender{name: "b", turns: []measurement{second(50), second(100), second(30)}}
	if diff := cmp.Diff([]float64{2, 3, 1}, ratios(fast, slow, measurement.rate)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{10, 1000. / 300, 1000. / 30}, ratios(contender{turns: fast.turns}, contender{turns: []measurement{
		{requests: 1, took: time.Second, processor: time.Microsecond},
		{requests: 1, took: time.Second, processor: time.Microsecond},
		{requests: 1, took: time.Second, processor: time.Microsecond},
	}}, measurement.cost)); diff != "" {
		t.Error(diff)
	}
	var out strings.Builder
	slow.base = true
	report(&out, "request", []contender{fast, slow})
	if !strings.Contains(out.String(), "a : b   2.000 (1.000 to 3.000)") {
		t.Error(out.String())
	}
}

func TestDigits_AreFour(t *testing.T) {
	t.Parallel()
	for of, want := range map[time.Duration]string{
		0: "0s", 79612: "79.61µs", 4151 * time.Microsecond: "4.151ms", 67777800: "67.78ms", 123456 * time.Microsecond: "123.5ms",
	} {
		if got := digits(of).String(); got != want {
			t.Errorf("%v: got %s, want %s", of, got, want)
		}
	}
}

// counting is a server that counts, and a request to it.
func counting(t *testing.T, h http.HandlerFunc) (exchange, *atomic.Int64) {
	t.Helper()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		h(w, r)
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	return exchange{address: address, request: request(address, "Cookie: a=b"), status: "200"}, &served
}

func TestHammer_CountsOnlyAnswersThatWereGiven(t *testing.T) {
	t.Parallel()
	c, served := counting(t, application)
	n, err := hammer(t.Context(), c, 3, 200, time.Minute)
	if err != nil || n != 200 || served.Load() != 200 {
		t.Errorf("got %d requests counted and %d served, error %v, want 200 each", n, served.Load(), err)
	}
}

func TestTurn_EndsWithItsTime(t *testing.T) {
	t.Parallel()
	c, served := counting(t, application)
	begun := time.Now()
	n, err := hammer(t.Context(), c, 2, 1<<40, 100*time.Millisecond)
	if took := time.Since(begun); err != nil || n == 0 || int64(n) != served.Load() || took > 10*time.Second {
		t.Errorf("got %d requests counted and %d served in %v, error %v, want as many counted as served, within the time", n, served.Load(), took, err)
	}
}

func TestMeasurement_EndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	for status, handler := range map[string]http.HandlerFunc{
		"401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"303": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusSeeOther) },
		"502": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) },
	} {
		c, _ := counting(t, handler)
		if _, err := hammer(t.Context(), c, 2, 100, time.Minute); err == nil || !strings.Contains(err.Error(), status) {
			t.Errorf("got error %v for an answer of %s, want one that names it", err, status)
		}
	}
}

func TestAnswers_AreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ answer, rest string }{
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcrest", "rest"},
		{"HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:0\r\n\r\nrest", "rest"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc", ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ""},
		{"HTTP/1.1 200 OK\r\nContent-Len", ""},
		{"", ""},
	} {
		r := bufio.NewReader(strings.NewReader(tt.answer))
		err := swallow(r, "200", false)
		if tt.rest == "" {
			if err == nil {
				t.Errorf("got no error for %q, want it refused", tt.answer)
			}
			continue
		}
		if rest, _ := io.ReadAll(r); err != nil || string(rest) != tt.rest {
			t.Errorf("got %q after %q, error %v, want %q", rest, tt.answer, err, tt.rest)
		}
	}
}

func TestForm_HasHiddenFields(t *testing.T) {
	t.Parallel()
	page := `<input type="hidden" name="visit" value="x&amp;y"><input type="hidden" name="to" value="/">` +
		`<input type="hidden" name="component" value="ak-stage-password">`
	got := fill(page, url.Values{"password": {"p"}}).Encode()
	if want := "component=ak-stage-password&password=p&to=%2F&visit=x%26y"; got != want {
		t.Errorf("got the form %s, want %s", got, want)
	}
}

func TestOptions_UselessOnesAreRefused(t *testing.T) {
	t.Parallel()
	good := options{mode: "requests", rounds: 1, round: time.Second, connections: 1, requests: 1, sites: 1, streams: 1, sessions: 1, fill: time.Second}
	for _, change := range []func(*options){
		func(o *options) { o.rounds = 0 },
		func(o *options) { o.round = 0 },
		func(o *options) { o.connections = -1 },
		func(o *options) { o.requests = 0 },
		func(o *options) { o.sites = 0 },
		func(o *options) { o.streams = 0 },
		func(o *options) { o.sessions = 0 },
		func(o *options) { o.fill = 0 },
		func(o *options) { o.mode = "nothing" },
		func(o *options) { o.against = "caddy" },
		func(o *options) { o.caddyfile = "Caddyfile" },
	} {
		bad := good
		change(&bad)
		if err := run(t.Context(), bad); err == nil {
			t.Errorf("%+v: got no error", bad)
		}
	}
}

func TestCaddy_EndAtOnceIsReported(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := open(ctx, t.TempDir(), "false")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, _, err := s.start("", site{name: "gate"}); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("got %v for a program that is not a Caddy, want that it has ended", err)
	}
}

func TestModes_AllAreListed(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(modes())), slices.Sorted(slices.Values(modeNames()))); diff != "" {
		t.Error(diff)
	}
}

func TestStore_IsFilledWithAsManySessionsAsWanted(t *testing.T) {
	t.Parallel()
	to := store.NewMemory()
	n, err := populate(t.Context(), to, 90, time.Minute)
	if err != nil || n != 90 {
		t.Fatalf("got %d sessions and %v, want 90", n, err)
	}
	if kept, err := to.Count(t.Context(), "session"); kept != 90 || err != nil {
		t.Errorf("got %d sessions in the store, %v, want 90", kept, err)
	}
}
