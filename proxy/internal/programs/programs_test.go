package programs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// A way answers as a test says, and counts.
type way struct {
	asked atomic.Int32

	mu     sync.Mutex
	answer func(ctx context.Context) (session.Proof, error)
}

// set has the next tries answered otherwise.
func (w *way) set(answer func(ctx context.Context) (session.Proof, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *way) Try(ctx context.Context, _ flowclient.Visitor, _ Credential) (session.Proof, error) {
	w.asked.Add(1)
	w.mu.Lock()
	answer := w.answer
	w.mu.Unlock()
	return answer(ctx)
}

var jane = session.Proof{User: user.User{Username: "jane", UID: "jane's id"}, Passing: true}

func good(context.Context) (session.Proof, error) { return jane, nil }

func refused(context.Context) (session.Proof, error) {
	return session.Proof{}, &authn.Refusal{Reason: "test"}
}

func away(context.Context) (session.Proof, error) {
	return session.Proof{}, fmt.Errorf("test: %w", flowclient.ErrUnreachable)
}

const (
	recheck = 5 * time.Minute
	grace   = 15 * time.Minute
)

// newPrograms knows no program, and asks by a way for both schemes.
func newPrograms(t testing.TB, w *way) (p *Programs, ended *atomic.Int32) {
	t.Helper()
	return newProgramsFor(t, w, recheck)
}

// newProgramsFor is newPrograms with another interval between rechecks.
func newProgramsFor(t testing.TB, w *way, recheck time.Duration) (p *Programs, ended *atomic.Int32) {
	t.Helper()
	work, ended := background.New(), new(atomic.Int32)
	t.Cleanup(work.Close)
	limits := func() *throttle.Throttle {
		return throttle.New(throttle.Options{Derive: func(kind, name string) (k throttle.Key) {
			copy(k[:], kind+name)
			return k
		}})
	}
	sessions := session.New(session.Options{
		Now: time.Now, Carry: func(ctx, _ context.Context) context.Context { return ctx }, Logger: slog.New(slog.DiscardHandler), Background: work, Lifetime: 24 * time.Hour, Recheck: recheck,
		Fits:    func(user.User) bool { return true },
		Headers: func(headers.Subject) ([]headers.Header, []headers.Problem) { return nil, nil },
	})
	return New(Options{
		Ways: map[Scheme]Way{Basic: w, Bearer: w}, Key: []byte("key"), Recheck: recheck, Grace: grace, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler), Go: work.Shared, Guesses: limits(), Tokens: limits(),
		Session: sessions.Program, Ended: func(string) { ended.Add(1) }, Tried: func(Scheme, string) {},
	}), ended
}

var (
	shown   = Read([]string{encoded("jane:secret")})
	visitor = flowclient.Visitor{Addr: netip.MustParseAddr("203.0.113.7")}
)

func TestPrograms_ManyAskOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: func(context.Context) (session.Proof, error) {
			time.Sleep(time.Second)
			return jane, nil
		}}
		p, _ := newPrograms(t, w)
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 20 * time.Millisecond) // the last come when the try has ended
				if s, err := p.Try(t.Context(), visitor, shown); err != nil || s.User.Username != "jane" {
					t.Errorf("got %v, %v, want Jane", s, err)
				}
			})
		}
		all.Wait()
		if got := w.asked.Load(); got != 1 {
			t.Errorf("got %d questions, want one", got)
		}
	})
}

// TestPrograms_DisconnectedOneDoesNotEndTheTry: others wait for the same try.
func TestPrograms_DisconnectedOneDoesNotEndTheTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: func(ctx context.Context) (session.Proof, error) {
			time.Sleep(time.Second)
			return jane, ctx.Err()
		}}
		p, _ := newPrograms(t, w)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := p.Try(ctx, visitor, shown)
			left <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-left; fault.From(err).Code != fault.AuthentikUnreachable {
			t.Errorf("who left: got %v, want %s", err, fault.AuthentikUnreachable)
		}
		if s, err := p.Try(t.Context(), visitor, shown); err != nil || s == nil || w.asked.Load() != 1 {
			t.Errorf("who waits: got %v, %v after %d questions, want Jane after one", s, err, w.asked.Load())
		}
	})
}

