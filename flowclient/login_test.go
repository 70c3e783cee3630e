package flowclient

import (
	"encoding/base64"
	"testing"
)

func TestCookies_BeginASessionOnlyWithASignIn(t *testing.T) {
	t.Parallel()
	cookies := func(claims, csrf string) Cookies {
		return Cookies{sessionCookie: "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln", csrfCookie: csrf}
	}
	const (
		anonymous = `{"sid":"a","sub":"anonymous"}`
		jane      = `{"sid":"b","sub":"jane","authenticated":true}`
		janes     = `{"sid":"c","sub":"jane","authenticated":true}`
	)
	for name, tt := range map[string]struct {
		before, after Cookies
		ok, again     bool
	}{
		"a sign-in":                          {cookies(anonymous, ""), cookies(jane, "new"), true, false},
		"one without cookies before":         {nil, cookies(jane, "new"), true, false},
		"one of the same user":               {cookies(jane, "old"), cookies(janes, "new"), true, true},
		"one of another user":                {cookies(`{"sid":"j","sub":"joe","authenticated":true}`, "old"), cookies(jane, "new"), true, false},
		"a password that is set":             {cookies(jane, "old"), cookies(janes, "old"), false, false},
		"the same, with a cookie of no user": {cookies(anonymous, "old"), cookies(janes, "old"), false, false},
		"the same session":                   {cookies(jane, "old"), cookies(jane, "new"), false, false},
		"no user":                            {cookies(anonymous, ""), cookies(`{"sid":"b","sub":"anonymous"}`, "new"), false, false},
		"a session that cannot be read":      {Cookies{sessionCookie: "x"}, cookies(jane, "new"), false, false},
		"a sign-out":                         {cookies(jane, "old"), Cookies{csrfCookie: "new"}, false, false},
	} {
		got, ok := tt.before.Begun(tt.after)
		if ok != tt.ok || got.Again != tt.again || ok != (got.UID == "jane") {
			t.Errorf("%s: got %v, %t, want %t, again %t", name, got, ok, tt.ok, tt.again)
		}
	}
}
