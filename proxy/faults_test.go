package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// An injected failure is what happens to one call, of all those that a sign-in makes.
type injected struct {
	calls atomic.Int64
	at    int64 // the call that goes wrong
	with  func() error
}

var errFault = errors.New("injected")

func (f *injected) hits() error {
	if f.calls.Add(1) == f.at {
		return f.with()
	}
	return nil
}

// faultyAuthentik is authentik with one fault.
type faultyAuthentik struct {
	Authentik
	*injected
}

func (f faultyAuthentik) Ask(ctx context.Context, v flowclient.Visitor, to flowclient.Flow) (flowclient.Step, error) {
	if err := f.hits(); err != nil {
		return flowclient.Step{}, err
	}
	return f.Authentik.Ask(ctx, v, to)
}

func (f faultyAuthentik) Answer(ctx context.Context, v flowclient.Visitor, to flowclient.Flow, a flowclient.Answer) (flowclient.Step, error) {
	if err := f.hits(); err != nil {
		return flowclient.Step{}, err
	}
	return f.Authentik.Answer(ctx, v, to, a)
}

func (f faultyAuthentik) User(ctx context.Context, v flowclient.Visitor) (flowclient.User, error) {
	if err := f.hits(); err != nil {
		return flowclient.User{}, err
	}
	return f.Authentik.User(ctx, v)
}

func (f faultyAuthentik) Access(ctx context.Context, v flowclient.Visitor, app string) (flowclient.Access, error) {
	if err := f.hits(); err != nil {
		return flowclient.Access{Passing: true}, err
	}
	return f.Authentik.Access(ctx, v, app)
}

func (f faultyAuthentik) Brand(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
	if err := f.hits(); err != nil {
		return flowclient.Brand{}, err
	}
	return f.Authentik.Brand(ctx, v)
}

// faultyStore is a store with one fault.
type faultyStore struct {
	Store
	*injected
}

func (f faultyStore) Load(ctx context.Context, name string) (Record, bool, error) {
	if err := f.hits(); err != nil {
		return Record{}, false, err
	}
	return f.Store.Load(ctx, name)
}

func (f faultyStore) Save(ctx context.Context, name string, r Record) (Version, error) {
	if err := f.hits(); err != nil {
		return "", err
	}
	return f.Store.Save(ctx, name, r)
}

// TestFault_NeverLetsARequestThrough breaks each call of a sign-in in turn, in
// every way that calls break. Whatever happens, only users who have
// signed in reach the application, and never under another name.
func TestFault_NeverLetsARequestThrough(t *testing.T) {
	t.Parallel()
	ways := map[string]func() error{
		"unreachable": func() error { return flowclient.ErrUnreachable },
		"starting":    func() error { return &flowclient.StartingError{RetryAfter: 5 * time.Second} },
		"unexpected":  func() error { return &flowclient.UnexpectedError{Status: 500, Err: errFault} },
		"anonymous":   func() error { return flowclient.ErrUnauthenticated },
		"not found":   func() error { return flowclient.ErrFlowNotFound },
		"conflict":    func() error { return ErrConflict },
		"cancelled":   func() error { return context.Canceled },
		"anything":    func() error { return errFault },
	}
	if raced || testing.Short() { // what goes wrong makes no difference to who shares what
		ways = map[string]func() error{"conflict": ways["conflict"], "anything": ways["anything"]}
	}
	for name, way := range ways {
		for _, of := range []string{"authentik", "store"} {
			t.Run(name+" of "+of, func(t *testing.T) {
				t.Parallel()
				for at := int64(1); at <= 10; at++ { // a sign-in makes six calls to authentik, and ten to the store
					breaksOneCall(t, of, &injected{at: at, with: way})
				}
			})
		}
	}
}

// breaksOneCall has a user sign in who may not, and one who may, while one
// call of authentik or of the store fails.
func breaksOneCall(t *testing.T, of string, broken *injected) {
	t.Helper()
	s := newSite(t, func(c *Config) {
		c.Application = "wiki"
		if of == "authentik" {
			c.Client = faultyAuthentik{c.Client, broken}
		} else {
			c.Store = faultyStore{c.Store, broken}
		}
	})
	defer s.Close()
	page := s.person(t).signIn("joe", "let me in", "/")
	if s.reached() != 0 {
		t.Fatalf("failure at call %d: got joe, who has no access, at the application", broken.at)
	}
	if page.status == http.StatusInternalServerError || page.body == "" {
		t.Errorf("call %d: got status %d, %q", broken.at, page.status, page.body)
	}
	if strings.Contains(page.body, "injected") {
		t.Errorf("failure at call %d: got the cause on the page, want it only in the log", broken.at)
	}
	if page := s.person(t).signIn("jane", "open sesame", "/"); page.status == http.StatusOK && page.path == "/" && page.body != "hello jane" {
		t.Errorf("failure at call %d: got jane's request with the identity %q", broken.at, page.body)
	}
}

func TestFault_PanicLetsNoRequestThrough(t *testing.T) {
	t.Parallel()
	for at := int64(1); at <= 8; at++ {
		s := newSite(t, func(c *Config) {
			c.Client = faultyAuthentik{c.Client, &injected{at: at, with: func() error { panic(http.ErrAbortHandler) }}}
		})
		s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
		p := s.person(t)
		for _, path := range []string{"/", "/"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "text/html")
			if res, err := p.http.Do(r); err == nil {
				_ = res.Body.Close()
			}
		}
		if s.reached() != 0 {
			t.Fatalf("panic at call %d: got the request at the application, want it refused", at)
		}
	}
}

