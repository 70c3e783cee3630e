package authentiktest

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestInvitation_SingleUseWorksOnce(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{Flows: []Flow{flowOf("join", &InvitationStage{}, dummy("in"))}})
	once := s.AddInvitation(Invitation{SingleUse: true})
	often := s.AddInvitation(Invitation{})
	come := func(i Invitation) object {
		return browse(t, browser.base).do(http.MethodGet, executor("join")+"itoken%3D"+i.Token, "")
	}
	want(t, come(once), "component", "ak-stage-dummy")
	want(t, come(once), "component", "ak-stage-access-denied")
	want(t, come(often), "component", "ak-stage-dummy")
	want(t, come(often), "component", "ak-stage-dummy")
}

func TestInvitation_ExpiresInNewReleasesOnly(t *testing.T) {
	t.Parallel()
	for release, component := range map[Release]string{
		Release202510: "ak-stage-dummy", Release202605: "ak-stage-access-denied",
	} {
		clock := newClock()
		s, browser := serve(t, Config{
			Release: release, Now: clock.now, Flows: []Flow{flowOf("join", &InvitationStage{}, dummy("in"))},
		})
		i := s.AddInvitation(Invitation{Expires: clock.now().Add(time.Hour)})
		clock.pass(time.Hour)
		want(t, browser.do(http.MethodGet, executor("join")+"itoken%3D"+i.Token, ""), "component", component)
	}
}

func TestInvitation_TokenMayComeFromAField(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{Flows: []Flow{
		flowOf("join", &PromptStage{Fields: []Field{{Key: "token", Label: "Token"}}}, &InvitationStage{}, dummy("in")),
	}})
	i := s.AddInvitation(Invitation{})
	browser.do(http.MethodGet, executor("join"), "")
	want(t, browser.do(http.MethodPost, executor("join"), `{"token": "`+i.Token+`"}`), "component", "ak-stage-dummy")
}

// writing is a form for these fields, and the stage that writes them.
func writing(slug string, stage *UserWriteStage, keys ...string) Flow {
	form := &PromptStage{}
	for _, key := range keys {
		form.Fields = append(form.Fields, Field{Key: key, Label: key, Optional: true})
	}
	return flowOf(slug, form, stage, dummy("written"))
}

func TestUserWriteStage_IncompleteDataIsRefused(t *testing.T) {
	t.Parallel()
	_, browser := serve(t, Config{Users: people("lg-there"), Flows: []Flow{
		flowOf("nothing", &UserWriteStage{}),
		writing("never", &UserWriteStage{Creation: CreateNever}, "username"),
		writing("new", &UserWriteStage{}, "username", "name"),
	}})
	write := func(slug, answer string) object {
		c := browse(t, browser.base)
		c.do(http.MethodGet, executor(slug), "")
		return c.do(http.MethodPost, executor(slug), answer)
	}
	want(t, write("nothing", `{}`), "error_message", "No Pending data.")
	want(t, write("never", `{"username": "x"}`), "error_message", "No user found and can't create new user.")
	want(t, write("new", `{"name": "Nameless"}`), "error_message", "Unknown error")
	want(t, write("new", `{"username": "lg-there"}`), "error_message", "Failed to update user. Please try again later.")
	want(t, write("new", `{"username": "lg-new"}`), "component", "ak-stage-dummy")
}

func TestUserWriteStage_CreatesUsersAsConfigured(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{Flows: []Flow{
		writing("plain", &UserWriteStage{}, "username"),
		writing("told", &UserWriteStage{Active: true, Type: "internal", Group: "joined"}, "username", "attributes.a.b", "secret"),
	}})
	for slug, answer := range map[string]string{
		"plain": `{"username": "lg-plain"}`,
		"told":  `{"username": "lg-told", "attributes.a.b": "c", "secret": "x"}`,
	} {
		c := browse(t, browser.base)
		c.do(http.MethodGet, executor(slug), "")
		want(t, c.do(http.MethodPost, executor(slug), answer), "component", "ak-stage-dummy")
	}
	if u, found := s.User("lg-plain"); !found || !u.Inactive || u.Type != "external" {
		t.Errorf("got the user %+v by default", u)
	}
	u, _ := s.User("lg-told")
	if u.Inactive || u.Type != "internal" || !slices.Contains(u.Groups, "joined") {
		t.Errorf("got the user %+v", u)
	}
	inner, _ := u.Attributes["a"].(object)
	if inner["b"] != "c" || len(u.Attributes) != 1 {
		t.Errorf("got attributes %v", u.Attributes)
	}
}

