package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// TestFamily_NoCookieOfAnyGateReachesAnApplication has an application behind each
// of several gates on one host, and a browser with the sessions of all.
func TestFamily_NoCookieOfAnyGateReachesAnApplication(t *testing.T) {
	t.Parallel()
	family := new(Family)
	secret := seal.NewSecret().Cookie()
	configs := map[string]func(*Config){
		"plain":  nil,
		"a flow": func(c *Config) { c.Flow = "strong" },
		"a client": func(c *Config) {
			c.Application, c.OIDC = "app", OIDCConfig{ClientID: "x", ClientSecret: strings.Repeat("s", 40)}
		},
		"a domain":  func(c *Config) { c.Cookie.Domain = "example.com" },
		"a name":    func(c *Config) { c.Cookie.Name = "wiki_session" },
		"authentik": func(c *Config) { c.Cookie.Name = "authentik_admin" },
		"both":      func(c *Config) { c.Cookie.Name, c.Flow = "wiki_session", "strong" },
	}
	var gates []*Gate
	for _, change := range configs {
		cfg := Config{Client: silentAuthentik{}, Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), Family: family}
		if change != nil {
			change(&cfg)
		}
		cfg.Open = func(*http.Request) bool { return true }
		gates = append(gates, newGate(t, cfg))
	}
	for _, scheme := range []string{"http", "https"} {
		var sent []string
		for _, g := range gates {
			names := g.member.Shared.Cookies.Names(scheme)
			for _, name := range []string{names.Session, names.Visit, names.Browser, names.Relay, names.Arrivals} {
				sent = append(sent, name+"="+secret)
			}
		}
		sent = append(sent, "authentik_session=x", "authentik_csrf=x", "authentik_device=x", "authentik_mfa=x", "authentik_proxy_1a2b3c4d=x", "authentik_proxy=x",
			"__Secure-authentik_gate="+secret, "authentik_gate_abc234="+secret, "authentik_back0=x", "__Secure-authentik_back5=x",
			"__Host-authentik_user=x", "authentik_mailed=x")
		kept := []string{"theme=dark", "wiki_session=the application's own", "authentik_gateway=1", "authentik_proxying=3", "authentik_admin=the application's own", "my_authentik_gate=2", "authentik_gate_zu_lang=3"}
		for _, g := range gates {
			r := httptest.NewRequest(http.MethodGet, scheme+"://app.example.com/", nil)
			r.Header["Cookie"] = []string{strings.Join(sent, "; "), strings.Join(kept, "; ")}
			var got []string
			err := g.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error {
				got = r.Header["Cookie"]
				return nil
			})
			want := slices.DeleteFunc(slices.Clone(kept), func(pair string) bool { // its own name is its own, whatever the value
				return strings.HasPrefix(pair, g.member.Shared.Cookies.Names("http").Session+"=")
			})
			if err != nil || strings.Join(got, "; ") != strings.Join(want, "; ") {
				t.Errorf("%s: got %q, %v, want %q", scheme, got, err, want)
			}
		}
	}
}

// TestFamily_AMemberThatLeavesIsForgotten: a reload makes new gates.
func TestFamily_AMemberThatLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	family := new(Family)
	for range 3 {
		g, err := New(Config{
			Client: silentAuthentik{}, Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), Family: family,
			Lifetime: 48 * time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := family.members.Longest(time.Hour); got != 48*time.Hour {
			t.Errorf("got %v while it runs, want 48h", got)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if got := family.members.Longest(time.Hour); got != time.Hour {
			t.Errorf("got %v after Close, want 1h", got)
		}
	}
}

// TestFamily_AnEndLastsAsLongAsTheLongestSessionThatItHits has two gates on one
// authentik session, with lifetimes of an hour and of a week.
func TestFamily_AnEndLastsAsLongAsTheLongestSessionThatItHits(t *testing.T) {
	t.Parallel()
	family, c := new(Family), &clock{}
	short := newSessionGate(t, func(cfg *Config) { cfg.Family, cfg.Lifetime, cfg.Now = family, time.Hour, c.now })
	long := short.beside(func(cfg *Config) { cfg.Lifetime, cfg.Flow = 7*24*time.Hour, "other" })
	rec := recordOf(jane)
	rec.SID, rec.Until = "one", time.Now().Add(7*24*time.Hour)
	secret, _, err := startSession(t.Context(), long.Gate, rec, somewhere("app.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	spy := &untilStore{Store: short.sessions.Store}
	short.sessions.Store = spy
	if err := short.Operator().EndAuthentik(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if got := time.Until(spy.until); got < 6*24*time.Hour {
		t.Errorf("got a tombstone for %v, want one for a week", got)
	}
	if long.alive(secret.Cookie()) {
		t.Error("got the longer session alive, want it ended")
	}
}

// untilStore notes until when a name is revoked.
type untilStore struct {
	Store
	until time.Time
}

func (s *untilStore) Revoke(ctx context.Context, name string, until time.Time) error {
	if !until.IsZero() { // programs only need to be told
		s.until = until
	}
	return s.Store.Revoke(ctx, name, until)
}

// TestRealm_HasThePathOfAuthentik: two authentiks below two paths of one host are
// two.
func TestRealm_HasThePathOfAuthentik(t *testing.T) {
	t.Parallel()
	store, key := newStore(t), []byte(strings.Repeat("k", seal.MinKey))
	gate := func(address string) *Gate {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		client, err := flowclient.New(flowclient.Config{URL: u})
		if err != nil {
			t.Fatal(err)
		}
		return newGate(t, Config{Client: client, Store: store, Key: key})
	}
	staff, guests := gate("https://sso.example.com/staff/"), gate("https://sso.example.com/guests/")
	at := somewhere("app.example.com")
	secret, _, err := startSession(t.Context(), guests, recordOf(jane), at)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := findSession(t.Context(), staff, secret.Cookie(), at); s != nil || err != nil {
		t.Errorf("a session of guests at staff: got %v, %v, want none", s, err)
	}
	if s, err := findSession(t.Context(), guests, secret.Cookie(), at); s == nil || err != nil {
		t.Errorf("a session of guests at guests: got %v, %v, want it", s, err)
	}
}
