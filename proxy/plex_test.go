package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy/plex"
)

// theToken is what Plex gives for a person. Only authentik may see it.
const theToken = "pLeXtOkEn-0123456789"

// A fakePlex stands in for plex.tv.
type fakePlex struct {
	mu       sync.Mutex
	requests int
	claimed  bool
	over     bool
	down     bool
	answer   string // instead of a PIN
}

func (f *fakePlex) set(change func(*fakePlex)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakePlex) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

func (f *fakePlex) at(t testing.TB) plex.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return plex.NewAt(server.URL, nil)
}

func (f *fakePlex) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	pin := map[string]any{"id": 4711, "code": "x7y8z9"}
	switch {
	case f.down:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, theToken)
		return
	case f.over:
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Header.Get("X-Plex-Client-Identifier") != "plex-client" || r.Header.Get("Accept") != "application/json":
		w.WriteHeader(http.StatusBadRequest)
		return
	case r.Method == http.MethodPost && r.URL.Path == "/api/v2/pins.json" && r.URL.RawQuery == "strong=true":
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodGet && r.URL.Path == "/api/v2/pins/4711":
		pin["authToken"] = nil
		if f.claimed {
			pin["authToken"] = theToken
		}
	default:
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if f.answer != "" {
		_, _ = io.WriteString(w, f.answer)
		return
	}
	_ = json.NewEncoder(w).Encode(pin)
}

// plexSource redeems theToken. Without redeem authentik cannot reach Plex.
func plexSource(redeem func(string) (authentiktest.Person, bool)) authentiktest.Source {
	return authentiktest.Source{Slug: "plex", Name: "Plex", Kind: authentiktest.SourcePlex, ClientID: "plex-client", Redeem: redeem}
}

func plexPerson(token string) (authentiktest.Person, bool) {
	return authentiktest.Person{ID: "1", Username: "plexer", Name: "Plex Er"}, token == theToken
}

