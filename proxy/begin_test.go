package proxy

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// confirmedAt is a session of authentik that it has confirmed at a time.
func (n notified) confirmedAt(asked time.Time, sid string) (cookie string, err error) {
	n.t.Helper()
	rec := recordOf(jane)
	rec.SID, rec.Apps, rec.Cookies, rec.Checked = sid, map[string]bool{"app": true}, nil, asked
	s, _, err := startSession(n.t.Context(), n.Gate, rec, somewhere("app.example.com"))
	return s.Cookie(), err
}

// The code was redeemed, authentik says that its session has ended, and only
// then would the session be stored.
func TestBegin_ANoticeDuringTheSignInPreventsIt(t *testing.T) {
	t.Parallel()
	for name, notice := range map[string]func(n notified) int{
		"of the session":  func(n notified) int { return n.told(n.issuer.notice(claims{"sid": "new"})) },
		"of the user":     func(n notified) int { return n.told(n.issuer.notice(claims{"sid": nil})) },
		"through a frame": func(n notified) int { return n.shown(url.Values{"iss": {n.issuer.name()}, "sid": {"new"}}).Code },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNotified(t)
			asked := time.Now()
			if status := notice(n); status != http.StatusOK {
				t.Fatalf("got status %d for the notice, want 200", status)
			}
			if _, err := n.confirmedAt(asked, "new"); err == nil || fault.From(err).Code != fault.VisitExpired {
				t.Errorf("got the error %v for a session that authentik had ended, want %s", err, fault.VisitExpired)
			}
			if stored, listed := n.stored(), len(n.listed(jane.UID)); stored != 0 || listed != 0 {
				t.Errorf("got %d records and %d on the list, want none", stored, listed)
			}
			cookie, err := n.confirmedAt(time.Now(), "new")
			if err != nil || !n.alive(cookie) {
				t.Errorf("got no session (%v) of what authentik has confirmed since", err)
			}
		})
	}
}

// Where authentik's own session goes on after a sign-out, the next sign-in rests
// on the same.
func TestEndAuthentik_EndsNoSessionThatBeginsAfterwards(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	before := n.beginAt(jane, "one")
	for range 3 {
		if err := n.Operator().EndAuthentik(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		after := n.beginAt(jane, "one")
		if n.alive(before) || !n.alive(after) {
			t.Fatalf("got alive: %v before and %v after the end, want the later", n.alive(before), n.alive(after))
		}
		before = after
	}
	if n.told(n.issuer.notice(claims{"sid": "one"})); n.alive(before) {
		t.Error("got a session that a notice of authentik has not ended")
	}
}

// The provider of one client names users by their username, and the gate without
// a client by authentik's identifier.
func TestEndAll_EndsAUserByEveryIdentifier(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	plain := n.beside(func(c *Config) { c.OIDC, c.Application = OIDCConfig{}, "" })
	byName := jane
	byName.UID = "jane"
	cookies := map[*sessionGate]string{n.sessionGate: n.beginAt(byName, "a session"), plain: plain.begin(jane)}
	joe := plain.begin(User{Username: "joe", UID: "joe"})
	if list, err := n.Operator().SessionsOf(t.Context(), "jane"); len(list) != 2 || err != nil {
		t.Errorf("got %v (%v), want both sessions", list, err)
	}
	if ended, err := n.Operator().EndAll(t.Context(), "jane"); len(ended) != 2 || err != nil {
		t.Errorf("got %d ended (%v), want 2", len(ended), err)
	}
	for d, cookie := range cookies {
		if d.alive(cookie) {
			t.Error("got a session that goes on")
		}
	}
	if !plain.alive(joe) {
		t.Error("got the session of another user ended")
	}
}

// A store that is full takes no record, but tombstones instead of records.
func TestEndAll_WorksInAFullStore(t *testing.T) {
	t.Parallel()
	d := newSessionGate(t, nil)
	cookies := []string{d.begin(jane), d.begin(jane)}
	d.store.fails = func(_ int64, operation string) error {
		if operation == "save" {
			return errors.New("OOM command not allowed when used memory > 'maxmemory'")
		}
		return nil
	}
	ended, err := d.Operator().EndAll(t.Context(), "jane")
	if len(ended) != 2 || err != nil {
		t.Errorf("got %d ended (%v), want 2", len(ended), err)
	}
	d.store.fails = nil
	for _, cookie := range cookies {
		if d.alive(cookie) {
			t.Error("got a session that goes on")
		}
	}
	if after := d.begin(jane); !d.alive(after) {
		t.Error("got no session after the end of the others")
	}
}

func TestSession_IsFoundBehindManyPlantedCookies(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, nil, session.Record{User: User{Username: "jane"}})
	var line strings.Builder
	for range 40 {
		line.WriteString("authentik_gate=" + seal.NewSecret().Cookie() + "; ")
	}
	for range 2 { // read from the store, and cached
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = "app.example.com"
		r.Header.Set("Cookie", line.String()+"authentik_gate="+cookie)
		if got := through(t, g, r).Header.Get("Remote-User"); got != "jane" {
			t.Errorf("got the user %q, want jane", got)
		}
	}
}