func TestFault_SessionSurvivesAnUnreachableAuthentik(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "wiki" })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	cfg := s.gate.cfg
	cfg.Client = newClient(t, "http://127.0.0.1:1")
	// The same authentik by name, so that the realm stays, but no server answers there.
	setClient(s.gate, downAuthentik{Authentik: s.gate.cfg.Client})
	if page := p.open("/"); page.body != "hello jane" {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
	s.clock.move(copyFor) // nothing is left to be drawn again
	page := s.person(t).open("/kept")
	if page.status != http.StatusServiceUnavailable {
		t.Fatalf("a new sign-in: got status %d", page.status)
	}
	page.says(t, string(fault.AuthentikUnreachable))
	page.says(t, "%2Fkept")
}

// downAuthentik answers nothing.
type downAuthentik struct{ Authentik }

func (downAuthentik) Ask(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error) {
	return flowclient.Step{}, flowclient.ErrUnreachable
}

func (downAuthentik) Brand(context.Context, flowclient.Visitor) (flowclient.Brand, error) {
	return flowclient.Brand{}, flowclient.ErrUnreachable
}

// TestFault_ResponsesOfAFailingAuthentik has something else answer in authentik's place.
func TestFault_ResponsesOfAFailingAuthentik(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		status int
		code   Code
	}{
		"HTML": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<h1>It works!</h1>")
		}, 502, fault.AuthentikUnexpected},
		"starting": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"authentik starting"}`)
		}, 503, fault.AuthentikStarting},
		"core down": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, `{"error":"failed to connect to authentik backend: dial"}`)
		}, 503, fault.AuthentikUnreachable},
		"reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 503, fault.AuthentikUnreachable},
		"500":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", 500) }, 502, fault.AuthentikUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			authentik := httptest.NewServer(tt.answer)
			t.Cleanup(authentik.Close)
			s := newSite(t, func(c *Config) { c.Client = newClient(t, authentik.URL) })
			page := s.person(t).open("/")
			if page.status != tt.status {
				t.Errorf("got status %d, want %d", page.status, tt.status)
			}
			page.says(t, string(tt.code))
			if name == "starting" && page.header.Get("Retry-After") != "5" {
				t.Errorf("got Retry-After %q, want 5", page.header.Get("Retry-After"))
			}
			if s.reached() != 0 {
				t.Error("got a request at the application, want none")
			}
		})
	}
}

func TestFault_FailingStoreRefusesAndLosesNoSession(t *testing.T) {
	t.Parallel()
	broken := &injected{at: -1, with: func() error { return errFault }}
	s := newSite(t, func(c *Config) { c.Store = faultyStore{c.Store, broken} })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.gate.sessions.Forget() // as after a restart
	broken.at = broken.calls.Load() + 1
	page := p.open("/")
	if page.status != http.StatusServiceUnavailable {
		t.Fatalf("got status %d", page.status)
	}
	page.says(t, string(fault.SessionsUnavailable))
	if page = p.open("/"); page.body != "hello jane" {
		t.Fatalf("afterwards: got status %d: %s", page.status, page.body)
	}
}

// sayingAuthentik answers users/me as a test wants.
type sayingAuthentik struct {
	Authentik
	user flowclient.User
}

func (a sayingAuthentik) User(context.Context, flowclient.Visitor) (flowclient.User, error) {
	return a.user, nil
}

func TestFault_UnnamedUserIsNotAdmitted(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]flowclient.User{
		"no user at all": {},
		"no name":        {UID: "abc", Active: true},
		"no identifier":  {Username: "jane", Active: true},
		"deactivated":    {Username: "jane", UID: "abc"},
	} {
		s := newSite(t, func(c *Config) { c.Client = sayingAuthentik{c.Client, user} })
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		if s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" {
			t.Errorf("%s: got a session, want none", name)
		}
	}
}

// TestFault_EveryCodeHasAStatusAndASentence: a page without words helps no visitor.
func TestFault_EveryCodeHasAStatusAndASentence(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, code := range fault.Codes() {
		m := fault.New(code, nil)
		if m.Status < 400 || m.Title == "" {
			t.Errorf("%s: got %+v, want an error status and a title", code, m)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		s.gate.member.Shared.Pages.Fail(w, r, page.Failure{Code: string(code), Status: m.Status}, "/", flowclient.Brand{})
		if strings.Contains(w.Body.String(), "fail_") {
			t.Errorf("%s: got no sentence on the page:\n%s", code, w.Body)
		}
	}
}

// TestFault_AFailuresPageAsksAuthentikNothing has authentik accept requests and
// say nothing: a visitor waits for it once.
func TestFault_AFailuresPageAsksAuthentikNothing(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"", "login"} {
		s := newSite(t, func(c *Config) { c.Flow = flow })
		at, err := url.Parse(s.gate.cfg.Client.Root())
		if err != nil {
			t.Fatal(err)
		}
		client, err := flowclient.New(flowclient.Config{URL: at, Timeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		setClient(s.gate, client)
		ended := make(chan struct{})
		s.front.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		})
		p := s.person(t)
		before := s.front.asked.Load()
		page := p.open("/.authentik/login")
		close(ended)
		page.says(t, string(fault.AuthentikUnreachable))
		if got := s.front.asked.Load() - before; got != 1 {
			t.Errorf("flow %q: got %d requests for the page of a failure, want 1", flow, got)
		}
		s = newSite(t, func(c *Config) { c.Flow = "login" })
		s.front.away.Store(true) // which answers, so that nothing keeps the gate from asking
		before = s.front.asked.Load()
		s.person(t).open("/.authentik/login").says(t, string(fault.AuthentikUnreachable))
		if got := s.front.asked.Load() - before; got != 1 {
			t.Errorf("a proxy that answers: got %d requests for the page of a failure, want 1", got)
		}
	}
}
