package flowclient

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func api(t testing.TB, release, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/api/" + release + "/" + name + ".json") //nolint:gosec // Test data.
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestUser_UnusualNamesAreUnchanged(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		f := newFake(t, says(api(t, release, "me-odd")))
		u, err := f.client().User(t.Context(), holding("a", true))
		if err != nil {
			t.Fatal(err)
		}
		if u.Username != "oi-odd" || u.Name != "Zoë \"Zed\" O'Brien\nsecond line | ; , 李 😀" || !u.Active || u.Superuser || len(u.Groups) != 10 {
			t.Errorf("%s: got %q with %d groups", release, u.Name, len(u.Groups))
		}
		if u.Groups[0].Name != "oi- <b>html</b> &amp;" || u.Groups[0].PK == "" || u.PK == 0 || len(u.UID) != 64 || u.Type != "internal" {
			t.Errorf("%s: got %+v", release, u)
		}
		if len(u.Raw) == 0 || u.Original != nil || f.seen(0).method != http.MethodGet || f.seen(0).uri != "/api/v3/core/users/me/" {
			t.Errorf("%s: got a request for %s, want users/me", release, f.seen(0).uri)
		}
	}
}

func TestUser_MayBeInManyGroups(t *testing.T) {
	t.Parallel()
	groups := strings.Repeat(`{"pk":"p","name":"g"},`, 300)
	f := newFake(t, says(`{"user":{"pk":"7","username":"u","uid":"x","is_active":true,"groups":[`+groups+`3,null],"attributes":{"a":[1]},"settings":{"locale":"de"}}}`))
	u, err := f.client().User(t.Context(), holding("a", true))
	if err != nil || len(u.Groups) != 300 || u.PK != 7 || u.Settings["locale"] != "de" || u.Attributes["a"] == nil {
		t.Errorf("got %d groups, %v, want 300", len(u.Groups), err)
	}
}

func TestUser_HasTheImpersonator(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		u, err := newFake(t, says(api(t, release, "me-impersonated"))).client().User(t.Context(), holding("a", true))
		if err != nil || u.Username != "oi-alice" || u.Original == nil || u.Original.Username != "oi-root" || !u.Original.Superuser {
			t.Errorf("%s: got %v, %v, want oi-alice by oi-root", release, u.Username, err)
		}
	}
}

func TestUser_OnlyAuthentikSaysUnauthenticated(t *testing.T) {
	t.Parallel()
	detail := api(t, "2026.5", "me-nobody")
	gone := `authentik_session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/`
	for name, c := range map[string]struct {
		reply           http.HandlerFunc
		unauthenticated bool
	}{
		"refused in JSON":              {fails(http.StatusForbidden, detail), true},
		"refused in another language":  {fails(http.StatusForbidden, `{"detail":"Anmeldedaten fehlen."}`), true},
		"401":                          {fails(http.StatusUnauthorized, detail), true},
		"ended meanwhile":              {fails(http.StatusBadRequest, ""), true},
		"bound to another network":     {sends("/flows/-/default/authentication/?next=/api/v3/core/users/me/", gone), true},
		"a firewall's refusal":         {unmarked(fails(http.StatusForbidden, "<h1>Blocked</h1>")), false},
		"a proxy's refusal in JSON":    {unmarked(fails(http.StatusForbidden, `{"detail":"no"}`)), false},
		"a proxy's bad request":        {unmarked(fails(http.StatusBadRequest, "")), false},
		"a redirect to somewhere else": {sends("https://sso.example.org/"), false},
		"a redirect within authentik":  {sends("/if/user/"), false},
		"broken":                       {fails(http.StatusInternalServerError, detail), false},
		"HTML":                         {says("<html>"), false},
		"no user":                      {says(`{}`), false},
		"a user without a name":        {says(`{"user":{"pk":1,"uid":"x","username":""}}`), false},
		"a user without lasting name":  {says(`{"user":{"pk":1,"username":"x"}}`), false},
		"a user of another type":       {says(`{"user":{"pk":1,"username":["x"],"uid":"y"}}`), false},
		"a nameless impersonator":      {says(`{"user":{"username":"x","uid":"y"},"original":{}}`), false},
	} {
		u, err := newFake(t, c.reply).client().User(t.Context(), holding("a", true))
		if err == nil || u.Username != "" {
			t.Errorf("%s: got user %q, want an error", name, u.Username)
			continue
		}
		var ue *UnexpectedError
		if errors.Is(err, ErrUnauthenticated) != c.unauthenticated || errors.As(err, &ue) == c.unauthenticated {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAccess_IsWhatAuthentikAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		want  Access
		err   error
	}{
		"yes":             {says(`{"passing": true, "messages": [], "log_messages": []}`), Access{Passing: true}, nil},
		"no, with words":  {says(`{"passing":false,"messages":["Only on Sundays, <b>sorry</b>."]}`), Access{Messages: []string{"Only on Sundays, <b>sorry</b>."}}, nil},
		"odd":             {says(`{"passing":"true"}`), Access{}, nil},
		"unknown":         {fails(http.StatusNotFound, api(t, "2026.5", "access-unknown")), Access{}, ErrApplicationNotFound},
		"unauthenticated": {fails(http.StatusForbidden, `{"detail":"x"}`), Access{}, ErrUnauthenticated},
		"bound":           {sends("/flows/-/default/authentication/?next=/"), Access{}, ErrUnauthenticated},
	} {
		f := newFake(t, c.reply)
		got, err := f.client().Access(t.Context(), holding("a", true), "my-app")
		if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, (-want +got):\n%s", name, err, diff)
		}
		if f.seen(0).uri != "/api/v3/core/applications/my-app/check_access/" {
			t.Errorf("got a request for %s, want check_access", f.seen(0).uri)
		}
	}
	for name, reply := range map[string]http.HandlerFunc{
		"nothing":       says(`{}`),
		"HTML":          says(`<html>`),
		"a proxy's 404": unmarked(fails(http.StatusNotFound, "")),
		"broken":        fails(http.StatusInternalServerError, `{"passing":true}`),
		"bad request":   fails(http.StatusBadRequest, `{"for_user":"User not found"}`),
	} {
		got, err := newFake(t, reply).client().Access(t.Context(), holding("a", true), "x")
		var ue *UnexpectedError
		if !errors.As(err, &ue) || got.Passing {
			t.Errorf("%s: got passing %v, %v, want an UnexpectedError", name, got.Passing, err)
		}
	}
	for _, slug := range []string{"", "a/b", "../x", "a?for_user=1"} {
		if _, err := newFake(t).client().Access(t.Context(), Visitor{}, slug); !errors.Is(err, ErrApplicationNotFound) {
			t.Errorf("%q: got %v", slug, err)
		}
	}
}
