package user

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func claimsOf(t *testing.T, raw string) (claims map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestFromClaims_TakesWhatIsAboutTheUser(t *testing.T) {
	t.Parallel()
	got, err := FromClaims("uid", claimsOf(t, `{
		"sub": "uid", "aud": "client", "exp": 1, "sid": "s", "amr": ["mfa"], "nickname": "jj",
		"preferred_username": "jane", "name": "Jane Doe", "email": "jane@example.com", "groups": ["staff", 7, {}, ""],
		"ak_proxy": {"user_attributes": {"tenant": "a"}}, "roles": ["admin"], "level": 3, "nothing": null
	}`))
	want := User{
		UID: "uid", Username: "jane", Name: "Jane Doe", Email: "jane@example.com", Groups: []string{"staff", "7"},
		Attributes: map[string]any{"tenant": "a"}, Claims: map[string]any{"roles": []any{"admin"}, "level": 3.0},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// Two users must not have the same number because its last digits are lost.
func TestFromClaims_KeepsEveryDigit(t *testing.T) {
	t.Parallel()
	got, err := FromClaims("uid", claimsOf(t, `{
		"preferred_username": "jane", "number": 1234567890123456789, "small": 9007199254740993, "half": 0.5, "huge": 1e400, "list": [-1234567890123456789],
		"ak_proxy": {"user_attributes": {"discord": {"id": 80351110224678912}, "uidNumber": 1000001}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"number": "1234567890123456789", "small": "9007199254740993", "half": "0.5", "huge": "1e400", "list": "-1234567890123456789",
		"attributes.discord.id": "80351110224678912", "attributes.uidNumber": "1000001",
	} {
		if texts := Scalars(Claim(got, name)); len(texts) != 1 || texts[0] != want {
			t.Errorf("%s: got %q, want %s", name, texts, want)
		}
		if !Meets(got, name, []string{want}) {
			t.Errorf("%s: got no user who meets %s", name, want)
		}
	}
}

func TestFromClaims_OtherTypesCountAsAbsent(t *testing.T) {
	t.Parallel()
	got, err := FromClaims("uid", claimsOf(t, `{"preferred_username":"jane","name":7,"email":["x"],"groups":{"a":1},"ak_proxy":"x"}`))
	if want := (User{UID: "uid", Username: "jane", Claims: map[string]any{}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, raw := range []string{`{}`, `{"preferred_username":""}`, `{"preferred_username":7}`, `{"name":"Jane"}`} {
		if got, err := FromClaims("uid", claimsOf(t, raw)); err == nil {
			t.Errorf("%s: got %+v, want an error", raw, got)
		}
	}
	if got, err := FromClaims("", claimsOf(t, `{"preferred_username":"jane"}`)); err == nil {
		t.Errorf("without a subject: got %+v, want an error", got)
	}
}

func TestFromClaims_ClaimsAreBounded(t *testing.T) {
	t.Parallel()
	got, err := FromClaims("uid", claimsOf(t, fmt.Sprintf(
		`{"preferred_username":"jane","a":"small","b":%q,"c":"small, too"}`, strings.Repeat("x", maxClaims))))
	if _, found := got.Claims["b"]; err != nil || found || len(got.Claims) != 2 {
		t.Errorf("got claims %v, %v, want the small ones", got.Claims, err)
	}
}

func TestClaim_IsKnownUnderItsName(t *testing.T) {
	t.Parallel()
	u := User{
		Username: "jane", Name: "Jane Doe", Email: "jane@example.com", UID: "abc", Groups: []string{"staff"},
		Attributes: map[string]any{"number": 1234567.0, "a.b": "whole", "a": map[string]any{"b": "part", "c": map[string]any{"d": 7.0}, "e": true}, "list": []any{"x"}},
		Claims:     map[string]any{"roles": []any{"admin"}, "level": 3.0},
	}
	for name, want := range map[string]any{
		"sub": "abc", "uid": "abc", "preferred_username": "jane", "nickname": "jane", "name": "Jane Doe", "given_name": "Jane Doe",
		"email": "jane@example.com", "groups": []any{"staff"}, "roles": []any{"admin"}, "level": 3.0, "other": nil, "username": nil,
		"attributes.number": 1234567.0, "attributes.a.b": "whole", "attributes.a.c.d": 7.0, "attributes.a.e": true, "attributes.a": nil, "attributes.list": []any{"x"}, "attributes.x.y": nil,
	} {
		if got := Claim(u, name); !reflect.DeepEqual(got, want) {
			t.Errorf("claim %s: got %v, want %v", name, got, want)
		}
	}
}

func TestMeets_OneValueIsEnough(t *testing.T) {
	t.Parallel()
	u := User{Username: "jane", Groups: []string{"staff", "admins"}, Claims: map[string]any{"level": 3.0, "roles": []any{"editor", 7.0}, "deep": map[string]any{}}}
	for _, tt := range []struct {
		claim  string
		values []string
		want   bool
	}{
		{"user", []string{"joe", "jane"}, true},
		{"user", []string{"Jane"}, false},
		{"group", []string{"admins"}, true},
		{"group", []string{"admin"}, false},
		{"group", nil, false},
		{"level", []string{"3"}, true},
		{"roles", []string{"7"}, true},
		{"roles", []string{""}, false},
		{"deep", []string{""}, false},
		{"missing", []string{"", "<nil>"}, false},
		{"preferred_username", []string{"jane"}, true},
	} {
		if got := Meets(u, tt.claim, tt.values); got != tt.want {
			t.Errorf("%s %q: got %t, want %t", tt.claim, tt.values, got, tt.want)
		}
	}
}
