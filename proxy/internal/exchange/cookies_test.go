package exchange

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
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

// TestCookies_NoSessionHasTheNameOfAnother: an operator may name the session's cookie,
// and browsers keep only one cookie of a name.
func TestCookies_NoSessionHasTheNameOfAnother(t *testing.T) {
	t.Parallel()
	c := NewCookies(CookieOptions{Name: "wiki_gate"})
	for _, name := range append(slices.Clone(c.all), c.back.plain+"1") {
		if strings.HasPrefix(name, "__") || name == c.session.plain {
			continue
		}
		if rules.CookieName(name) == nil {
			t.Errorf("got %s accepted as the name of the session's cookie, want it refused", name)
		}
	}
}

// TestFamily_KnowsManyNamesAsQuicklyAsFew: a client can send a Cookie header with as
// many cookies as its server allows.
func TestFamily_KnowsManyNamesAsQuicklyAsFew(t *testing.T) {
	line := strings.Repeat("a=b; ", 20_000)
	quickest := func(gates int) time.Duration {
		c := NewCookies(CookieOptions{Name: "authentik_gate"})
		c.Family = new(Family)
		for i := range gates {
			c.Family.Join("gate_of_site_"+strconv.Itoa(i), time.Hour)
		}
		best := time.Hour
		for range 20 {
			began := time.Now()
			c.Strip(http.Header{"Cookie": {line}})
			best = min(best, time.Since(began))
		}
		return best
	}
	few, many := quickest(2), quickest(1000)
	if many > 20*few {
		t.Errorf("got %v with 1000 names, want about the %v of two", many, few)
	}
}