func TestUserWriteStage_DoesNotChangeCopiesOfAUser(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{
		Users: []User{{Username: "lg-a", Password: goodPassword, Attributes: object{"a": object{"kept": "yes"}}}},
		Flows: []Flow{flowOf("in", askBoth(), &PromptStage{Fields: []Field{{Key: "attributes_a_new", Label: "New"}}}, &UserWriteStage{}, dummy("x"))},
	})
	before, _ := s.User("lg-a")
	browser.do(http.MethodGet, executor("in"), "")
	browser.login("in", "lg-a")
	want(t, browser.do(http.MethodPost, executor("in"), `{"attributes_a_new": "v"}`), "component", "ak-stage-dummy")
	after, _ := s.User("lg-a")
	if inner, _ := before.Attributes["a"].(object); len(inner) != 1 {
		t.Errorf("got the copy changed to %v, want it unchanged", inner)
	}
	if inner, _ := after.Attributes["a"].(object); inner["new"] != "v" || inner["kept"] != "yes" {
		t.Errorf("got attributes %v", after.Attributes)
	}
}

func TestUserWriteStage_KeepsConcurrentChanges(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{Users: people("lg-a"), Flows: []Flow{
		flowOf("in", askBoth(), &PromptStage{Fields: []Field{{Key: "name", Label: "Name"}}}, &UserWriteStage{}, dummy("x")),
	}})
	browser.do(http.MethodGet, executor("in"), "")
	browser.login("in", "lg-a")
	s.EditUser("lg-a", func(u *User) { u.Email = "new@example.com" })
	want(t, browser.do(http.MethodPost, executor("in"), `{"name": "New"}`), "component", "ak-stage-dummy")
	if u, _ := s.User("lg-a"); u.Name != "New" || u.Email != "new@example.com" {
		t.Errorf("got the user %+v", u)
	}
}

func TestUserDeleteStage_NeedsAUser(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{Users: people("lg-gone"), Flows: []Flow{
		flowOf("anonymous", &UserDeleteStage{}), flowOf("leave", ask(), &UserDeleteStage{}),
	}})
	want(t, browser.do(http.MethodGet, executor("anonymous"), ""), "error_message", "No Pending User.")
	browser.do(http.MethodGet, executor("leave"), "")
	want(t, browser.do(http.MethodPost, executor("leave"), `{"uid_field": "lg-gone"}`), "component", "xak-flow-redirect")
	if _, found := s.User("lg-gone"); found {
		t.Error("got the user kept, want it deleted")
	}
}

func TestRedirectStage_NeedsATarget(t *testing.T) {
	t.Parallel()
	closed := flowOf("closed", dummy("x"))
	closed.Authentication = RequireAuthenticated
	lost := flowOf("lost", &RedirectStage{To: "/fallback"})
	lost.Bindings[0].Policies = writes(func(r *PolicyRequest) { r.Context[contextTarget] = "ak-flow://missing" })
	address := flowOf("address", &RedirectStage{To: "/fallback"})
	address.Bindings[0].Policies = writes(func(r *PolicyRequest) { r.Context[contextTarget] = "https://example.org/" })
	_, browser := serve(t, Config{Flows: []Flow{
		flowOf("none", &RedirectStage{}), flowOf("gone", &RedirectStage{Flow: "missing"}),
		flowOf("to-closed", &RedirectStage{Flow: "closed"}), closed, lost, address,
	}})
	for slug, component := range map[string]string{
		"none": "ak-stage-access-denied", "gone": "ak-stage-access-denied", "to-closed": "ak-stage-access-denied",
	} {
		want(t, browse(t, browser.base).do(http.MethodGet, executor(slug), ""), "component", component)
	}
	for slug, to := range map[string]string{"lost": "/fallback", "address": "https://example.org/"} {
		want(t, browse(t, browser.base).do(http.MethodGet, executor(slug), ""), "to", to)
	}
}

func TestRedirectStage_ChallengeHasItsTarget(t *testing.T) {
	t.Parallel()
	_, browser := serve(t, Config{Flows: []Flow{flowOf("on", &RedirectStage{To: "/there"}, dummy("x"))}})
	browser.do(http.MethodGet, executor("on"), "")
	got := browser.do(http.MethodPost, executor("on"), `{}`)
	want(t, got, "component", "xak-flow-redirect", "to", "/there")
	if errs, _ := got["response_errors"].(object); errs["to"] == nil {
		t.Errorf("got no error of the field: %v", got)
	}
}