// The store is flushed, or has lost the record in a failover, and announces
// nothing.
func TestSession_ThatTheStoreHasLostEndsAtTheNextLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, nil)
		ended := s.open(http.MethodGet, nil)
		at := somewhere("app.example.com")
		found, err := findSession(t.Context(), s.Gate, s.cookie, at)
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		if err := s.store.Delete(t.Context(), found.Name()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(s.cfg.Recheck)
		s.ends(ended)
		if again, err := findSession(t.Context(), s.Gate, s.cookie, at); again != nil || err != nil {
			t.Errorf("got %v (%v), want no session", again, err)
		}
	})
}

// A process was killed in the middle of a recheck.
func TestRecheck_WaitsForTheLeaseOfAKilledProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(c *Config) { c.Grace = new(time.Duration(0)) })
		at := somewhere("app.example.com")
		found, err := findSession(t.Context(), s.Gate, s.cookie, at)
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		time.Sleep(3 * s.cfg.Recheck)
		if _, held, err := s.store.Lease(t.Context(), "recheck-"+found.Name(), session.RecheckLease); !held || err != nil {
			t.Fatal(held, err)
		}
		begun := time.Now()
		r := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
		r.AddCookie(&http.Cookie{Name: cookieNames(s.Gate).Session, Value: s.cookie})
		if got := through(t, s.Gate, r).Header.Get("Remote-User"); got != "jane" {
			t.Errorf("got the user %q, want jane", got)
		}
		if took := time.Since(begun); took > 15*time.Second {
			t.Errorf("got in after %v, want at most 15 s", took)
		}
	})
}

// authentik may have bound its session to the network of the sign-in.
func TestRecheck_TellsThePresentAddress(t *testing.T) {
	t.Parallel()
	const home, cafe, six = "203.0.113.7", "198.51.100.9", "2001:db8::7"
	for name, row := range map[string]struct {
		from []string // requests between two rechecks
		want string
	}{
		"still there":           {[]string{home}, home},
		"moved":                 {[]string{home, cafe}, cafe},
		"moved and back":        {[]string{cafe, home}, home},
		"both families at once": {[]string{home, six, home, six}, home},
		"other family":          {[]string{six}, six},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var client atomic.Pointer[netip.Addr]
				s := newStreaming(t, func(c *Config) {
					c.Resolve = func(r *http.Request) Resolved {
						at := somewhere("app.example.com")
						at.Client, at.Asked = *client.Load(), r.URL
						return at
					}
				})
				pass := func(from string) {
					client.Store(new(netip.MustParseAddr(from)))
					r := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
					r.AddCookie(&http.Cookie{Name: cookieNames(s.Gate).Session, Value: s.cookie})
					if got := through(t, s.Gate, r).Header.Get("Remote-User"); got != "jane" {
						t.Fatalf("got the user %q, want jane", got)
					}
				}
				pass(home)
				time.Sleep(s.cfg.Recheck)
				pass(home)
				synctest.Wait() // it was rechecked from home
				for _, from := range row.from {
					pass(from)
				}
				time.Sleep(s.cfg.Recheck)
				pass(row.from[len(row.from)-1])
				synctest.Wait()
				if got := s.asked.Load().Addr.String(); got != row.want {
					t.Errorf("got the address %s told, want %s", got, row.want)
				}
			})
		})
	}
}

// TestBegin_ANoticeBesideTheTokenPreventsIt has authentik say that the user's
// sessions have ended after it has made the token and before the gate has it, by
// every way that a sign-in ends in.
func TestBegin_ANoticeBesideTheTokenPreventsIt(t *testing.T) {
	t.Parallel()
	for _, login := range []Login{LoginPage, LoginRedirect} {
		t.Run(string(login), func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) { reg.gate = func(c *Config) { c.Login = login } })
			inner := s.front.Handler
			told := false
			s.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/token/") || told {
					inner.ServeHTTP(w, r)
					return
				}
				told = true
				answer := httptest.NewRecorder()
				inner.ServeHTTP(answer, r)
				var token struct {
					ID string `json:"id_token"`
				}
				var claims struct{ Sub, SID string }
				if err := json.Unmarshal(answer.Body.Bytes(), &token); err != nil {
					t.Error(err)
				}
				payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token.ID, ".")[1])
				if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Sub == "" {
					t.Errorf("got the token %q", token.ID)
				}
				s.clock.move(time.Second)
				if _, err := s.gate.sessions.EndedUser(r.Context(), claims.Sub); err != nil {
					t.Error(err)
				}
				s.clock.move(time.Second)
				for name, values := range answer.Header() {
					w.Header()[name] = values
				}
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
			})
			p := s.person(t)
			got := p.passesAuthentik(&stranger{site: s}, "/wiki")
			if s.reached() != 0 || p.cookie(cookieNames(s.gate).Session) != "" || !strings.Contains(got.body, string(fault.VisitExpired)) {
				t.Errorf("got status %d at %s, want %s:\n%s", got.status, got.path, fault.VisitExpired, got.body)
			}
			if got := p.passesAuthentik(&stranger{site: s}, "/wiki"); got.body != "hello jane" {
				t.Errorf("once more: got status %d at %s, want hello jane", got.status, got.path)
			}
		})
	}
}
