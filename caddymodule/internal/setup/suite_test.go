package setup

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest/adminapi"
)

// group is one that every new authentik has.
const group = "authentik Admins"

// A place is an authentik to set up.
type place struct {
	client *admin.Client
	url    string
	// api and server are the stand-in's, and nil at a real authentik.
	api    *adminapi.API
	server *authentiktest.Server
}

// standIn starts the stand-in with its API.
func standIn(t *testing.T, release authentiktest.Release) place {
	t.Helper()
	server, err := authentiktest.New(authentiktest.Config{
		Release: release, Tokens: map[string]string{"the-token": "akadmin", "clerks-token": "clerk"},
		Users: []authentiktest.User{
			{Username: "akadmin", Superuser: true, Groups: []string{group}},
			{Username: "clerk", Groups: []string{"clerks"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	api := adminapi.New(server)
	at := httptest.NewServer(api)
	t.Cleanup(at.Close)
	return place{newClient(t, at.URL, "the-token"), at.URL, api, server}
}

func newClient(t *testing.T, address, token string) *admin.Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &admin.Client{URL: u, Token: admin.Token(token), HTTP: &http.Client{Timeout: time.Minute, CheckRedirect: admin.NoRedirects}}
}

// A partial API leaves a field out of its answers to requests of a path.
type partial struct{ path, field string }

func (f partial) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || !strings.HasPrefix(req.URL.Path, "/api/v3/"+f.path) {
		return res, err
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	var answer map[string]any
	if json.Unmarshal(text, &answer) == nil {
		delete(answer, f.field)
		list, _ := answer["results"].([]any)
		for _, one := range list {
			delete(one.(map[string]any), f.field)
		}
		if text, err = json.Marshal(answer); err != nil {
			return nil, err
		}
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return res, nil
}

// wanted is what the tests ask for, under their own slug.
func wanted(t *testing.T, at place, change func(*Wanted)) Wanted {
	t.Helper()
	slug := "setup-test-" + strings.ToLower(rand.Text()[:8])
	w := Wanted{
		URL: at.url, Site: "https://" + slug + ".example.com", Slug: slug, Groups: []string{group},
		SecretFile: filepath.Join(t.TempDir(), "secret"), Fresh: rand.Text() + rand.Text(),
	}
	if change != nil {
		change(&w)
	}
	if err := w.Complete(); err != nil {
		t.Fatal(err)
	}
	return w
}

// carryOut carries a plan out and fails the test if it cannot.
func carryOut(t *testing.T, at place, w Wanted, plan Maker) (steps []string) {
	t.Helper()
	p, err := Carry(t.Context(), at.client, w, plan, func(s Step) { steps = append(steps, s.Describe()) })
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) > 0 {
		t.Fatalf("got %d steps left, first %q; want none", len(p.Steps), p.Steps[0].Describe())
	}
	return steps
}

// state reads what there is.
func state(t *testing.T, at place, w Wanted) State {
	t.Helper()
	s, err := Read(t.Context(), at.client, w)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tidy removes at the end what a test has made at a real authentik.
func tidy(t *testing.T, at place, w Wanted) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // t.Context has ended
		defer cancel()
		if _, err := Carry(ctx, at.client, removing(w), MakeRemoval, func(Step) {}); err != nil {
			t.Errorf("got error %v, want %s removed; delete it at authentik by hand", err, w.Slug)
		}
	})
}

func removing(w Wanted) Wanted {
	w.Groups, w.Everyone, w.OpenID, w.Removing = nil, true, false, true
	return w
}

// everywhere runs a test at each release of the stand-in, and at a real authentik
// if there is one.
func everywhere(t *testing.T, run func(*testing.T, place)) {
	t.Helper()
	for _, release := range authentiktest.Releases() {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			run(t, standIn(t, release))
		})
	}
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		address, token := os.Getenv("AUTHENTIK_URL"), os.Getenv("AUTHENTIK_TOKEN")
		if address == "" || token == "" {
			t.Skip("AUTHENTIK_URL and AUTHENTIK_TOKEN are not set: there is no authentik to set up")
		}
		run(t, place{client: newClient(t, address, token), url: address})
	})
}

func TestSetup_MakesWhatASiteNeedsAndRemovesIt(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, at place) {
		w := wanted(t, at, nil)
		tidy(t, at, w)
		carryOut(t, at, w, Make)
		s := state(t, at, w)
		if s.App == nil || s.Draft != nil || s.App.Publisher != publisher || s.App.LaunchURL != w.Site+"/" {
			t.Fatalf("got application %+v and draft %+v, want a complete application", s.App, s.Draft)
		}
		if len(s.Bindings) != 1 || s.Bindings[0].Whom() != "group "+group {
			t.Errorf("got bindings %+v, want one of group %s", s.Bindings, group)
		}
		if steps := carryOut(t, at, w, Make); len(steps) > 0 {
			t.Errorf("a second run: got steps %q, want none", steps)
		}
		carryOut(t, at, removing(w), MakeRemoval)
		if s := state(t, at, w); s.App != nil || s.Draft != nil || s.Named != nil {
			t.Errorf("after --remove: got %+v %+v %+v, want nothing", s.App, s.Draft, s.Named)
		}
	})
}

func TestSetup_MakesAProviderAndRemovesIt(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, at place) {
		w := wanted(t, at, func(w *Wanted) { w.OpenID, w.Login = true, "redirect" })
		tidy(t, at, w)
		carryOut(t, at, w, Make)
		s := state(t, at, w)
		if s.Named == nil || s.Named.ApplicationSlug != w.Slug || s.Named.ClientID != w.clientID() {
			t.Fatalf("got provider %+v, want one of application %s", s.Named, w.Slug)
		}
		if s.Secret != w.Fresh || s.Named.ClientSecret != "" && s.Named.ClientSecret != w.Fresh {
			t.Error("got another secret in the file or at authentik, want the new one in both")
		}
		hasLogout := strings.Contains(shown("redirect_uris", s.Named.Raw["redirect_uris"]), "/logout (logout)")
		if want := s.Release.Compare(admin.WithLogoutAddresses) >= 0; hasLogout != want {
			t.Errorf("got an address for logouts: %v, want %v at %s", hasLogout, want, s.Release)
		}
		if steps := carryOut(t, at, w, Make); len(steps) > 0 {
			t.Errorf("a second run: got steps %q, want none", steps)
		}
		session := w
		session.OpenID, session.Login = false, ""
		carryOut(t, at, session, Make)
		if s := state(t, at, session); s.Named != nil || s.App == nil || s.App.Provider != nil {
			t.Errorf("without --openid: got provider %+v and application %+v, want the application alone", s.Named, s.App)
		}
		carryOut(t, at, removing(w), MakeRemoval)
		if s := state(t, at, w); s.App != nil || s.Named != nil {
			t.Errorf("after --remove: got %+v %+v, want nothing", s.App, s.Named)
		}
	})
}

func TestSetup_DryRunChangesNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, at place) {
		w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
		_, p, err := Prepare(t.Context(), at.client, w, Make)
		if err != nil || len(p.Steps) < 4 {
			t.Fatalf("got %d steps and %v, want a plan", len(p.Steps), err)
		}
		if s := state(t, at, w); s.App != nil || s.Draft != nil || s.Named != nil || s.Secret != "" {
			t.Errorf("got %+v %+v %+v, want nothing", s.App, s.Draft, s.Named)
		}
	})
}
