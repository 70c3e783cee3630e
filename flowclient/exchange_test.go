package flowclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func ip(t testing.TB, s string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRequest_HasTheListedHeadersOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends(itself, session("a", true)), says(whichSecret))
	v := holding("a", true)
	v.Cookies[csrfCookie] = "secret-of-the-pair"
	v.Addr, v.UserAgent, v.Language = ip(t, "::ffff:203.0.113.7"), "Browser/1", "de-AT,de;q=0.9"
	step, err := f.client().Answer(t.Context(), v, login, PasswordAnswer{Password: "hunter2"})
	shows[Password](t, step, err)
	common := map[string]string{
		"Accept": "application/json", "Accept-Language": "de-AT,de;q=0.9", "User-Agent": "Browser/1",
		"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "auth.example.com",
	}
	allowed := []string{"Accept-Encoding", "Cookie", "Content-Length"}
	for i, extra := range []map[string]string{{
		"Content-Type": "application/json", "Origin": "https://auth.example.com", "X-Authentik-Csrf": "secret-of-the-pair",
	}, nil} {
		got := f.seen(i)
		if got.host != "auth.example.com" {
			t.Errorf("got host %s, want auth.example.com", got.host)
		}
		want := map[string]string{}
		for _, m := range []map[string]string{common, extra} {
			for k, x := range m {
				want[k] = x
			}
		}
		for _, k := range allowed {
			got.header.Del(k)
		}
		for k, x := range got.header {
			if len(x) != 1 || x[0] != want[k] {
				t.Errorf("request %d: got %s: %q, want %q", i, k, x, want[k])
			}
			delete(want, k)
		}
		if len(want) > 0 {
			t.Errorf("request %d: got no %v", i, want)
		}
	}
	if want := `{"component":"ak-stage-password","password":"hunter2"}`; f.seen(0).body != want {
		t.Errorf("got body %s, want %s", f.seen(0).body, want)
	}
}

func TestRequest_NamesTheVisitorsHost(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(`{"component":"xak-flow-redirect","to":"https://app.example.com:8443/if/flow/next/"}`), says(whoAreYou))
	step, err := f.client().Answer(t.Context(), Visitor{Host: "app.example.com:8443"}, login, DummyAnswer{})
	shows[Identification](t, step, err)
	got := f.seen(0)
	if got.host != "app.example.com:8443" || got.header.Get("Origin") != "https://app.example.com:8443" || got.header.Get("X-Forwarded-Host") != "app.example.com:8443" {
		t.Errorf("got host %s, headers %v, want app.example.com:8443 in all", got.host, got.header)
	}
	for _, host := range []string{"a b", "a/b", "a\r\nX: y", "user@host", "[::1", "host:port", "host?", "höst"} {
		if _, err := newFake(t).client().Ask(t.Context(), Visitor{Host: host}, login); !errors.Is(err, errHost) {
			t.Errorf("host %q: got %v", host, err)
		}
	}
}

// authentik refuses passkeys and POSTs unless all headers name the same origin.
func TestRequest_NamesTheVisitorsScheme(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]string{"": "https", "http": "http", "https": "https"} {
		f := newFake(t,
			says(`{"component":"xak-flow-redirect","to":"`+want+`://app.example.com/if/flow/next/"}`, session("a", true)),
			says(`{"component":"xak-flow-redirect","to":"`+map[string]string{"http": "https", "https": "http"}[want]+`://app.example.com/if/flow/next/"}`))
		v := holding("a", true)
		v.Host, v.Scheme = "app.example.com", scheme
		step, err := f.client().Answer(t.Context(), v, login, DummyAnswer{})
		if got := shows[Redirect](t, step, err); got.Class() != RedirectExternal || f.count() != 2 {
			t.Errorf("scheme %q: got %s for the other scheme after %d requests, want external after 2", scheme, got.Class(), f.count())
		}
		h := f.seen(0).header
		if h.Get("X-Forwarded-Proto") != want || h.Get("Origin") != want+"://app.example.com" || step.Root != want+"://app.example.com/" {
			t.Errorf("scheme %q: got headers %v, root %s", scheme, h, step.Root)
		}
	}
	for _, scheme := range []string{"HTTPS", "https:", "ftp", "javascript", " http", "http,https", "http\r\nX: y"} {
		c := newFake(t).client()
		_, asked := c.Ask(t.Context(), Visitor{Scheme: scheme}, login)
		_, user := c.User(t.Context(), Visitor{Scheme: scheme})
		if !errors.Is(asked, errScheme) || !errors.Is(user, errScheme) {
			t.Errorf("scheme %q: got %v, %v, want errScheme", scheme, asked, user)
		}
	}
}