func TestPrograms_RefusalIsRememberedForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: refused}
		p, _ := newPrograms(t, w)
		for range 3 {
			if _, err := p.Try(t.Context(), visitor, shown); !errors.Is(err, authn.ErrNotSignedIn) {
				t.Errorf("got %v, want a refusal", err)
			}
		}
		if known := p.Known(shown); w.asked.Load() != 1 || !known.Refused || !known.Foreign {
			t.Errorf("got %d questions and %+v, want one and a refusal", w.asked.Load(), known)
		}
		time.Sleep(refusedFor)
		if known := p.Known(shown); known.Refused || !known.Foreign {
			t.Errorf("later: got %+v, want no refusal any more", known)
		}
		w.set(good)
		if s, err := p.Try(t.Context(), visitor, shown); err != nil || s == nil {
			t.Errorf("got %v, %v, want Jane", s, err)
		}
		if known := p.Known(shown); known.Session == nil || known.Foreign {
			t.Errorf("got %+v, want her session", known)
		}
	})
}

// TestPrograms_RefusedAtTheRecheck: authentik is asked before a credential passes
// once more, and what it has begun ends.
func TestPrograms_RefusedAtTheRecheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: good}
		p, ended := newPrograms(t, w)
		s, _ := p.Try(t.Context(), visitor, shown)
		time.Sleep(recheck - time.Second)
		if s.Due(time.Now()) {
			t.Error("got a session that is due, want none before the recheck")
		}
		time.Sleep(time.Second)
		if known := p.Known(shown); known.Session == nil || !known.Session.Due(time.Now()) {
			t.Errorf("got %+v, want a session that is due", known)
		}
		w.set(refused)
		if s, err := p.Try(t.Context(), visitor, shown); s != nil || !errors.Is(err, authn.ErrNotSignedIn) || ended.Load() != 1 {
			t.Errorf("got %v, %v, %d ends, want a refusal and one", s, err, ended.Load())
		}
		if known := p.Known(shown); known.Session != nil {
			t.Errorf("got %+v, want no session", known)
		}
	})
}

// TestPrograms_SlowAuthentikIsNotWaitedFor: once a try has failed, a credential
// that was good passes at once, and is tried in the background.
func TestPrograms_SlowAuthentikIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: good}
		p, _ := newPrograms(t, w)
		_, _ = p.Try(t.Context(), visitor, shown)
		time.Sleep(recheck)
		w.set(func(ctx context.Context) (session.Proof, error) {
			<-ctx.Done()
			return session.Proof{}, fmt.Errorf("test: %w", flowclient.ErrUnreachable)
		})
		begun, start := 0, p.options.Go
		p.options.Go = func(work func(context.Context)) bool { begun++; return start(work) }
		began := time.Now()
		if s, err := p.Try(t.Context(), visitor, shown); s == nil || err == nil || time.Since(began) != tryWait {
			t.Errorf("first: got %v, %v after %v, want the session and an error after %v", s, err, time.Since(began), tryWait)
		}
		for range 20 {
			time.Sleep(time.Second)
			began = time.Now()
			if s, err := p.Try(t.Context(), visitor, shown); s == nil || err == nil || time.Since(began) != 0 {
				t.Errorf("then: got %v, %v after %v, want the session and an error at once", s, err, time.Since(began))
			}
		}
		if got := w.asked.Load(); got != 3 {
			t.Errorf("got %d questions, want 3: at first, at the recheck, and one in the background", got)
		}
		if begun != 1 {
			t.Errorf("got %d tries begun in the background, want 1", begun)
		}
		time.Sleep(time.Minute)
		w.set(good)
		time.Sleep(tryBackoff)
		_, _ = p.Try(t.Context(), visitor, shown)
		synctest.Wait()
		if known := p.Known(shown); known.Session == nil || known.Session.Due(time.Now()) {
			t.Errorf("authentik is back: got %+v, want a session that is not due", known)
		}
	})
}

