package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// warm opens the page once, so that the next visitor gets a copy.
func (s *site) warm(t testing.TB) {
	t.Helper()
	if page := s.person(t).open("/.authentik/login"); page.status != http.StatusOK {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
}

// stage replaces the first stage of a flow, or, with insert, goes before it.
func (s *site) stage(t testing.TB, first authentiktest.Stage, insert bool) {
	t.Helper()
	if !s.authentik.EditFlow("login", func(f *authentiktest.Flow) {
		rest := f.Bindings[1:]
		if insert {
			rest = f.Bindings
		}
		f.Bindings = append([]authentiktest.Binding{{Stage: first}}, rest...)
	}) {
		t.Fatal("got no such flow at the stand-in, want it")
	}
}

func names() *authentiktest.IdentificationStage {
	return &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}
}

func TestCopy_AThousandFirstVisitorsAskAuthentikOnce(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	still := time.Now() // however long a thousand take on a busy machine
	s := newSite(t, func(c *Config) { c.Now = func() time.Time { return clock.since(still) } })
	handler := s.gate.Wrap(http.HandlerFunc(s.application))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example/.authentik/login", nil)
				if handler.ServeHTTP(w, r); !strings.Contains(w.Body.String(), "uid_field") {
					t.Errorf("got status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
	all.Wait()
	if n := s.authentik.Sessions(); n != 1 {
		t.Errorf("got %d sessions at authentik", n)
	}
	if n := s.authentik.Requests(); n > 3 { // the flow, and the brand once or twice
		t.Errorf("got %d requests to authentik", n)
	}
	clock.move(copyFor)
	s.warm(t)
	if n := s.authentik.Sessions(); n != 2 {
		t.Errorf("after ten seconds: got %d sessions at authentik", n)
	}
}

func TestCopy_VisitSignsIn(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"login", "both"} {
		s := newSite(t, func(c *Config) { c.Flow = flow })
		s.warm(t)
		p := s.person(t)
		page := p.open("/app?a=b")
		before := s.authentik.Sessions()
		if flow == "both" {
			page = p.send(page, "uid_field", "jane", "password", "wrong")
			page.says(t, "Failed to authenticate.")
			page.says(t, `value="jane"`)
			page = p.send(page, "uid_field", "jane", "password", "open sesame")
		} else {
			page = p.send(page, "uid_field", "jane")
			page = p.send(page, "password", "wrong")
			page.says(t, "Invalid password")
			page = p.send(page, "password", "open sesame")
		}
		if page.body != "hello jane" || page.path != "/app?a=b" || before != 1 || s.authentik.Sessions() != 2 {
			t.Errorf("%s: got status %d at %s, %d sessions before and %d after: %s", flow, page.status, page.path, before, s.authentik.Sessions(), page.body)
		}
	}
}

func TestCopy_ProgramSignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.program(t).ask("/.authentik/login")
	p := s.program(t)
	asked := p.ask("/.authentik/login?to=/app")
	if n := s.authentik.Sessions(); n != 1 {
		t.Fatalf("got %d sessions", n)
	}
	next := p.answer(p.answer(asked, `{"uid_field":"jane"}`), `{"password":"open sesame"}`)
	if !next.Done || next.To != "/app" {
		t.Fatalf("got status %d: %s", next.status, next.body)
	}
}

func TestCopy_RefusalIsNotShared(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.authentik.EditFlow("login", func(f *authentiktest.Flow) {
		f.Policies = []authentiktest.Policy{{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
			return !strings.Contains(r.HTTP.UserAgent(), "bad"), []string{"You are of bad repute."}, nil
		}}}
	})
	bad := func() screen {
		p := s.person(t)
		p.http.Transport = agent{p.http.Transport, "bad"}
		return p.open("/.authentik/login")
	}
	first := bad()
	first.says(t, "You are of bad repute.")
	page := s.person(t).open("/.authentik/login")
	page.says(t, "uid_field")
	page.lacks(t, "repute")
	// A copy is drawn for them too now, and their answer is refused.
	p := s.person(t)
	p.http.Transport = agent{p.http.Transport, "bad"}
	p.send(p.open("/.authentik/login"), "uid_field", "jane").says(t, "You are of bad repute.")
}

// An agent is a browser of another name.
type agent struct {
	http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.RoundTripper.RoundTrip(r)
}

// TestChallenges_WaitersForARefusalAskThemselves has many wait for one who is refused.

// placedStep is a step that has been kept and opened, so that its redirects know where authentik is.
// TestCopies_HaveFirstChallengesOfEveryRelease holds the list of members to what real servers send.
func TestCopy_IsForOneLanguageAndHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.PageHost, c.Hosts = true, []string{"a.example", "b.example"} })
	ask := func(host, language string) {
		p := s.person(t)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/.authentik/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Language", language)
		p.do(r)
	}
	want := 0
	for _, host := range []string{"a.example", "b.example"} {
		for _, language := range []string{"de", "en"} {
			want++
			for range 3 {
				ask(host, language)
			}
		}
	}
	if n := s.authentik.Sessions(); n != want {
		t.Errorf("got %d sessions at authentik, want one for each of %d", n, want)
	}
	for range 3 {
		ask("a.example", strings.Repeat("de,", 100)) // longer than what a copy is known by
		want++
	}
	if n := s.authentik.Sessions(); n != want {
		t.Errorf("got %d sessions at authentik, want %d", n, want)
	}
}

func TestCopy_VisitorWithADeviceUsesNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	p.post("/.authentik/logout", nil)
	if p.cookie("__Host-authentik_browser") == "" {
		t.Fatal("got no device cookie stored, want the browser remembered")
	}
	s.clock.move(copyFor)
	before := s.authentik.Sessions()
	p.open("/.authentik/login") // as the first, who leaves no copy
	s.warm(t)                   // who does
	p.open("/.authentik/login") // and is not drawn it
	if n := s.authentik.Sessions() - before; n != 3 {
		t.Errorf("got %d more sessions at authentik", n)
	}
	s.warm(t)
	if n := s.authentik.Sessions() - before; n != 3 {
		t.Errorf("got %d more sessions at authentik, want a copy served", n)
	}
}

func TestCopy_LastsTenSeconds(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	for i, move := range []time.Duration{copyFor - time.Second, 2 * time.Second, -time.Hour, 2 * time.Hour} {
		s.clock.move(move)
		s.warm(t)
		if n := s.authentik.Sessions(); n != 1+i {
			t.Fatalf("after moving the clock by %v authentik has %d sessions, want %d", move, n, 1+i)
		}
	}
}
