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
		{Options{Preset: "none"}, []string{`"none" is no set of headers; there are remote, authentik and off`}},
		{Options{Rules: []Rule{{Name: "", Claim: "uid"}, {Name: "X Y", Claim: "uid"}, {Name: strings.Repeat("x", maxName+1), Claim: "uid"}}}, []string{
			`"" cannot be`, `"X Y" cannot be the name of a header`, `xxx" cannot be`,
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
		name    string
		options Options
		want    map[string]string
	}{
		{"default", Options{}, map[string]string{
			"Remote-User": "jane", "Remote-Name": "Zo%C3%AB%0D%0AX: y", "Remote-Email": "jane@example.com",
			"Remote-Groups": "staff,x%2Cadmins,x|admins",
		}},
		{"authentik", Options{Preset: Authentik}, map[string]string{
			"X-Authentik-Username": "jane", "X-Authentik-Name": "Zo%C3%AB%0D%0AX: y", "X-Authentik-Email": "jane@example.com",
			"X-Authentik-Uid": "abc", "X-Authentik-Groups": "staff|x,admins|x%7Cadmins", "X-Authentik-Entitlements": "read|a,b%7Cc|7",
		}},
		{"off", Options{Preset: Off}, map[string]string{}},
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
			"X-User": "jane", "X-Tenant": "7", "X-Level": "3", "X-Session": "0123", "X-Token": "to%25ken", "X-Twice": "jane@example.com",
		}},
		{"rules over a preset", Options{Preset: Remote, Rules: []Rule{
			{Name: "Remote-User", Claim: "email"},
			{Name: "Remote-Name", Claim: "nothing"},
			{Name: "X-Path", Value: func(r *http.Request) string { return "ü" + r.URL.Path }},
			{Name: "X-Empty", Value: func(*http.Request) string { return "" }},
			{Name: "X-Long", Value: func(*http.Request) string { return strings.Repeat("x", maxValue+1) }},
		}}, map[string]string{
			"Remote-User": "jane@example.com", "X-Path": "%C3%BC/some", "Remote-Email": "jane@example.com",
			"Remote-Groups": "staff,x%2Cadmins,x|admins",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := New(tt.options)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/some", nil)
			prepared, err := h.Prepare(jane, "0123", "to%ken")
			if err != nil {
				t.Error(err)
			}
			h.Set(r, prepared)
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
	for i := range 300 {
		u.Groups = append(u.Groups, fmt.Sprintf("a rather long name of a group %d", i))
	}
	prepared, err := New(Options{}).Prepare(u, "", "")
	if fmt.Sprint(prepared) != "[{Remote-User jane}]" || err == nil || !strings.Contains(err.Error(), "Remote-Groups") {
		t.Errorf("got %.100v, %v, want only the user and an error that names the header", prepared, err)
	}
}

func TestHeaders_OneRequestCannotChangeAnother(t *testing.T) {
	t.Parallel()
	h := New(Options{})
	prepared, err := h.Prepare(jane, "", "")
	if err != nil {
		t.Fatal(err)
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
