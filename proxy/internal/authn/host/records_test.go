package host

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// A brokenStore fails if it is told to.
type brokenStore struct {
	*store.Memory
	err error
}

func (b *brokenStore) Load(ctx context.Context, name string) (store.Record, bool, error) {
	if b.err != nil {
		return store.Record{}, false, b.err
	}
	return b.Memory.Load(ctx, name)
}

func (b *brokenStore) Save(ctx context.Context, name string, r store.Record) (store.Version, error) {
	if b.err != nil {
		return "", b.err
	}
	return b.Memory.Save(ctx, name, r)
}

func newRecords(t *testing.T) (Records, *brokenStore) {
	t.Helper()
	kept := &brokenStore{Memory: store.NewMemory()}
	t.Cleanup(func() { _ = kept.Close() })
	return Records{
		Store: kept, Key: seal.NewKey([]byte(strings.Repeat("k", seal.MinKey))), Now: time.Now, Origin: "https://auth.example.com",
	}, kept
}

// Of many who bring a ticket at the same moment one has it.
func TestTicket_IsRedeemedOnce(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	at := Place{Gate: "wiki", Origin: "https://wiki.example.com"}
	for range 20 {
		text, err := r.Issue(t.Context(), at, Ticket{Nonce: "browser"})
		if err != nil {
			t.Fatal(err)
		}
		var good atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				switch _, err := r.Redeem(t.Context(), at, text, "browser"); {
				case err == nil:
					good.Add(1)
				case fault.From(err).Code != fault.VisitLost:
					t.Errorf("got %v, want %s", err, fault.VisitLost)
				}
			})
		}
		all.Wait()
		if got := good.Load(); got != 1 {
			t.Fatalf("got %d sign-ins with one ticket, want 1", got)
		}
	}
}

// A ticket opens nothing at another host of the same gate, nor at another gate, and is
// good afterwards where it belongs.
func TestTicket_IsForOnePlace(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	at := Place{Gate: "wiki", Origin: "https://wiki.example.com"}
	text, err := r.Issue(t.Context(), at, Ticket{Nonce: "browser"})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []Place{{at.Gate, "https://files.example.com"}, {"files", at.Origin}} {
		if _, err := r.Redeem(t.Context(), other, text, "browser"); err == nil || fault.From(err).Code != fault.VisitLost {
			t.Errorf("%v: got %v, want %s", other, err, fault.VisitLost)
		}
	}
	if _, err := r.Redeem(t.Context(), at, text, "browser"); err != nil {
		t.Errorf("got %v where the ticket belongs, want it good", err)
	}
}

// A hookedStore does something once, after it has read a record.
type hookedStore struct {
	*store.Memory
	after func()
}

func (h *hookedStore) Load(ctx context.Context, name string) (store.Record, bool, error) {
	kept, found, err := h.Memory.Load(ctx, name)
	if after := h.after; after != nil {
		h.after = nil
		after()
	}
	return kept, found, err
}

// A client that shows a ticket after another client has read it, and before that one
// has marked it as used, is refused.
func TestTicket_SlowerOfTwoIsRefused(t *testing.T) {
	t.Parallel()
	r, kept := newRecords(t)
	at := Place{Gate: "wiki", Origin: "https://wiki.example.com"}
	text, err := r.Issue(t.Context(), at, Ticket{Nonce: "browser"})
	if err != nil {
		t.Fatal(err)
	}
	slower, faster := r, error(nil)
	slower.Store = &hookedStore{kept.Memory, func() { _, faster = r.Redeem(t.Context(), at, text, "browser") }}
	_, err = slower.Redeem(t.Context(), at, text, "browser")
	if faster != nil || err == nil || fault.From(err).Code != fault.VisitLost {
		t.Errorf("got %v for the faster and %v for the slower, want %s for the slower", faster, err, fault.VisitLost)
	}
}

// A gate and a login host stay known while they run, and are forgotten three minutes
// after they have ended.
func TestStay_IsKnownAsLongAsItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRecords(t)
		m := NewMember(r, Registration{Hosts: []string{"wiki.example.com"}}, "wiki")
		ctx, end := context.WithCancel(t.Context())
		go m.Stay(ctx, slog.New(slog.DiscardHandler))
		go Stay(ctx, func(ctx context.Context) {
			if err := r.Announce(ctx, Announcement{SignIn: "/sign-in"}); err != nil {
				t.Error(err)
			}
		}, nil)
		known := func() (gate, login bool) {
			_, gate, err := r.Registered(t.Context(), m.Name)
			_, login, announced := r.Announced(t.Context())
			if err != nil || announced != nil {
				t.Error(err, announced)
			}
			return gate, login
		}
		time.Sleep(10 * time.Minute)
		if gate, login := known(); !gate || !login {
			t.Errorf("got the gate known: %t, the login host: %t after ten minutes, want both", gate, login)
		}
		end()
		time.Sleep(4 * time.Minute)
		if gate, login := known(); gate || login {
			t.Errorf("got the gate known: %t, the login host: %t after their end, want neither", gate, login)
		}
	})
}

