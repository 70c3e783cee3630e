package setup

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A run that breaks off at any request leaves nothing that is open to every user,
// and the next run completes it.
func TestSetup_BrokenOffAndRunAgainEndsRight(t *testing.T) {
	t.Parallel()
	for n := int64(1); ; n++ {
		at := standIn(t, authentiktest.Release202608)
		w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
		var count atomic.Int64
		at.api.Before = func(r *http.Request) bool {
			if r.ContentLength == 2 { // only asks for rights
				return true
			}
			return count.Add(1) != n
		}
		_, err := Carry(t.Context(), at.client, w, Make, func(Step) {})
		if count.Load() < n {
			if n < 5 {
				t.Errorf("got %d requests that change something, want more", n-1)
			}
			return
		}
		if err == nil {
			t.Errorf("broken off at request %d: got no error", n)
		}
		s := state(t, at, w)
		if s.App != nil && len(s.Bindings) == 0 {
			t.Errorf("got an application open to every user after an end at request %d, want it closed", n)
		}
		carryOut(t, at, w, Make)
		s = state(t, at, w)
		if s.App == nil || s.Draft != nil || s.Named == nil || len(s.Bindings) != 1 || s.Secret != s.Named.ClientSecret {
			t.Errorf("broken off at request %d, run again: got %+v %+v %+v", n, s.App, s.Draft, s.Named)
		}
	}
}

func TestSetup_TwoAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	for _, openID := range []bool{false, true} {
		at := standIn(t, authentiktest.Release202608)
		w := wanted(t, at, func(w *Wanted) { w.OpenID = openID })
		var both sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			both.Go(func() {
				own := w
				own.SecretFile += fmt.Sprint(i)
				own.Fresh = strings.Repeat(fmt.Sprint(i), 40)
				_, errs[i] = Carry(t.Context(), at.client, own, Make, func(Step) {})
			})
		}
		both.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil { // another secret was kept than the one in this file
				failed++
				if !openID {
					t.Errorf("got %v, want no error", err)
				}
			}
		}
		if failed == len(errs) {
			t.Errorf("got %v, want one administrator at least to succeed", errs)
		}
		if !openID {
			carryOut(t, at, w, Make)
		}
		s := state(t, at, w)
		if s.App == nil || len(s.Bindings) == 0 {
			t.Fatalf("got %+v with bindings %+v, want a complete application", s.App, s.Bindings)
		}
	}
}

// TestSetup_GoesOnAfterAnotherAdministratorDeletesItsDraft has the application
// deleted after setup has read it, and before setup binds a group to it.
func TestSetup_GoesOnAfterAnotherAdministratorDeletesItsDraft(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	w := wanted(t, at, nil)
	var once sync.Once
	at.api.Before = func(r *http.Request) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/policies/bindings/") && r.ContentLength > 2 {
			once.Do(func() { must(t, at.client.RemoveApplication(r.Context(), w.draft())) })
		}
		return true
	}
	carryOut(t, at, w, Make)
	if s := state(t, at, w); s.App == nil || len(s.Bindings) != 1 {
		t.Errorf("got %+v with bindings %+v, want an application with one binding", s.App, s.Bindings)
	}
}

// forgetful answers every PATCH as if authentik had done it.
type forgetful struct{ patched int }

// RoundTrip implements [http.RoundTripper].
func (f *forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPatch || r.ContentLength == 1 { // only asks for rights
		return http.DefaultTransport.RoundTrip(r)
	}
	f.patched++
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "application/json")
	_, err := answer.WriteString("{}")
	return answer.Result(), err
}

func TestSetup_SaysThatAuthentikDoesNotKeepAChange(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	w := wanted(t, at, nil)
	carryOut(t, at, w, Make)
	must(t, at.client.ChangeApplication(t.Context(), w.Slug, admin.Fields{"policy_engine_mode": "all"}))
	var f forgetful
	at.client.HTTP.Transport = &f
	_, err := Carry(t.Context(), at.client, w, Make, func(Step) {})
	if err == nil || !strings.Contains(err.Error(), "does not keep what was changed") {
		t.Errorf("got %v, want that authentik does not keep what was changed", err)
	}
	if f.patched != unkept {
		t.Errorf("got %d tries, want %d", f.patched, unkept)
	}
}

