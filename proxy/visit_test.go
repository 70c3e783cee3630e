package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// FuzzLocalPath reads the result as a browser does, on a page of this site.
func TestWayBack_IsNeverTheSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, to := range []string{"/.authentik/login", "/.authentik/login?to=%2F", "/.authentik/logout", "/.authentik", "/%2eauthentik/x"} {
		if got := exchangeAt(s.gate, httptest.NewRequest(http.MethodGet, "/", nil), s.place()).WayBack(to); got != "/" {
			t.Errorf("%q: got the way back %q, want /", to, got)
		}
	}
}

// TestWayBack_ServesAWaitingFrame, and to nothing that only looks like it.
func TestWayBack_ServesAWaitingFrame(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for to, want := range map[string]string{
		"/.authentik/framed": "/.authentik/framed", "/.authentik/framed#x": "/.authentik/framed",
		"/.authentik/framed?x=1": "/", "/.authentik/framed/": "/", "/.authentik/framed/../login": "/", "/.authentik//framed": "/",
		"/%2eauthentik/framed": "/", "//app/.authentik/framed": "/", "/.authentik/framed\\": "/", "/.authentik/Framed": "/",
	} {
		if got := exchangeAt(s.gate, httptest.NewRequest(http.MethodGet, "/", nil), s.place()).WayBack(to); got != want {
			t.Errorf("%q leads back to %q, want %q", to, got, want)
		}
	}
}

func TestVisit_ForgedOneIsRefused(t *testing.T) {
	t.Parallel()
	g, _ := held(t, func(c *Config) { c.Flow = "login" }, session.Record{})
	at := somewhere("app.example.com")
	browser := seal.NewSecret()
	challenge, err := flowclient.Decode([]byte(`{"component":"ak-stage-dummy","name":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	good := signin.Visit{
		Begun: time.Now(), Back: "/", First: flowclient.Flow{Slug: "login"},
		Step: flowclient.Step{Flow: flowclient.Flow{Slug: "login"}, Challenge: challenge},
	}
	open := func(change func(*signin.Visit)) error {
		v := good
		change(&v)
		sealed, err := exchangeAt(g, httptest.NewRequest(http.MethodGet, "/", nil), at).Box(seal.KindVisit, browser).SealText(v)
		if err != nil {
			t.Fatal(err)
		}
		_, err = openVisit(g, browser, at, sealed)
		return err
	}
	if err := open(func(*signin.Visit) {}); err != nil {
		t.Fatalf("got error %v for a good visit, want it opened", err)
	}
	for name, change := range map[string]func(*signin.Visit){
		"slug that climbs":   func(v *signin.Visit) { v.Step.Flow.Slug = "../../core/users" },
		"no slug":            func(v *signin.Visit) { v.Step.Flow.Slug = "" },
		"way back elsewhere": func(v *signin.Visit) { v.Back = "//evil.example" },
		"too old":            func(v *signin.Visit) { v.Begun = v.Begun.Add(-signin.VisitLife - time.Minute) },
		"from the future":    func(v *signin.Visit) { v.Begun = v.Begun.Add(2 * signin.VisitLife) },
	} {
		if err := open(change); err == nil {
			t.Errorf("%s: got the visit opened, want it refused", name)
		}
	}
}

func TestVisit_SealedWithOnlyTheBrowsersSecretIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	page := p.open("/")
	browser, ok := seal.ParseSecret(p.cookie("__Host-authentik_visit"))
	if !ok {
		t.Fatal("got no visit cookie, want one")
	}
	at := Resolved{Scheme: "https", Host: strings.TrimPrefix(s.URL, "https://")}
	vis, err := openVisit(s.gate, browser, at, page.fields().Get("visit"))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := ring('x').Box(seal.KindVisit, s.gate.sessions.Realm(at.Host), browser).SealText(vis)
	if err != nil {
		t.Fatal(err)
	}
	form := page.fields()
	form.Set("visit", forged)
	form.Set("uid_field", "jane")
	if got := p.post("/.authentik/login", form); got.status != http.StatusBadRequest {
		t.Fatalf("got status %d", got.status)
	}
}

// FuzzProceed sends forms of every kind: no form signs a user in, and nothing
// breaks.
func FuzzProceed(f *testing.F) {
	s := newSite(f, nil)
	for _, seed := range []string{"visit=x&to=//evil", "visit=&again=1", "on=1&flow=recovery", "%zz", "to=%0d%0a", "uid_field=a;b"} {
		f.Add(seed, "__Host-authentik_visit="+seal.NewSecret().Cookie())
	}
	f.Fuzz(func(t *testing.T, body, cookie string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/.authentik/login", strings.NewReader(body))
		r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		r.Header["Cookie"] = []string{cookie}
		w := httptest.NewRecorder()
		err := s.gate.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return errors.New("reached") })
		if err != nil || w.Code < 400 {
			t.Fatalf("got %v, status %d, want an error status", err, w.Code)
		}
	})
}

func TestVisit_PageFromBeforeAnotherSignInIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	old := p.send(p.open("/"), "uid_field", "joe")
	p.signIn("jane", "open sesame", "/")
	p.post("/.authentik/logout", nil)
	if page := p.send(old, "password", "let me in"); page.status != http.StatusBadRequest {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
}

func ring(b byte) seal.Key { return seal.NewKey(bytes.Repeat([]byte{b}, seal.MinKey)) }
