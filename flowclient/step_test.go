package flowclient

import (
	"encoding/base64"
	"testing"
)

func TestStep_AuthenticatedReadsTheSessionCookie(t *testing.T) {
	t.Parallel()
	cookie := func(claims string) Cookies {
		return Cookies{sessionCookie: "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"}
	}
	for name, row := range map[string]struct {
		cookies Cookies
		want    bool
	}{
		"signed in":       {cookie(`{"sid":"a","authenticated":true}`), true},
		"not signed in":   {cookie(`{"sid":"a","authenticated":false}`), false},
		"without a claim": {cookie(`{"sid":"a"}`), false},
		"no ticket":       {Cookies{sessionCookie: "abc"}, false},
		"no cookie":       {nil, false},
	} {
		if got := (Step{Cookies: row.cookies}).Authenticated(); got != row.want {
			t.Errorf("%s: got %v, want %v", name, got, row.want)
		}
	}
}