func TestSetup_ForeignObjectsStopItBeforeAnyChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*testing.T, place, Wanted)
		want    string
	}{
		"application": {func(t *testing.T, at place, w Wanted) {
			_, err := at.client.AddApplication(t.Context(), admin.Fields{"name": "Theirs", "slug": w.Slug})
			must(t, err)
		}, "that setup did not make"},
		"application of another site": {func(t *testing.T, at place, w Wanted) {
			w.Site = "https://other.example.org"
			carryOut(t, at, w, Make)
		}, "for another site"},
		"provider with the client ID": {func(t *testing.T, at place, w Wanted) {
			addForeignProvider(t, at, "theirs", w.clientID())
		}, "has the client ID"},
		"provider at the application": {func(t *testing.T, at place, w Wanted) {
			session := w
			session.OpenID = false
			carryOut(t, at, session, Make)
			must(t, at.client.ChangeApplication(t.Context(), w.Slug, admin.Fields{"provider": addForeignProvider(t, at, "theirs", "theirs")}))
		}, "has a provider \"theirs\""},
		"provider of another application": {func(t *testing.T, at place, w Wanted) {
			_, err := at.client.AddApplication(t.Context(), admin.Fields{
				"name": "x", "slug": "elsewhere", "provider": addForeignProvider(t, at, w.providerName(), "theirs"),
			})
			must(t, err)
		}, "belongs to the application \"elsewhere\""},
		"no such group": {func(*testing.T, place, Wanted) {}, "has no group \"unknown\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := standIn(t, authentiktest.Release202608)
			w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
			c.prepare(t, at, w)
			if name == "no such group" {
				w.Groups = append(w.Groups, "unknown")
			}
			at.api.Before = func(r *http.Request) bool { t.Errorf("got %s %s, want no change", r.Method, r.URL.Path); return true }
			_, err := Carry(t.Context(), at.client, w, Make, func(Step) {})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func addForeignProvider(t *testing.T, at place, name, clientID string) int {
	t.Helper()
	flow, _, err := at.client.Flow(t.Context(), authorizationFlow)
	must(t, err)
	p, err := at.client.AddProvider(t.Context(), admin.Fields{
		"name": name, "client_id": clientID, "authorization_flow": flow.PK, "invalidation_flow": flow.PK, "redirect_uris": []any{},
	})
	must(t, err)
	return p.PK
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSetup_RemovalLeavesWhatItDidNotMake(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	w := wanted(t, at, nil)
	carryOut(t, at, w, Make)
	clerks, _, err := at.client.Group(t.Context(), "clerks")
	must(t, err)
	s := state(t, at, w)
	must(t, at.client.AddBinding(t.Context(), admin.Fields{"target": s.App.PK, "group": clerks.PK, "order": 0}))
	_, err = Carry(t.Context(), at.client, removing(w), MakeRemoval, func(Step) {})
	if err == nil || !strings.Contains(err.Error(), "group clerks") {
		t.Errorf("got %v, want an error about the binding of clerks", err)
	}
	if steps := carryOut(t, at, w, Make); len(steps) > 0 {
		t.Errorf("a run beside a binding made by hand: got %q, want no steps", steps)
	}
	foreign := wanted(t, at, nil)
	_, err = at.client.AddApplication(t.Context(), admin.Fields{"name": "Theirs", "slug": foreign.Slug})
	must(t, err)
	if _, err := Carry(t.Context(), at.client, removing(foreign), MakeRemoval, func(Step) {}); err == nil {
		t.Error("got no error for an application of another owner, want it left alone")
	}
}

func TestSetup_ChangesWhoMayPass(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	w := wanted(t, at, nil)
	carryOut(t, at, w, Make)
	w.Groups = []string{"clerks"}
	steps := carryOut(t, at, w, Make)
	if len(steps) != 2 || !strings.HasPrefix(steps[0], "bind") || !strings.HasPrefix(steps[1], "remove") {
		t.Errorf("got %q, want the new binding before the old one goes", steps)
	}
	s := state(t, at, w)
	must(t, at.client.ChangeBinding(t.Context(), s.Bindings[0].PK, admin.Fields{"negate": true}))
	if steps := carryOut(t, at, w, Make); len(steps) != 1 {
		t.Errorf("a negated binding: got %q, want it mended", steps)
	}
}

func TestSetup_NamesTheMissingRight(t *testing.T) {
	t.Parallel()
	all := []string{
		"authentik_core.view_application", "authentik_policies.view_policybinding", "authentik_core.view_group",
		"authentik_core.add_application", "authentik_policies.add_policybinding",
	}
	for i, missing := range all {
		at := standIn(t, authentiktest.Release202608)
		at.api.Rights["clerk"] = append(append([]string{}, all[:i]...), all[i+1:]...)
		client := newClient(t, at.url, "clerks-token")
		at.api.Before = func(r *http.Request) bool {
			if r.ContentLength != 2 {
				t.Errorf("without %s: got %s %s, want no change", missing, r.Method, r.URL.Path)
			}
			return true
		}
		w := wanted(t, at, nil)
		if missing == "authentik_policies.view_policybinding" {
			continue // asked for only once there is an application
		}
		_, err := Carry(t.Context(), client, w, Make, func(Step) {})
		var refused *admin.RefusedError
		if !errors.As(err, &refused) || refused.Right != missing || !strings.Contains(err.Error(), missing) {
			t.Errorf("got %v, want the missing right %s", err, missing)
		}
	}
}

// The right to change what exists is asked for before anything is changed.
func TestSetup_NamesTheMissingRightToChange(t *testing.T) {
	t.Parallel()
	rights := []string{
		"authentik_core.view_application", "authentik_policies.view_policybinding", "authentik_core.view_group",
		"authentik_core.add_application", "authentik_policies.add_policybinding", "authentik_policies.delete_policybinding",
		"authentik_providers_oauth2.view_oauth2provider", "authentik_flows.view_flow", "authentik_providers_oauth2.view_scopemapping",
		"authentik_crypto.view_certificatekeypair",
	}
	for name, c := range map[string]struct {
		change func(*testing.T, place, Wanted)
		want   string
	}{
		"application": {func(t *testing.T, at place, w Wanted) {
			must(t, at.client.ChangeApplication(t.Context(), w.Slug, admin.Fields{"policy_engine_mode": "all"}))
		}, "authentik_core.change_application"},
		"binding": {func(t *testing.T, at place, w Wanted) {
			must(t, at.client.ChangeBinding(t.Context(), state(t, at, w).Bindings[0].PK, admin.Fields{"enabled": false}))
		}, "authentik_policies.change_policybinding"},
		"provider": {func(t *testing.T, at place, w Wanted) {
			must(t, at.client.ChangeProvider(t.Context(), state(t, at, w).Named.PK, admin.Fields{"grant_types": []any{}}))
		}, "authentik_providers_oauth2.change_oauth2provider"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := standIn(t, authentiktest.Release202608)
			w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
			carryOut(t, at, w, Make)
			c.change(t, at, w)
			at.api.Rights["clerk"] = rights
			at.api.Before = func(r *http.Request) bool { t.Errorf("got %s %s, want no change", r.Method, r.URL.Path); return true }
			_, _, err := Prepare(t.Context(), newClient(t, at.url, "clerks-token"), w, Make)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want the missing right %s", err, c.want)
			}
			at.api.Before = nil
			at.api.Rights["clerk"] = append(slices.Clone(rights), c.want)
			carryOut(t, place{client: newClient(t, at.url, "clerks-token"), url: at.url}, w, Make)
		})
	}
}

// An application that is made under another name needs the right to change it.
// Whether the token has that right for an object that does not exist yet cannot be
// known, so that it is a note; and the next run completes what was broken off.
func TestSetup_DoubtsTheRightToFinish(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	_, err := at.client.AddApplication(t.Context(), admin.Fields{"name": "Theirs", "slug": "theirs"})
	must(t, err)
	at.api.Rights["clerk"] = []string{
		"authentik_core.view_application", "authentik_policies.view_policybinding", "authentik_core.view_group",
		"authentik_core.add_application", "authentik_policies.add_policybinding",
	}
	clerk := newClient(t, at.url, "clerks-token")
	w := wanted(t, at, nil)
	const right = "authentik_core.change_application"
	_, p, err := Prepare(t.Context(), clerk, w, Make)
	if err != nil || !strings.Contains(strings.Join(p.Notes, "\n"), right) {
		t.Errorf("got notes %q and %v, want one about %s", p.Notes, err, right)
	}
	_, err = Carry(t.Context(), clerk, w, Make, func(Step) {})
	if err == nil || !strings.Contains(err.Error(), right) || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("got %v, want the missing right %s and what to do", err, right)
	}
	if s := state(t, at, w); s.App != nil || s.Draft == nil {
		t.Errorf("got application %+v and draft %+v, want only a draft", s.App, s.Draft)
	}
	// Before anything is changed again, it is no doubt any more.
	at.api.Before = func(r *http.Request) bool { t.Errorf("got %s %s, want no change", r.Method, r.URL.Path); return true }
	if _, _, err = Prepare(t.Context(), clerk, w, Make); err == nil || !strings.Contains(err.Error(), right) {
		t.Errorf("got %v, want the missing right %s", err, right)
	}
	at.api.Before = nil
	at.api.Rights["clerk"] = append(at.api.Rights["clerk"], right)
	if _, p, err = Prepare(t.Context(), clerk, w, Make); err != nil || len(p.Notes) > 0 {
		t.Errorf("got notes %q and %v, want none", p.Notes, err)
	}
	if _, err = Carry(t.Context(), clerk, w, Make, func(Step) {}); err != nil {
		t.Errorf("with the right: got %v, want it completed", err)
	}
	if s := state(t, at, w); s.App == nil || s.Draft != nil || len(s.Bindings) != 1 {
		t.Errorf("got application %+v and draft %+v, want a complete application", s.App, s.Draft)
	}
}

