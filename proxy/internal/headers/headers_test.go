package headers

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// jane is a user with something to be careful about in most fields.
var jane = user.User{
	Username: "jane", Name: "Zoë\r\nX: y", Email: "jane@example.com", UID: "abc",
	Groups: []string{"staff", "x,admins", "x|admins"}, Attributes: map[string]any{"tenant": map[string]any{"id": 7.0}},
	Claims: map[string]any{"entitlements": []any{"read", "a,b|c", 7.0}, "level": 3.0, "deep": map[string]any{}},
}

func TestOptions_EveryMistakeIsReported(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		options Options
		want    []string
	}{
		{Options{}, nil},
		{Options{Preset: Authentik, Rules: []Rule{{Name: "X-A", Claim: "uid"}, {Name: "X-B", Value: func(*http.Request) string { return "" }}}}, nil},
		{Options{Preset: "none"}, []string{`"none" is not a set of headers; write remote, authentik or off`}},
		{Options{Rules: []Rule{{Name: "", Claim: "uid"}, {Name: "X Y", Claim: "uid"}, {Name: strings.Repeat("x", maxName+1), Claim: "uid"}}}, []string{
			`"" cannot be`, `"X Y" cannot be the name of a header`, `xxx" cannot be`,
		}},
		{Options{Encoding: "utf-8", MaxSize: 10, Rules: []Rule{{Name: "X-A", Claim: "uid", Encoding: "base64"}}}, []string{
			`"utf-8" is not an encoding; write one of utf8, percent, latin1, quoted-printable, rfc2047`,
			`cannot be bounded to 10 bytes; choose a size from 1024 to 65536`, `header X-A: "base64" is not an encoding`,
		}},
		{Options{Rules: []Rule{{Name: "X-A"}}}, []string{"header X-A needs a claim or a value"}},
		{Options{Rules: []Rule{{Name: "transfer-encoding", Claim: "uid"}}}, []string{
			"header transfer-encoding belongs to HTTP itself and cannot tell who the visitor is",
		}},
	} {
		errs := tt.options.Check()
		said := fmt.Sprint(errors.Join(errs...))
		if len(errs) != len(tt.want) {
			t.Errorf("%+v: got %d mistakes, want %d: %s", tt.options, len(errs), len(tt.want), said)
		}
		for _, want := range tt.want {
			if !strings.Contains(said, want) {
				t.Errorf("%+v: got %s, want %s", tt.options, said, want)
			}
		}
	}
}

func TestHeaders_OfEachPreset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		options  Options
		want     map[string]string
		problems []Problem
	}{
		{"default", Options{}, map[string]string{
			"Remote-User": "jane", "Remote-Name": "Zoë%0D%0AX: y", "Remote-Email": "jane@example.com",
			"Remote-Groups": "staff,x%2Cadmins,x|admins",
		}, nil},
		{"authentik", Options{Preset: Authentik}, map[string]string{
			"X-Authentik-Username": "jane", "X-Authentik-Name": "Zoë%0D%0AX: y", "X-Authentik-Email": "jane@example.com",
			"X-Authentik-Uid": "abc", "X-Authentik-Groups": "staff|x,admins|x%7Cadmins", "X-Authentik-Entitlements": "read|a,b%7Cc|7",
		}, nil},
		{"off", Options{Preset: Off}, map[string]string{}, nil},
		{"rules only", Options{Rules: []Rule{
			{Name: "x-user", Claim: "id"},
			{Name: "X-Tenant", Claim: "attributes.tenant.id"},
			{Name: "X-Level", Claim: "level"},
			{Name: "X-Deep", Claim: "deep"},
			{Name: "X-Session", Claim: "session"},
			{Name: "X-Token", Claim: "access_token"},
			{Name: "X-Twice", Claim: "uid"},
			{Name: "x-twice", Claim: "email"},
		}}, map[string]string{
			"X-User": "jane", "X-Tenant": "7", "X-Level": "3", "X-Session": "0123", "X-Token": "to%ken", "X-Twice": "jane@example.com",
		}, nil},
		{"rules over a preset", Options{Preset: Remote, Rules: []Rule{
			{Name: "Remote-User", Claim: "email"},
			{Name: "Remote-Name", Claim: "nothing"},
			{Name: "X-Path", Value: func(r *http.Request) string { return "ü" + r.URL.Path }},
			{Name: "X-Empty", Value: func(*http.Request) string { return "" }},
			{Name: "X-Long", Value: func(*http.Request) string { return strings.Repeat("x", DefaultSize+1) }},
		}}, map[string]string{
			"Remote-User": "jane@example.com", "X-Path": "ü/some", "Remote-Email": "jane@example.com",
			"Remote-Groups": "staff,x%2Cadmins,x|admins",
		}, []Problem{{Header: "X-Long", Size: DefaultSize + 1, Max: DefaultSize}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := New(tt.options)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/some", nil)
			prepared, problems := h.Prepare(Subject{User: jane, Session: "0123", AccessToken: "to%ken"})
			problems = append(problems, h.Set(r, prepared)...)
			if got := fmt.Sprint(problems); got != fmt.Sprint(tt.problems) {
				t.Errorf("problems: got %s, want %v", got, tt.problems)
			}
			got := map[string]string{}
			for name, values := range r.Header {
				got[name] = strings.Join(values, " AND ")
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("headers: got\n%v, want\n%v", got, tt.want)
			}
		})
	}
}