func TestRequest_MalformedHeadersAreNotPassedOn(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(whoAreYou))
	v := Visitor{UserAgent: "evil\r\nX-Forwarded-For: 1.2.3.4", Language: strings.Repeat("x", 9999)}
	step, err := f.client().Ask(t.Context(), v, login)
	shows[Identification](t, step, err)
	h := f.seen(0).header
	if h.Get("User-Agent") != "" || h.Get("X-Forwarded-For") != "" || len(h.Get("Accept-Language")) != 256 {
		t.Errorf("got headers %v, want them shortened or left out", h)
	}
}

func packed(t testing.TB, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	}
}

func TestExchange_DecompressesAnswers(t *testing.T) {
	t.Parallel()
	f := newFake(t, zipped(packed(t, []byte(whoAreYou))))
	step, err := f.client().Ask(t.Context(), Visitor{}, login)
	shows[Identification](t, step, err)
}

func TestLimit_EndlessAnswersAreAborted(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	_, err := newFake(t, endless).client(func(c *Config) { c.Timeout = 5 * time.Second }).Ask(t.Context(), Visitor{}, login)
	if !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestStarting_AFlowErrorWithTheSameWordsIsNone(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(`{"component":"ak-stage-flow-error","request_id":"r","error":"authentik starting"}`))
	step, err := f.client().Ask(t.Context(), Visitor{}, login)
	if got := shows[FlowError](t, step, err); got.RequestID != "r" {
		t.Errorf("got request %q, want r", got.RequestID)
	}
}

func TestExchange_AnswersOfOtherServersAreUnexpected(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]http.HandlerFunc{
		"HTML":            says("<!doctype html><title>Log in to the captive portal</title>"),
		"nothing":         says(""),
		"truncated JSON":  says(whoAreYou[:40]),
		"a list":          says("[]"),
		"an error":        fails(http.StatusInternalServerError, "<h1>Server Error</h1>"),
		"broken gzip":     zipped([]byte("no gzip at all, but long enough")),
		"a foreign no":    fails(http.StatusForbidden, "<h1>WAF</h1>"),
		"a teapot":        fails(http.StatusTeapot, ""),
		"success, of odd": fails(http.StatusNoContent, ""),
	} {
		f := newFake(t, reply)
		_, err := f.client().Ask(t.Context(), Visitor{}, Flow{Slug: "login", Query: "flow_token=geheim"})
		var ue *UnexpectedError
		if !errors.As(err, &ue) || ue.Endpoint != "flows/executor" || errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "portal") {
			t.Errorf("%s: got %v, want nothing of the content in it", name, err)
		}
	}
}

func TestOutage_IsNotReportedAsARefusal(t *testing.T) {
	t.Parallel()
	short := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "999")
		_, _ = io.WriteString(w, whoAreYou)
	}
	for name, reply := range map[string]http.HandlerFunc{
		"core down":         fails(http.StatusBadGateway, `{"error": "failed to connect to authentik backend: EOF"}`),
		"a proxy's 502":     unmarked(fails(http.StatusBadGateway, "<html>")),
		"503":               fails(http.StatusServiceUnavailable, ""),
		"504":               fails(http.StatusGatewayTimeout, ""),
		"429":               fails(http.StatusTooManyRequests, "{}"),
		"starting, in 2025": says(`{"error": "authentik starting"}`),
		"cut off":           short,
	} {
		f := newFake(t, reply, reply, reply)
		c := f.client()
		_, asked := c.Ask(t.Context(), Visitor{}, login)
		_, user := c.User(t.Context(), holding("a", true))
		_, access := c.Access(t.Context(), holding("a", true), "app")
		for _, err := range []error{asked, user, access} {
			if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrUnauthenticated) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}