func TestSetup_BadTokensAndAddresses(t *testing.T) {
	t.Parallel()
	at := standIn(t, authentiktest.Release202608)
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>hello</html>")
	}))
	t.Cleanup(html.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler(at.url, http.StatusFound))
	t.Cleanup(elsewhere.Close)
	for name, c := range map[string]struct{ address, token, want string }{
		"wrong token": {at.url, "nonsense-secret", "does not accept the token"},
		"HTML":        {html.URL, "nonsense-secret", "not authentik's API"},
		"redirect":    {elsewhere.URL, "nonsense-secret", "not authentik's API"},
		"down":        {"http://127.0.0.1:1", "nonsense-secret", "refused"},
	} {
		_, err := Carry(t.Context(), newClient(t, c.address, c.token), wanted(t, at, nil), Make, func(Step) {})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "nonsense-secret") {
			t.Errorf("%s: got %v, want an error with %q and without the token", name, err, c.want)
		}
	}
}

// versioned is the stand-in with another version.
func versioned(t *testing.T, version string) place {
	t.Helper()
	at := standIn(t, authentiktest.Release202608)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/admin/version/") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"version_current": %q}`, version)
			return
		}
		at.api.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return place{newClient(t, front.URL, "the-token"), front.URL, at.api, at.server}
}

