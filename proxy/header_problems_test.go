package proxy

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A leftOutCounter counts headers that are left out.
type leftOutCounter struct {
	NopMetrics
	names []string
}

func (c *leftOutCounter) HeaderLeftOut(name string) { c.names = append(c.names, name) }

// TestHeaders_ProblemsAreReportedOnce: a session is made anew at every recheck, and
// headers from texts are made for every request.
func TestHeaders_ProblemsAreReportedOnce(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	counter := new(leftOutCounter)
	long := strings.Repeat("x", MinHeaderSize+1)
	user := User{Username: "猫", Name: long}
	g, cookie := held(t, func(c *Config) {
		c.Logger, c.Metrics = slog.New(slog.NewTextHandler(&log, nil)), counter
		c.Headers = HeaderConfig{Preset: HeadersRemote, Encoding: EncodingLatin1, MaxSize: MinHeaderSize, Own: []HeaderRule{
			{Name: "X-Text", Value: func(*http.Request, Session) string { return long }},
			{Name: "X-Again", Claim: "username"},
		}}
	}, session.Record{User: user})
	for range 3 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = "app.example.com"
		r.Header.Set("Cookie", "authentik_gate="+cookie)
		got := through(t, g, r)
		if got.Header.Get("Remote-User") != "%E7%8C%AB" || got.Header.Get("Remote-Name")+got.Header.Get("X-Text") != "" {
			t.Errorf("got headers %v, want the username percent-encoded, and no others", got.Header)
		}
		g.sessions.Forget()
	}
	if got, want := strings.Join(counter.names, " "), "Remote-Name X-Text"; got != want {
		t.Errorf("counted: got %s, want %s", got, want)
	}
	for text, want := range map[string]int{
		"left out, since its value is too long":      2,
		"header=Remote-Name size=1025 max_size=1024": 1,
		"header=X-Text size=1025 max_size=1024":      1,
		"the encoding has no characters for it":      1,
		"user=猫":                                     3,
		"encoding=latin1":                            1,
	} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, want, log.String())
		}
	}
}