func TestStarting_HasTheRetryAfterOfAuthentik(t *testing.T) {
	t.Parallel()
	after := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", s)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error": "authentik starting"}`)
		}
	}
	for header, want := range map[string]time.Duration{"5": 5 * time.Second, "-1": 0, "soon": 0, "99999999999": 0} {
		_, err := newFake(t, after(header)).client().Ask(t.Context(), Visitor{}, login)
		var se *StartingError
		if !errors.As(err, &se) || se.RetryAfter != want {
			t.Errorf("Retry-After %q: got %v", header, err)
		}
	}
}

func TestTimeout_EndsACallThatHangs(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	f := newFake(t, hang, hang, hang)
	short := func(c *Config) { c.Timeout = 50 * time.Millisecond }
	if _, err := f.client(short).Ask(t.Context(), Visitor{}, login); !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("time-out: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := f.client().Ask(ctx, Visitor{}, login); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	drip := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	f = newFake(t, drip)
	if _, err := f.client(short).Ask(t.Context(), Visitor{}, login); !errors.Is(err, ErrUnreachable) {
		t.Errorf("half an answer: got %v", err)
	}
}

func TestTimeout_IsLongerForAPush(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(150 * time.Millisecond)
		says(theEnd)(w, r)
	}
	c := newFake(t, slow, slow, slow, slow, slow, slow).client(func(c *Config) { c.Timeout = 50 * time.Millisecond })
	push := ValidateDuoAnswer{"9"}
	for _, a := range []Answer{push, rawOf(t, push)} {
		step, err := c.Answer(t.Context(), holding("a", false), login, a)
		shows[Redirect](t, step, err)
	}
	code := ValidateCodeAnswer{"9"}
	for _, a := range []Answer{
		code, rawOf(t, code),
		RawAnswer{ComponentAuthenticatorValidate, map[string]json.RawMessage{"duo": json.RawMessage("null")}},
		RawAnswer{ComponentPrompt, map[string]json.RawMessage{"duo": json.RawMessage("9")}},
	} {
		if _, err := c.Answer(t.Context(), holding("a", false), login, a); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%T of %s: got %v, want the usual time-out", a, a.Component(), err)
		}
	}
}

func TestErrors_ContainNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c, err := New(Config{
		URL: address(t, "http://127.0.0.1:1"), Timeout: time.Second,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	v := Visitor{Cookies: Cookies{sessionCookie: "geheim"}}
	_, err = c.Answer(t.Context(), v, Flow{Slug: "login", Query: "flow_token=geheim"}, PasswordAnswer{Password: "geheim"})
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error()+log.String(), "geheim") {
		t.Errorf("got error %v and log %s, want no secret in them", err, log.String())
	}
	_, err = c.Answer(t.Context(), v, login, PromptAnswer{Values: map[string]any{"x": func() {}, "y": "geheim"}})
	if !errors.Is(err, errUnencodable) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("unencodable: got %v", err)
	}
}

func TestLog_ExchangesAreLoggedWithoutSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newFake(t, sends(itself, session("geheim", false)), says(whichSecret))
	c := f.client(func(cfg *Config) {
		cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	step, err := c.Answer(t.Context(), Visitor{}, Flow{Slug: "login", Query: "itoken=geheim"}, PasswordAnswer{Password: "geheim"})
	shows[Password](t, step, err)
	if got := log.String(); !strings.Contains(got, `"request_id":"test"`) || strings.Contains(got, "geheim") || strings.Contains(got, token("geheim", false)) {
		t.Errorf("got log %s, want the request and no secret", got)
	}
}