// A release whose API lacks a field that all known ones have either makes no
// difference, or stops the command with an error that says so. No application is
// ever open to every user.
func TestSetup_SaysWhichFieldIsMissing(t *testing.T) {
	t.Parallel()
	for path, fields := range map[string][]string{
		"admin/version/":                  {"version_current"},
		"core/applications/":              {"pk", "slug", "name", "provider", "provider_obj", "meta_launch_url", "meta_publisher", "policy_engine_mode"},
		"providers/oauth2/":               {"pk", "name", "client_id", "client_secret", "assigned_application_slug", "redirect_uris", "signing_key", "grant_types"},
		"policies/bindings/":              {"pk", "target", "group", "user", "policy", "enabled", "negate", "order", "group_obj"},
		"core/groups/":                    {"pk", "name"},
		"flows/instances/":                {"pk", "slug", "designation"},
		"propertymappings/provider/scope": {"pk", "managed", "scope_name"},
		"crypto/certificatekeypairs/":     {"pk", "name"},
	} {
		for _, field := range fields {
			at := standIn(t, authentiktest.Release202608)
			w := wanted(t, at, func(w *Wanted) { w.OpenID = true })
			whole := at.client.HTTP.Transport
			for _, plan := range []Maker{Make, Make, MakeRemoval} {
				asked := w
				if reflect.ValueOf(plan).Pointer() == reflect.ValueOf(MakeRemoval).Pointer() {
					at.client.HTTP.Transport = whole
					carryOut(t, at, w, Make) // something to remove
					asked = removing(w)
				}
				at.client.HTTP.Transport = partial{path, field}
				_, err := Carry(t.Context(), at.client, asked, plan, func(Step) {})
				if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("has no field %q", field)) {
					t.Errorf("%s without %s: got %v, want an error about the field, or none", path, field, err)
				}
				at.client.HTTP.Transport = whole
				if s := state(t, at, w); s.App != nil && len(s.Bindings) == 0 {
					t.Errorf("%s without %s: got an application that is open to every user", path, field)
				}
			}
		}
	}
}

func TestSetup_OldReleasesAreRefusedAndNewOnesWarnedOf(t *testing.T) {
	t.Parallel()
	old := versioned(t, "2025.8.4")
	if _, _, err := Prepare(t.Context(), old.client, wanted(t, old, nil), Make); err == nil || !strings.Contains(err.Error(), "2025.10 or newer") {
		t.Errorf("2025.8: got %v, want it refused", err)
	}
	for version, warned := range map[string]bool{"2026.8.7": false, "2026.11.0": true, "2027.2.0-rc1": true, "dev": true} {
		at := versioned(t, version)
		_, p, err := Prepare(t.Context(), at.client, wanted(t, at, nil), Make)
		if err != nil {
			t.Errorf("%s: got error %v, want none", version, err)
		}
		if got := strings.Contains(strings.Join(p.Notes, ""), "newest"); got != warned {
			t.Errorf("%s: got a warning: %v, want %v", version, got, warned)
		}
	}
}