func TestHeaders_TooLongValueIsLeftOutWhole(t *testing.T) {
	t.Parallel()
	u := user.User{Username: "jane"}
	for range 1000 {
		u.Groups = append(u.Groups, "Отдел")
	}
	const size = 1000*10 + 999
	for _, tt := range []struct {
		max  int
		want string
	}{
		{0, fmt.Sprintf("1 [{Remote-Groups %d %d  false}]", size, DefaultSize)},
		{size - 1, fmt.Sprintf("1 [{Remote-Groups %d %d  false}]", size, size-1)},
		{size, "2 []"},
	} {
		prepared, problems := New(Options{MaxSize: tt.max}).Prepare(Subject{User: u})
		if got := fmt.Sprint(len(prepared), problems); got != tt.want {
			t.Errorf("at most %d: got %.100s, want %s", tt.max, got, tt.want)
		}
	}
}

// TestHeaders_EmptyOneIsLeftOutAndReported: an application would ask the browser
// for a name and a password instead.
func TestHeaders_EmptyOneIsLeftOutAndReported(t *testing.T) {
	t.Parallel()
	h := New(Options{Rules: []Rule{
		{Name: "Authorization", Of: func(s Subject) string { return s.User.Email }, Encoding: UTF8},
		{Name: "X-User", Of: func(s Subject) string { return s.User.Username }},
	}})
	prepared, problems := h.Prepare(Subject{User: user.User{Username: "jane"}})
	if got, want := fmt.Sprint(prepared, problems), "[{X-User jane}] [{Authorization 0 0  true}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHeaders_EncodingOfAllAndOfOne(t *testing.T) {
	t.Parallel()
	h := New(Options{Preset: Remote, Encoding: Percent, Rules: []Rule{
		{Name: "X-Name", Claim: "name", Encoding: Latin1},
		{Name: "Remote-Groups", Claim: "groups", Encoding: RFC2047},
		{Name: "X-Each", Value: func(*http.Request) string { return "猫" }, Encoding: Latin1},
	}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	prepared, problems := h.Prepare(Subject{User: user.User{Username: "zoë", Name: "Zoë Ümlaut", Groups: []string{"猫", "staff"}}})
	problems = append(problems, h.Set(r, prepared)...)
	want := "map[Remote-Groups:[=?utf-8?q?=E7=8C=AB?=,staff] Remote-Name:[Zo%C3%AB %C3%9Cmlaut] Remote-User:[zo%C3%AB] X-Each:[%E7%8C%AB] X-Name:[Zo\xeb \xdcmlaut]]"
	if got := fmt.Sprint(r.Header); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	if got, want := fmt.Sprint(problems), "[{X-Each 0 0 latin1 false}]"; got != want {
		t.Errorf("problems: got %s, want %s", got, want)
	}
}

func TestHeaders_OnlySomeGroups(t *testing.T) {
	t.Parallel()
	h := New(Options{Groups: []string{"app-*", "staff"}})
	groups := []string{"staff", "family", "app-wiki", "Staff"}
	prepared, _ := h.Prepare(Subject{User: user.User{Username: "jane", Groups: groups}})
	if got, want := fmt.Sprint(prepared), "[{Remote-User jane} {Remote-Groups staff,app-wiki}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := fmt.Sprint(groups); got != "[staff family app-wiki Staff]" {
		t.Errorf("the user's own groups: got %s", got)
	}
}

func TestHeaders_OneRequestCannotChangeAnother(t *testing.T) {
	t.Parallel()
	h := New(Options{})
	prepared, problems := h.Prepare(Subject{User: jane})
	if problems != nil {
		t.Fatal(problems)
	}
	for range 2 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		h.Set(r, prepared)
		if got := r.Header.Get("Remote-User"); got != "jane" {
			t.Fatalf("Remote-User: got %q, want jane", got)
		}
		r.Header["Remote-User"][0] = "admin"
		r.Header["Remote-User"] = append(r.Header["Remote-User"], "admin")
		if got := r.Header.Get("Remote-Name"); got == "admin" {
			t.Errorf("Remote-Name after Remote-User was added to: got %q", got)
		}
	}
}
