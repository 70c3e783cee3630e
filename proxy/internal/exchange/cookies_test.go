package exchange

import (
	"net/http"
	"testing"
	"time"
)

func FuzzCookies_Strip(f *testing.F) {
	j := NewCookies(CookieOptions{Name: "authentik_gate", Lifetime: time.Hour})
	f.Add(";;=;authentik_gate")
	f.Add("a=b; authentik_gate=x; __Host-authentik_gate=\"y\"")
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Cookie": {line}}
		j.Strip(h)
		for _, name := range j.all {
			for range CookieValues(h["Cookie"], name) {
				t.Fatalf("got %[2]s in %[3]q of %[1]q, want it removed", line, name, h["Cookie"])
			}
		}
	})
}