// A store that fails admits no visitor, and is not blamed on the ticket.
func TestTicket_NeedsTheStore(t *testing.T) {
	t.Parallel()
	r, kept := newRecords(t)
	at := Place{Gate: "wiki", Origin: "https://wiki.example.com"}
	text, err := r.Issue(t.Context(), at, Ticket{Nonce: "browser"})
	if err != nil {
		t.Fatal(err)
	}
	kept.err = errors.New("the disk is full")
	if _, err := r.Redeem(t.Context(), at, text, "browser"); err == nil || fault.From(err).Code != fault.SessionsUnavailable {
		t.Errorf("got %v from a store that fails, want %s", err, fault.SessionsUnavailable)
	}
	if _, err := r.Issue(t.Context(), at, Ticket{}); err == nil || fault.From(err).Code != fault.SessionsUnavailable {
		t.Errorf("got %v from a store that fails, want %s", err, fault.SessionsUnavailable)
	}
	kept.err = nil
	if _, err := r.Redeem(t.Context(), at, text, "browser"); err != nil {
		t.Errorf("got %v once the store works again, want the ticket", err)
	}
}

// A ticket without a browser's nonce is for no browser.
func TestTicket_NeedsABrowser(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	at := Place{Gate: "wiki", Origin: "https://wiki.example.com"}
	text, err := r.Issue(t.Context(), at, Ticket{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Redeem(t.Context(), at, text, ""); err == nil {
		t.Error("got a ticket without a nonce redeemed, want a refusal")
	}
}

// keep keeps a copy as a request does that nothing overtakes.
func keep(t *testing.T, r Records, s seal.Secret, known bool, c Copy) (seal.Secret, error) {
	t.Helper()
	held, err := r.Hold(t.Context(), s, known)
	if err != nil {
		t.Fatal(err)
	}
	return r.Keep(t.Context(), held, c)
}

// TestCopy_NewerCookiesAreNotOverwritten has authentik's session move while a request
// that has asked about the old one is about to keep it.
func TestCopy_NewerCookiesAreNotOverwritten(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	until := time.Now().Add(time.Hour)
	of := func(session string, until time.Time) Copy {
		return Copy{UID: "jane", Cookies: flowclient.Cookies{"authentik_session": session}, Until: until}
	}
	s, err := keep(t, r, seal.Secret{}, false, of("one", until))
	if err != nil {
		t.Fatal(err)
	}
	held, err := r.Hold(t.Context(), s, true)
	if err != nil {
		t.Fatal(err)
	}
	if err = r.Move(t.Context(), s, of("two", until)); err != nil {
		t.Fatal(err)
	}
	kept, err := r.Keep(t.Context(), held, of("one", until.Add(24*time.Hour)))
	if err != nil || kept != s {
		t.Fatalf("got another secret (%v), want the same", err)
	}
	c, _, err := r.Copy(t.Context(), s)
	if err != nil || c.Cookies["authentik_session"] != "two" || c.Until.Before(until.Add(24*time.Hour)) {
		t.Errorf("got the cookies %s until %v (%v), want two, for as long as the later session lasts", c.Cookies["authentik_session"], c.Until, err)
	}
}

// A gate does not send browsers to a login host of another version.
func TestAnnouncement_OfAnotherFormatIsRefused(t *testing.T) {
	t.Parallel()
	for _, format := range []int{0, Format + 1} {
		r, _ := newRecords(t)
		other := Announcement{SignIn: "/.authentik/sign-in", Made: time.Now(), Format: format}
		if err := r.renew(t.Context(), r.own(seal.KindLoginHost, ""), other, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		_, found, err := r.Announced(t.Context())
		if found || !errors.Is(err, ErrFormat) || fault.From(err).Code != fault.LoginHostUnknown {
			t.Errorf("format %d: got %t, %v, want login-host-unknown and what to do", format, found, err)
		}
	}
}

// The copy of authentik's cookies opens with its own secret only, and not with the
// gate's key.
func TestCopy_NeedsItsSecret(t *testing.T) {
	t.Parallel()
	r, kept := newRecords(t)
	c := Copy{UID: "jane", Cookies: flowclient.Cookies{"authentik_session": "secret"}, Until: time.Now().Add(time.Hour)}
	s, err := keep(t, r, seal.Secret{}, false, c)
	if err != nil {
		t.Fatal(err)
	}
	record, found, err := kept.Load(t.Context(), r.copyBox(s).Name())
	if err != nil || !found {
		t.Fatalf("got no record: %v", err)
	}
	var opened Copy
	for name, box := range map[string]seal.Box{
		"the gate's key": r.own(seal.KindCopy, ""), "another secret": r.copyBox(seal.NewSecret()), "no secret": r.copyBox(seal.Secret{}),
	} {
		if box.Open(record.Value, &opened) == nil {
			t.Errorf("got the copy opened with %s", name)
		}
	}
	if got, found, err := r.Copy(t.Context(), s); err != nil || !found || got.Cookies["authentik_session"] != "secret" {
		t.Errorf("got %v, %v, %v with its secret, want the copy", got, found, err)
	}
}

// A copy is replaced for its user, and never becomes that of another. Nothing is
// kept again where a copy has ended.
func TestCopy_StaysThatOfItsUser(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	until := time.Now().Add(time.Hour)
	keepOf := func(s seal.Secret, uid, session string) seal.Secret {
		t.Helper()
		kept, err := keep(t, r, s, s != seal.Secret{}, Copy{
			UID: uid, Cookies: flowclient.Cookies{"authentik_session": session}, Until: until,
		})
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	first := keepOf(seal.Secret{}, "jane", "one")
	if keepOf(first, "jane", "two") != first {
		t.Error("got another secret for the same user, want the same")
	}
	if c, _, _ := r.Copy(t.Context(), first); c.Cookies["authentik_session"] != "two" {
		t.Errorf("got the cookies %v, want those seen last", c.Cookies["authentik_session"])
	}
	if keepOf(first, "joe", "three") == first {
		t.Error("got the copy of jane for joe, want one of his own")
	}
	if c, _, _ := r.Copy(t.Context(), first); c.UID != "jane" {
		t.Errorf("got the copy of %s, want it to stay that of jane", c.UID)
	}
	if err := r.End(t.Context(), first, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := r.Copy(t.Context(), first); found {
		t.Error("got a copy after its end")
	}
	if keepOf(first, "jane", "four") == first {
		t.Error("got a copy kept where one has ended: its tombstone ends every session that rests on it")
	}
}

// TestCopy_IsSavedOnceForManyTabs: ten tabs that are restored together would be in
// each other's way.
func TestCopy_IsSavedOnceForManyTabs(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	until := time.Now().Add(time.Hour)
	keepUntil := func(s seal.Secret, known bool, until time.Time) (seal.Secret, store.Version) {
		t.Helper()
		s, err := keep(t, r, s, known, Copy{UID: "jane", Cookies: flowclient.Cookies{"authentik_session": "secret"}, Until: until})
		if err != nil {
			t.Fatal(err)
		}
		c, found, err := r.Copy(t.Context(), s)
		if err != nil || !found || c.Until.Before(until) {
			t.Fatalf("got a copy until %v (%v, %v), want one until %v", c.Until, found, err, until)
		}
		record, _, err := r.Store.Load(t.Context(), r.copyBox(s).Name())
		if err != nil {
			t.Fatal(err)
		}
		return s, record.Version
	}
	s, first := keepUntil(seal.Secret{}, false, until)
	if _, again := keepUntil(s, true, until.Add(time.Minute)); again != first {
		t.Errorf("got version %v saved a minute later, want %v kept", again, first)
	}
	if _, later := keepUntil(s, true, until.Add(time.Hour)); later == first {
		t.Error("got no version saved an hour later, want one that lasts as long as the new session")
	}
}

// Hosts are those of the configuration, with their port, over HTTPS.
func TestRegistration_ServesItsOwnOrigins(t *testing.T) {
	t.Parallel()
	g := Registration{Hosts: []string{"wiki.example.com", "wiki.example.com:8443", "*.other.org", "127.0.0.1:8080", "app.localhost:8080"}}
	for origin, want := range map[string]bool{
		"https://wiki.example.com":          true,
		"https://wiki.example.com:8443":     true,
		"https://WIKI.example.com.":         true,
		"https://a.other.org":               true,
		"http://127.0.0.1:8080":             true,
		"http://app.localhost:8080":         true,
		"https://wiki.example.com:9443":     false,
		"http://wiki.example.com":           false,
		"https://a.b.other.org":             false,
		"https://other.org":                 false,
		"https://a.other.org:8443":          false,
		"https://wiki.example.com.evil.net": false,
		"https://wiki.example.com/x":        false,
		"https://wiki.example.com?x":        false,
		"https://u@wiki.example.com":        false,
		"javascript://wiki.example.com":     false,
		"":                                  false,
		"null":                              false,
	} {
		if got := g.Serves(origin); got != want {
			t.Errorf("%s: got %v, want %v", origin, got, want)
		}
	}
}

// What one login host has sealed is nothing to another with the same key.
func TestRequest_IsForOneLoginHost(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	other := r
	other.Origin = "https://login.other.org"
	request, err := r.SealRequest(Request{Gate: "wiki"})
	if err != nil {
		t.Fatal(err)
	}
	visit, err := r.SealVisit(Visit{Begun: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{request, visit, visitMark + request, strings.TrimPrefix(visit, visitMark)} {
		if _, _, age := other.Open(text); age != Unknown {
			t.Errorf("got %v for a text of another login host, want it unknown", age)
		}
	}
	if _, returned, age := r.Open(request); age != Good || returned {
		t.Errorf("got age %v, returned %v for a request, want it good", age, returned)
	}
	if _, returned, age := r.Open(visit); age != Good || !returned {
		t.Errorf("got age %v, returned %v for a visit, want it good", age, returned)
	}
	if _, _, age := r.Open(visitMark + request); age != Unknown {
		t.Errorf("got %v for a request that is marked as a visit, want it unknown", age)
	}
}

// A store that has lost everything learns of a gate when it sends a visitor away.
func TestMember_IsKnownAgainAfterALoss(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	m := NewMember(r, Registration{Hosts: []string{"wiki.example.com"}}, "wiki")
	for range 2 {
		kept := store.NewMemory()
		m.Store = kept
		t.Cleanup(func() { _ = kept.Close() })
		if err := m.Announce(t.Context(), Announcement{SignIn: "/sign-in"}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Introduce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, found, err := m.Registered(t.Context(), m.Name); err != nil || !found {
			t.Errorf("got the gate registered: %v, %v, want it known to the login host", found, err)
		}
	}
}

// A gate waits for a login host only as long as one may be starting. One of the same
// process is known without a wait, whatever another version has left in the store.
func TestMember_KnowsAtOnceWhetherThereIsALoginHost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		running time.Duration // since the start of the gate
		left    bool          // an announcement of another version
		beside  bool          // the login host is in this process
		want    error
		wait    time.Duration
	}{
		"beside":                              {beside: true},
		"beside, after an update":             {beside: true, left: true},
		"beside, later":                       {beside: true, running: time.Hour},
		"missing, just after the start":       {want: errNoHost, wait: 4 * time.Second},
		"missing, a moment after the start":   {running: 3 * time.Second, want: errNoHost, wait: time.Second},
		"missing, later":                      {running: 5 * time.Second, want: errNoHost},
		"of another version, after the start": {left: true, want: ErrFormat},
		"of another version, later":           {left: true, running: time.Minute, want: ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, _ := newRecords(t)
				m := NewMember(r, Registration{Hosts: []string{"wiki.example.com"}}, "wiki")
				m.Neighbours = new(Neighbours)
				login := func(ctx context.Context) {
					if err := r.Announce(ctx, Announcement{SignIn: "/sign-in"}); err != nil {
						t.Error(err)
					}
				}
				m.Neighbours.Join(login)()
				if tt.beside {
					m.Neighbours.Join(login)
				}
				time.Sleep(tt.running)
				if tt.left {
					if err := r.renew(t.Context(), r.own(seal.KindLoginHost, ""), Announcement{Made: r.Now(), Format: Format - 1}, r.Now().Add(time.Minute)); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				if _, err := m.Introduce(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if got := time.Since(began); got != tt.wait {
					t.Errorf("got an answer after %v, want it after %v", got, tt.wait)
				}
			})
		})
	}
}

// A session, and a ticket, of one user gets nothing from the copy of another's cookies.
func TestSource_LendsToTheUserOfTheCopy(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	held, err := r.Hold(t.Context(), seal.Secret{}, false)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := r.Keep(t.Context(), held, Copy{UID: "jane", Cookies: flowclient.Cookies{"authentik_session": "x"}, Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	source := New(Options{Records: r})
	for uid, want := range map[string]bool{"jane": true, "joe": false} {
		rec := &session.Record{User: user.User{UID: uid}, Rest: secret.Cookie()}
		lent, err := source.Lend(t.Context(), rec)
		if got := err == nil && lent.Cookies["authentik_session"] == "x"; got != want || !want && !errors.Is(err, authn.ErrNotSignedIn) {
			t.Errorf("%s: got %v lent with %v, want cookies: %t", uid, lent, err, want)
		}
		if got, err := source.Holds(t.Context(), Ticket{User: rec.User, Copy: rec.Rest}); err != nil || got != want {
			t.Errorf("%s: got a ticket held %t, %v, want %t", uid, got, err, want)
		}
	}
}

// A copy does not move to the session of another user.
func TestCopy_MovesOnlyToItsUser(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	held, err := r.Hold(t.Context(), seal.Secret{}, false)
	if err != nil {
		t.Fatal(err)
	}
	of := func(uid, value string) Copy {
		return Copy{UID: uid, Cookies: flowclient.Cookies{"authentik_session": value}, Until: time.Now().Add(time.Hour)}
	}
	secret, err := r.Keep(t.Context(), held, of("jane", "old"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ uid, value, want string }{{"joe", "joes", "old"}, {"jane", "new", "new"}} {
		if err := r.Move(t.Context(), secret, of(tt.uid, tt.value)); err != nil {
			t.Fatal(err)
		}
		if c, _, err := r.Copy(t.Context(), secret); err != nil || c.UID != "jane" || c.Cookies["authentik_session"] != tt.want {
			t.Errorf("%s: got the session %q of %s (%v), want %q of jane", tt.uid, c.Cookies["authentik_session"], c.UID, err, tt.want)
		}
	}
}

// anyone is an authentik to which all cookies are jane's.
type anyone struct{ authn.Authentik }

func (anyone) User(context.Context, flowclient.Visitor) (flowclient.User, error) {
	return flowclient.User{UID: "jane", Username: "jane", Active: true}, nil
}

// A recheck gives a session's record no cookies of authentik, which only the copy has,
// and keeps how its user has signed in.
func TestSource_RecheckLeavesTheCookiesWithTheCopy(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	source := New(Options{Records: r, Authentik: anyone{}})
	in := session.SignIn{At: time.Now(), MFA: true}
	rec := &session.Record{User: user.User{UID: "jane"}, Cookies: flowclient.Cookies{"authentik_session": "x"}, SignIn: in}
	who, err := source.Recheck(t.Context(), rec)
	if err != nil || who.User.UID != "jane" || len(who.Cookies) > 0 || who.SignIn != in {
		t.Errorf("got user %q with cookies %v, signed in %v (%v), want jane without cookies, signed in %v", who.User.UID, who.Cookies, who.SignIn, err, in)
	}
}

// What no gate can have sealed is told apart from what a gate with another key has.
func TestRequest_UnsealedOneIsDistinguishedFromForeign(t *testing.T) {
	t.Parallel()
	r, _ := newRecords(t)
	other := r
	other.Key = seal.NewKey([]byte(strings.Repeat("o", seal.MinKey)))
	shortest, err := other.SealRequest(Request{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Age{
		shortest: Unknown, shortest + "AAAA": Unknown,
		"": None, "x": None, shortest[:40]: None, shortest + "=": None, shortest + "%": None,
	} {
		if _, _, got := r.Open(text); got != want {
			t.Errorf("%q: got age %d, want %d", text, got, want)
		}
	}
}

// A login host that has ended is not known for much longer than its announcement lasts,
// to a gate that has sent visitors there too. It is known as soon as it is back.
func TestMember_ForgetsALoginHostThatHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRecords(t)
		m := NewMember(r, Registration{Hosts: []string{"wiki.example.com"}}, "wiki")
		introduced := func(want error) {
			t.Helper()
			if _, err := m.Introduce(t.Context()); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		for range 2 {
			if err := r.Announce(t.Context(), Announcement{SignIn: "/sign-in"}); err != nil {
				t.Fatal(err)
			}
			introduced(nil)
			time.Sleep(registeredFor - time.Second) // it ends after its announcement
			introduced(nil)
			time.Sleep(knownFor + time.Second)
			introduced(errNoHost)
		}
	})
}

// FuzzOpen_OnlyOpensWhatWasSealed goes by the content: each process of a fuzz test
// seals the request anew, and its text is another one each time.
func FuzzOpen_OnlyOpensWhatWasSealed(f *testing.F) {
	r := Records{Store: store.NewMemory(), Key: seal.NewKey([]byte(strings.Repeat("k", seal.MinKey))), Now: time.Now, Origin: "https://auth.example.com"}
	good, err := r.SealRequest(Request{Gate: "wiki"})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "v.", "v.x", good, visitMark + good} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, returned, age := r.Open(text); age != Unknown && age != None && (returned || v.Request.Gate != "wiki") {
			t.Errorf("got %q opened as %+v, want only what was sealed", text, v)
		}
	})
}
