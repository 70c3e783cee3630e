package e2e

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// every is how often authentik is asked about a session here: no gate does so more often.
const every = 10 * time.Second

// A desk stands before authentik, and knows what is asked of it for tokens.
type desk struct {
	mu       sync.Mutex
	renewals []time.Time   // when refresh tokens were redeemed
	refused  int           // how many of these were refused
	silent   int           // how often a code was asked for without a word to the visitor
	held     chan struct{} // is closed when an answer is held back; nil holds none
	release  chan struct{}
}

// stands is the handler before authentik.
func (d *desk) stands(authentik http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/application/o/authorize/":
			if r.URL.Query().Get("prompt") == "none" {
				d.mu.Lock()
				d.silent++
				d.mu.Unlock()
			}
		case "/application/o/token/":
			d.token(w, r, authentik)
			return
		}
		authentik.ServeHTTP(w, r)
	})
}

func (d *desk) token(w http.ResponseWriter, r *http.Request, authentik http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	if form.Get("grant_type") != "refresh_token" {
		authentik.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	authentik.ServeHTTP(answer, r)
	d.mu.Lock()
	d.renewals = append(d.renewals, time.Now())
	if answer.Code != http.StatusOK {
		d.refused++
	}
	held, release := d.held, d.release
	d.held = nil // one answer alone is held back
	d.mu.Unlock()
	if held != nil {
		close(held)
		<-release
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// hold has the next answer to the redemption of a refresh token held back. held is closed when authentik has given it.
func (d *desk) hold() (held <-chan struct{}, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	holds, releases := make(chan struct{}), make(chan struct{})
	d.held, d.release = holds, releases
	return holds, sync.OnceFunc(func() { close(releases) })
}

func (d *desk) counts() (renewals []time.Time, refused, silent int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Time(nil), d.renewals...), d.refused, d.silent
}

// rechecked are two Caddys that ask authentik about sessions as often as any do.
func rechecked(t testing.TB, d *desk, gate ...string) (*replicas, map[string]string) {
	t.Helper()
	r := connected(setup{scheme: "http", gate: append(gate, "recheck "+every.String()), front: d.stands}).onRedis(t)
	return r, r.signedIn(t).cookies()
}

// crowd sends requests to Caddys for so long, many at a time, and returns what they get that is not the application.
func crowd(t testing.TB, lasts time.Duration, cookies map[string]string, all ...*caddy) (refusals map[int]int) {
	t.Helper()
	var mu sync.Mutex
	var people sync.WaitGroup
	refusals = map[int]int{}
	begun := time.Now()
	for _, c := range all {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for range 15 {
			people.Go(func() {
				for time.Since(begun) < lasts {
					if status := c.try(t, client, cookies); status != http.StatusOK {
						mu.Lock()
						refusals[status]++
						mu.Unlock()
					}
					time.Sleep(30 * time.Millisecond)
				}
			})
		}
	}
	people.Wait()
	return refusals
}

// try is the status that cookies get, 0 where there is no answer.
func (c *caddy) try(t testing.TB, client *http.Client, cookies map[string]string) int {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.address+"/", nil)
	if err != nil {
		return 0
	}
	req.Header.Set("Cookie", cookieHeader(cookies))
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// TestTwoCaddysRedeemARefreshTokenOnceForEachRecheck has many requests come at both of them all the time, so that they
// meet each recheck when it is due. Where nothing is forgiven they all wait for it.
func TestTwoCaddysRedeemARefreshTokenOnceForEachRecheck(t *testing.T) {
	t.Parallel()
	for name, gate := range map[string][]string{"beside the requests": nil, "before the requests": {"grace 0s"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := new(desk)
			r, cookies := rechecked(t, d, gate...)
			if refusals := crowd(t, 3*every, cookies, r.each[0], r.each[1]); len(refusals) > 0 {
				t.Errorf("who is signed in was refused: %v", refusals)
			}
			renewals, refused, silent := d.counts()
			if len(renewals) < 2 || refused > 0 || silent > 0 {
				t.Errorf("%d redemptions, of which %d were refused, and %d silent sign-ins", len(renewals), refused, silent)
			}
			for i := 1; i < len(renewals); i++ {
				if between := renewals[i].Sub(renewals[i-1]); between < every/2 { // a whole one, if no clock were ever set
					t.Errorf("refresh tokens were redeemed twice within %v", between)
				}
			}
		})
	}
}

// awaits sends requests to a Caddy until an answer for it is held back.
func (d *desk) awaits(t testing.TB, c *caddy, cookies map[string]string, held <-chan struct{}) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; {
		select {
		case <-held:
			return
		case <-time.After(100 * time.Millisecond):
			if status := c.statusWith(cookies); status != http.StatusOK {
				t.Fatalf("signed in, and gets %d", status)
			}
		}
	}
	t.Fatal("there is no recheck")
}

// TestWhoeverIsSignedInStaysSoWhenACaddyDiesInARecheck kills one when authentik has given a new refresh token, and nobody
// has kept it. The other one finds that the old one is no longer good, when the dead one's turn is over.
func TestWhoeverIsSignedInStaysSoWhenACaddyDiesInARecheck(t *testing.T) {
	t.Parallel()
	d := new(desk)
	r, cookies := rechecked(t, d)
	dies, lives := r.each[0], r.each[1]
	held, release := d.hold()
	defer release()
	d.awaits(t, dies, cookies, held)
	dies.kill()
	release()
	begun := time.Now()
	for {
		if refusals := crowd(t, time.Second, cookies, lives); len(refusals) > 0 {
			t.Fatalf("who is signed in was refused %v after the death: %v", time.Since(begun), refusals)
		}
		if _, _, silent := d.counts(); silent > 0 {
			break
		}
		if time.Since(begun) > 3*patience {
			t.Fatal("the session is not mended")
		}
	}
	t.Logf("mended %v after the death", time.Since(begun).Round(time.Second))

	// From here on there is a refresh token that is good.
	renewals, refused, _ := d.counts()
	for begun, last := time.Now(), len(renewals); ; {
		if refusals := crowd(t, time.Second, cookies, lives); len(refusals) > 0 {
			t.Fatalf("who is signed in was refused: %v", refusals)
		}
		after, refusedAfter, silent := d.counts()
		if refusedAfter > refused || silent > 1 {
			t.Fatalf("the session is mended again: %d redemptions were refused, and there were %d silent sign-ins", refusedAfter, silent)
		}
		if len(after) > last {
			break
		}
		if time.Since(begun) > patience {
			t.Fatal("no refresh token is redeemed any more")
		}
	}
	dies.start()
	if status := dies.statusWith(cookies); status != http.StatusOK {
		t.Errorf("signed in while it was dead, and gets %d", status)
	}
}