// TestPrograms_UnknownCredentialRests: a program that tries again and again must
// not have authentik asked each time.
func TestPrograms_UnknownCredentialRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: away}
		p, _ := newPrograms(t, w)
		for range 5 {
			if s, err := p.Try(t.Context(), visitor, shown); s != nil || !errors.Is(err, flowclient.ErrUnreachable) {
				t.Errorf("got %v, %v, want an error that is no refusal", s, err)
			}
		}
		time.Sleep(tryBackoff)
		_, _ = p.Try(t.Context(), visitor, shown)
		if got := w.asked.Load(); got != 2 {
			t.Errorf("got %d questions, want 2", got)
		}
	})
}

func TestPrograms_GraceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: good}
		p, _ := newPrograms(t, w)
		_, _ = p.Try(t.Context(), visitor, shown)
		w.set(away)
		time.Sleep(recheck + grace - time.Second)
		if s, _ := p.Try(t.Context(), visitor, shown); s == nil {
			t.Error("within the grace: got nothing, want the session")
		}
		time.Sleep(time.Second)
		if s, err := p.Try(t.Context(), visitor, shown); s != nil || err == nil {
			t.Errorf("after the grace: got %v, %v, want an error only", s, err)
		}
	})
}

// TestPrograms_PanicAdmitsNoUser: whatever happens in a way.
func TestPrograms_PanicAdmitsNoUser(t *testing.T) {
	t.Parallel()
	p, _ := newPrograms(t, &way{answer: func(context.Context) (session.Proof, error) { panic("broken") }})
	if s, err := p.Try(t.Context(), visitor, shown); s != nil || err == nil || errors.Is(err, authn.ErrNotSignedIn) {
		t.Errorf("got %v, %v, want an error that is no refusal", s, err)
	}
}

// TestPrograms_FloodOfWrongOnesKeepsValidOnes: they are kept apart.
func TestPrograms_FloodOfWrongOnesKeepsValidOnes(t *testing.T) {
	t.Parallel()
	w := &way{answer: good}
	p, _ := newPrograms(t, w)
	_, _ = p.Try(t.Context(), visitor, shown)
	for i := range maxRefused + 10 {
		p.refuse(t.Context(), visitor, shown, Name{1, byte(i), byte(i >> 8)}, authn.ErrNotSignedIn)
	}
	if p.Known(shown).Session == nil || p.refused.Len() != maxRefused {
		t.Errorf("got %d refused ones and %+v, want %d and the session", p.refused.Len(), p.Known(shown), maxRefused)
	}
}

// TestPrograms_KnownOneIsNoGuess: an attacker who keeps failing for an account must
// not keep its programs out.
func TestPrograms_KnownOneIsNoGuess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: good}
		p, _ := newPrograms(t, w)
		_, _ = p.Try(t.Context(), visitor, shown)
		time.Sleep(recheck)
		w.set(refused)
		for i := range 10 {
			_, _ = p.Try(t.Context(), visitor, Read([]string{encoded(fmt.Sprint("jane:guess", i))}))
		}
		_, err := p.Try(t.Context(), visitor, Read([]string{encoded("jane:another")}))
		if e := fault.From(err); e.Code != fault.TooManyAttempts || e.RetryAfter <= 0 {
			t.Errorf("a guess: got %v, want %s and how long to wait", err, fault.TooManyAttempts)
		}
		w.set(good)
		if s, err := p.Try(t.Context(), visitor, shown); s == nil || err != nil {
			t.Errorf("the known one: got %v, %v, want its session", s, err)
		}
	})
}
