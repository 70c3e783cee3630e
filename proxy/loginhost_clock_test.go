package proxy

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
)

// A drift is how far the clock of the wiki's server is ahead of the login host's.
type drift struct{ atomic.Int64 }

func (by *drift) change(origin string, cfg *Config) {
	if now := cfg.Now; origin == wikiHost {
		cfg.Now = func() time.Time { return now().Add(time.Duration(by.Load())) }
	}
}

// Clocks that differ a little change nothing. If they differ much, a page says so,
// and no browser is sent to and fro.
func TestLoginHost_ClocksMayDiffer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by   time.Duration
		code string
	}{
		"10 s ahead":    {10 * time.Second, ""},
		"10 s behind":   {-10 * time.Second, ""},
		"10 min ahead":  {10 * time.Minute, "clock-skew"},
		"10 min behind": {-10 * time.Minute, "clock-skew"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var by drift
			by.Store(int64(tt.by))
			d := newDomains(t, by.change)
			d.renew()
			jane := d.guest()
			page := jane.open(wikiHost + "/b")
			if tt.code != "" {
				jane.refused(page, tt.code)
				return
			}
			jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/b", "jane")
		})
	}
}

// An old request leads back to the site, which asks anew, once: a clock that was set
// while the site knew the login host must not send browsers to and fro.
func TestLoginHost_OldRequestIsMadeAnewOnce(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	link := jane.led(wikiHost+"/b", "/.authentik/sign-in?request=")
	d.clock.move(150 * time.Second)
	d.renew()
	jane.greeted(jane.finish(jane.open(link), "jane", "open sesame"), wikiHost+"/b", "jane")

	at := d.gates[wikiHost].member.SignIn.Host
	second, err := at.SealRequest(host.Request{Gate: at.Gate.Name, Origin: wikiHost, Back: "/", Second: true})
	if err != nil {
		t.Fatal(err)
	}
	d.clock.move(150 * time.Second)
	d.renew()
	jane.refused(jane.open(authHost+"/.authentik/sign-in?request="+second), "clock-skew")
}

// A store that fails between the ticket and the site costs the ticket at most, and
// no question once it is back.
func TestLoginHost_StoreThatFailsAtTheCallback(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	d := newDomains(t, func(origin string, cfg *Config) {
		memory, _ := cfg.Store.(*Memory)
		if origin == wikiHost {
			cfg.Store = &brokenStore{Memory: memory, fails: func(int64, string) error {
				if away.Load() {
					return errors.New("the store is away")
				}
				return nil
			}}
		}
	})
	jane := d.atAuthentik("jane", "open sesame")
	link := jane.led(wikiHost+"/b", "/.authentik/callback?")
	away.Store(true)
	page := jane.open(link)
	jane.refused(page, "sessions-unavailable")
	jane.isSignedOut(wikiHost)
	away.Store(false)
	jane.greeted(jane.follow(page, "Try again"), wikiHost+"/b", "jane")
}
