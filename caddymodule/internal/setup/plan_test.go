package setup

import (
	"strings"
	"testing"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// ours is an application as setup makes it.
func ours(slug string, provider *int) *admin.Application {
	app := &admin.Application{
		PK: "app", Slug: slug, Publisher: publisher, LaunchURL: "https://wiki.example.com/", PolicyMode: "any", Provider: provider,
	}
	return app
}

func binding(pk, key string, order int) admin.Binding {
	return admin.Binding{PK: pk, Target: "app", Group: &key, Enabled: true, Order: order}
}

func TestPlan_HasTheStepsToDo(t *testing.T) {
	t.Parallel()
	base := Wanted{URL: "https://auth.example.com", Site: "https://wiki.example.com", Groups: []string{"staff"}}
	keys := map[string]string{"staff": "s", "guests": "g"}
	for name, c := range map[string]struct {
		change func(*Wanted)
		state  State
		want   []string
		err    string
	}{
		"nothing there": {nil, State{}, []string{
			`create application "wiki" (Wiki)`, `bind group "staff"`, `give application "wiki" its slug`,
		}, ""},
		"nothing there, for everyone": {func(w *Wanted) { w.Groups, w.Everyone = nil, true }, State{}, []string{`create application "wiki"`}, ""},
		"all there":                   {nil, State{App: ours("wiki", nil), Bindings: []admin.Binding{binding("1", "s", bindingOrder)}}, nil, ""},
		"draft without binding": {nil, State{Draft: ours("setup-wiki", nil)}, []string{
			`bind group "staff"`, `give application "wiki" its slug`,
		}, ""},
		"complete, and a draft of another run": {nil, State{
			App: ours("wiki", nil), Draft: ours("setup-wiki", nil), Bindings: []admin.Binding{binding("1", "s", bindingOrder)},
		}, []string{`delete application "setup-wiki"`}, ""},
		"twice bound": {nil, State{App: ours("wiki", nil), Bindings: []admin.Binding{
			binding("2", "s", bindingOrder), binding("1", "s", bindingOrder),
		}}, []string{"remove the binding"}, ""},
		"bound by hand": {nil, State{App: ours("wiki", nil), Bindings: []admin.Binding{binding("1", "s", 0)}}, []string{`bind group "staff"`}, ""},
		"another group": {func(w *Wanted) { w.Groups = []string{"guests"} }, State{
			App: ours("wiki", nil), Bindings: []admin.Binding{binding("1", "s", bindingOrder)},
		}, []string{`bind group "guests"`, "remove the binding"}, ""},
		"publisher changed": {nil, State{App: &admin.Application{Slug: "wiki", Publisher: "ACME"}}, nil, "did not make"},
		"another site":      {nil, State{App: &admin.Application{Slug: "wiki", Publisher: publisher, LaunchURL: "https://x.example/"}}, nil, "another site"},
		"another site, moved": {func(w *Wanted) { w.Move = true }, State{
			App:      &admin.Application{Slug: "wiki", Publisher: publisher, LaunchURL: "https://x.example/", PolicyMode: "any"},
			Bindings: []admin.Binding{binding("1", "s", bindingOrder)},
		}, []string{`change application "wiki"`}, ""},
		"half set up": {func(w *Wanted) { w.OpenID = true }, State{}, nil, `no flow "default-invalidation-flow"`},
	} {
		w := base
		if c.change != nil {
			c.change(&w)
		}
		if err := w.Complete(); err != nil {
			t.Fatal(err)
		}
		c.state.GroupKeys, c.state.Known, c.state.Release = keys, true, admin.Newest
		p, err := Make(w, c.state)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || len(p.Steps) > 0 {
				t.Errorf("%s: got %v and %d steps, want an error with %q and none", name, err, len(p.Steps), c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
		var got []string
		for _, step := range p.Steps {
			got = append(got, step.Describe())
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.want[i]) {
				t.Errorf("%s: step %d: got %q, want %q", name, i+1, got[i], c.want[i])
			}
		}
	}
}

func TestWanted_MistakesSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		w    Wanted
		want string
	}{
		"no group or user":   {Wanted{URL: "https://a.example", Site: "https://b.example"}, "--everyone"},
		"both":               {Wanted{URL: "https://a.example", Site: "https://b.example", Groups: []string{"x"}, Everyone: true}, "contradict"},
		"no site":            {Wanted{URL: "https://a.example", Everyone: true}, "--site https://app.example.com"},
		"site with a path":   {Wanted{URL: "https://a.example", Site: "https://b.example/wiki", Everyone: true}, "write only scheme and host, such as https://b.example"},
		"no authentik":       {Wanted{Site: "https://b.example", Everyone: true}, "--url"},
		"reserved letters":   {Wanted{URL: "https://a.example", Site: "https://b.example", Slug: "a b", Everyone: true}, "--application"},
		"long slug":          {Wanted{URL: "https://a.example", Site: "https://b.example", Slug: strings.Repeat("a", 51), Everyone: true}, "shorter"},
		"public, no openid":  {Wanted{URL: "https://a.example", Site: "https://b.example", Public: true, Everyone: true}, "add --openid"},
		"redirect, session":  {Wanted{URL: "https://a.example", Site: "https://b.example", Login: "redirect", Everyone: true}, "add --openid"},
		"prefix with braces": {Wanted{URL: "https://a.example", Site: "https://b.example", Prefix: "/{x}", Everyone: true}, "--prefix"},
	} {
		if err := c.w.Complete(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	wrong := Wanted{URL: "https://a.example", Site: "b.example:8080", Everyone: true}
	if err := wrong.Complete(); err == nil || strings.Contains(err.Error(), "--application") {
		t.Errorf("got %v, want an error about the site only", err)
	}
	w := Wanted{URL: "https://a.example", Site: "HTTPS://Wiki.Example.com:8443/", Everyone: true}
	if err := w.Complete(); err != nil || w.Slug != "wiki" || w.Site != "https://wiki.example.com:8443" || w.Name != "Wiki" {
		t.Errorf("got %+v %v, want slug wiki", w, err)
	}
	long := Wanted{Slug: strings.Repeat("a", 50)}
	if got := long.draft(); len(got) > maxSlug || got == long.Slug {
		t.Errorf("got draft %q, want another slug of at most %d characters", got, maxSlug)
	}
}