func TestPlex_SignsInOnTheGatesPage(t *testing.T) {
	t.Parallel()
	plex, log := &fakePlex{}, new(logbook)
	s := newSiteOf(t, withSources(plexSource(plexPerson)), func(c *Config) {
		c.Plex, c.Logger = plex.at(t), slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	p := s.person(t)
	first := p.open("/app")
	if plex.asked() != 0 {
		t.Error("got a request to Plex before a visitor chose it, want none")
	}
	page := p.send(first, "source", "0")
	page.says(t, `href="https://app.plex.tv/auth#!?clientID=plex-client&amp;code=x7y8z9" target="_blank" rel="noreferrer"`)
	page = p.send(page, "on", "1")
	page.says(t, "Plex has not confirmed your sign-in yet.")
	if told := p.send(page, "poll", "1"); !strings.Contains(told.body, `"wait"`) {
		t.Errorf("got %s", told.body)
	}

	plex.set(func(f *fakePlex) { f.claimed = true })
	s.clock.move(2 * time.Second)
	told := p.send(page, "poll", "1")
	if !strings.Contains(told.body, `"answer"`) {
		t.Errorf("got %s", told.body)
	}
	end := p.send(page, "on", "1")
	end.says(t, "hello plexer")
	for _, text := range []string{first.body, page.body, told.body, end.body, log.String()} {
		if strings.Contains(text, theToken) {
			t.Errorf("got the token in clear text, want it sealed:\n%s", text)
		}
	}
}

// TestPlex_DoubleClickAsksOnce: each PIN would be another one.
func TestPlex_DoubleClickAsksOnce(t *testing.T) {
	t.Parallel()
	plex := &fakePlex{}
	s := newSiteOf(t, withSources(plexSource(plexPerson)), func(c *Config) { c.Plex = plex.at(t) })
	p := s.person(t)
	page := p.open("/app")
	for range 3 {
		p.send(page, "source", "0").says(t, "x7y8z9")
	}
	if plex.asked() != 1 {
		t.Errorf("got %d requests to Plex, want 1", plex.asked())
	}
}

func TestPlex_EveryFailureHasASentence(t *testing.T) {
	t.Parallel()
	denies := func(string) (authentiktest.Person, bool) { return authentiktest.Person{}, false }
	for name, row := range map[string]struct {
		redeem  func(string) (authentiktest.Person, bool)
		before  func(*fakePlex)
		between func(*fakePlex)
		want    string
	}{
		"Plex is down":                {plexPerson, func(f *fakePlex) { f.down = true }, nil, "Plex cannot be reached right now."},
		"Plex gives no number":        {plexPerson, func(f *fakePlex) { f.answer = `{"id":"4711","code":"x7y8z9"}` }, nil, "Plex cannot be reached right now."},
		"Plex gives a strange code":   {plexPerson, func(f *fakePlex) { f.answer = `{"id":1,"code":"\"><script>"}` }, nil, "Plex cannot be reached right now."},
		"Plex talks forever":          {plexPerson, func(f *fakePlex) { f.answer = `{"x":"` + strings.Repeat("x", 64<<10) + `","id":1,"code":"abcd"}` }, nil, "Plex cannot be reached right now."},
		"Plex goes down":              {plexPerson, nil, func(f *fakePlex) { f.down = true }, "Plex cannot be reached right now."},
		"the PIN is over":             {plexPerson, nil, func(f *fakePlex) { f.over = true }, "Signing in at Plex took too long."},
		"authentik does not want him": {denies, nil, func(f *fakePlex) { f.claimed = true }, "You cannot sign in with this Plex account."},
		"authentik cannot ask Plex":   {nil, nil, func(f *fakePlex) { f.claimed = true }, "Your Plex account could not be checked."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plex, log := &fakePlex{}, new(logbook)
			s := newSiteOf(t, withSources(plexSource(row.redeem)), func(c *Config) {
				c.Plex, c.Logger = plex.at(t), slog.New(slog.NewTextHandler(log, nil))
			})
			if row.before != nil {
				plex.set(row.before)
			}
			p := s.person(t)
			page := p.send(p.open("/app"), "source", "0")
			if row.between != nil {
				plex.set(row.between)
				page = p.send(page, "on", "1")
			}
			page.says(t, row.want)
			page.lacks(t, theToken)
			if strings.Contains(log.String(), theToken) {
				t.Error("got the token in the log, want no secret")
			}
			if page.status != http.StatusOK {
				t.Errorf("got status %d", page.status)
			}
		})
	}
}

func TestPlex_WithoutAClientLeadsToAuthentik(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(plexSource(plexPerson)), nil) // NoPlex
	p := s.person(t)
	p.send(p.open("/app"), "source", "0").says(t, "To sign in with Plex, continue at ")
	if _, err := (plex.None{}).Token(t.Context(), "c", plex.PIN{}); !errors.Is(err, plex.ErrNotAsked) {
		t.Errorf("got error %v, want %v", err, plex.ErrNotAsked)
	}
}

func TestPlex_TokenFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var followed bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed = true
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	if _, err := plex.NewAt(server.URL, nil).PIN(t.Context(), "plex-client"); err == nil || followed {
		t.Errorf("got followed %v, error %v, want an error", followed, err)
	}
}

// TestPlex_AddressEscapesTheClientID holds names that would be more than names.
func TestPlex_AddressEscapesTheClientID(t *testing.T) {
	t.Parallel()
	for client, want := range map[string]string{
		"abc":     "https://app.plex.tv/auth#!?clientID=abc&code=d4",
		"a&b=c#d": "https://app.plex.tv/auth#!?clientID=a%26b%3Dc%23d&code=d4",
		"a b":     "https://app.plex.tv/auth#!?clientID=a%20b&code=d4",
	} {
		if got := plex.Page(client, plex.PIN{ID: 1, Code: "d4"}); got != want {
			t.Errorf("%q: got %s, want %s", client, got, want)
		}
	}
}
