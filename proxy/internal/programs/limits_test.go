package programs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// basicOf is the credential of a name and a password.
func basicOf(name, password string) Credential { return Read([]string{encoded(name + ":" + password)}) }

// TestPrograms_MalformedCredentialIsNotTried: authentik reads some of them in its
// own way, and an empty password as none at all.
func TestPrograms_MalformedCredentialIsNotTried(t *testing.T) {
	t.Parallel()
	w := &way{answer: good}
	p, _ := newPrograms(t, w)
	for _, line := range []string{"Basic", "Basic !", encoded("jane"), encoded(":secret"), encoded("jane:"), encoded("jane:\x00"), "Bearer", "Bearer a b"} {
		s, err := p.Try(t.Context(), visitor, Read([]string{line}))
		no, refused := errors.AsType[*authn.Refusal](err)
		if s != nil || !refused || !no.Unasked {
			t.Errorf("%q: got %v, %v, want a refusal without asking", line, s, err)
		}
	}
	if got := w.asked.Load(); got != 0 {
		t.Errorf("got %d questions, want none", got)
	}
	long := Read([]string{"Bearer " + strings.Repeat("x", maxCredential+1)})
	if known := p.Known(long); !known.Refused || !known.Foreign {
		t.Errorf("long: got %+v, want a refusal", known)
	}
}

// TestPrograms_ExpiryIsThatOfABearerToken: the token that authentik issues for a
// password lives for minutes, and the password for longer.
func TestPrograms_ExpiryIsThatOfABearerToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: refused}
		p, _ := newPrograms(t, w)
		token := Read([]string{"Bearer x"})
		_, _ = p.Try(t.Context(), visitor, token) // just made, and not known yet
		time.Sleep(refusedFor)
		w.set(func(context.Context) (session.Proof, error) {
			who := jane
			who.Tokens = &session.Tokens{Access: "x", Expiry: time.Now().Add(time.Minute)}
			return who, nil
		})
		for _, c := range []Credential{shown, token} {
			if _, err := p.Try(t.Context(), visitor, c); err != nil {
				t.Fatalf("%s: got %v, want it accepted", c.Scheme, err)
			}
		}
		time.Sleep(time.Minute)
		if known := p.Known(shown); known.Session == nil {
			t.Errorf("basic: got %+v, want its session", known)
		}
		if known := p.Known(token); known != (Standing{}) {
			t.Errorf("bearer: got %+v, want nothing known", known)
		}
	})
}

// TestPrograms_MissedTryIsForgotten: once authentik has answered, that it could not
// be asked before says nothing.
func TestPrograms_MissedTryIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: away}
		p, _ := newProgramsFor(t, w, 20*time.Second)
		_, _ = p.Try(t.Context(), visitor, shown)
		time.Sleep(tryBackoff)
		w.set(good)
		if s, err := p.Try(t.Context(), visitor, shown); s == nil || err != nil {
			t.Fatalf("accepted: got %v, %v, want Jane", s, err)
		}
		time.Sleep(20 * time.Second)
		if s, err := p.Try(t.Context(), visitor, shown); s == nil || err != nil {
			t.Errorf("at the recheck: got %v, %v, want Jane and no error", s, err)
		}
		time.Sleep(20 * time.Second)
		w.set(away)
		_, _ = p.Try(t.Context(), visitor, shown)
		time.Sleep(tryBackoff)
		w.set(refused)
		_, _ = p.Try(t.Context(), visitor, shown) // in the background
		synctest.Wait()
		if s, err := p.Try(t.Context(), visitor, shown); s != nil || !errors.Is(err, authn.ErrNotSignedIn) {
			t.Errorf("refused: got %v, %v, want a refusal", s, err)
		}
	})
}

// TestPrograms_PauseDoesNotCountAsOutage: a guess that was held back may be tried as soon as
// its pause ends.
func TestPrograms_PauseDoesNotCountAsOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: refused}
		p, _ := newPrograms(t, w)
		wait := time.Duration(0)
		for i := 0; wait == 0 && i < 20; i++ {
			_, err := p.Try(t.Context(), visitor, basicOf("jane", fmt.Sprint(i)))
			wait = fault.From(err).RetryAfter
		}
		w.set(good)
		if _, err := p.Try(t.Context(), visitor, shown); fault.From(err).Code != fault.TooManyAttempts {
			t.Fatalf("during the pause: got %v, want %s", err, fault.TooManyAttempts)
		}
		time.Sleep(wait)
		if s, err := p.Try(t.Context(), visitor, shown); s == nil || err != nil {
			t.Errorf("after %v: got %v, %v, want Jane", wait, s, err)
		}
	})
}

// TestPrograms_WhatCountsAsAGuess: a refusal, and an answer that may depend on what
// was shown, but nothing that authentik was not asked about.
func TestPrograms_WhatCountsAsAGuess(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(context.Context) (session.Proof, error)
		slowed bool
	}{
		"refused": {refused, true},
		"an unexpected answer": {func(context.Context) (session.Proof, error) {
			return session.Proof{}, &flowclient.UnexpectedError{Status: 500}
		}, true},
		"refused without asking": {func(context.Context) (session.Proof, error) {
			return session.Proof{}, &authn.Refusal{Reason: "test", Unasked: true}
		}, false},
		"authentik is away": {away, false},
	} {
		p, _ := newPrograms(t, &way{answer: tt.answer})
		slowed := false
		for i := range 10 {
			_, err := p.Try(t.Context(), visitor, basicOf("jane", fmt.Sprint(i)))
			slowed = slowed || fault.From(err).Code == fault.TooManyAttempts
		}
		if slowed != tt.slowed {
			t.Errorf("%s: got slowed %t, want %t", name, slowed, tt.slowed)
		}
	}
}

// TestPrograms_MendedTyposCountNoLonger: an office has one address, and many users.
func TestPrograms_MendedTyposCountNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, _ := newPrograms(t, w)
		for i := range 60 {
			name := fmt.Sprint("user", i)
			w.set(refused)
			_, _ = p.Try(t.Context(), visitor, basicOf(name, "typo"))
			w.set(func(context.Context) (session.Proof, error) {
				return session.Proof{User: user.User{Username: name, UID: name}, Passing: true}, nil
			})
			if s, err := p.Try(t.Context(), visitor, basicOf(name, "right")); s == nil || err != nil {
				t.Fatalf("%s: got %v, %v, want the user", name, s, err)
			}
		}
	})
}

// TestPrograms_NamesOfOneAccountCountTogether: authentik takes the e-mail address for
// the name, and has shown so by a sign-in.
func TestPrograms_NamesOfOneAccountCountTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{answer: func(context.Context) (session.Proof, error) {
			return session.Proof{User: user.User{Username: "jane", UID: "jane's id", Email: "jane@example.com"}, Passing: true}, nil
		}}
		p, _ := newPrograms(t, w)
		_, _ = p.Try(t.Context(), visitor, basicOf("jane@example.com", "secret"))
		w.set(refused)
		slowed := 0
		for i := range 4 {
			for _, name := range []string{"jane", "jane@example.com"} {
				_, err := p.Try(t.Context(), visitor, basicOf(name, fmt.Sprint("guess", i)))
				if fault.From(err).Code == fault.TooManyAttempts {
					slowed++
				}
			}
		}
		if slowed == 0 {
			t.Error("got 8 guesses of one account, want them slowed down")
		}
	})
}

// TestPrograms_EndDuringATryIsHeeded: authentik may have confirmed the credential
// before the end.
func TestPrograms_EndDuringATryIsHeeded(t *testing.T) {
	t.Parallel()
	for ends, want := range map[string]string{"": "due", "mine": "forgotten", "another's": "known"} {
		synctest.Test(t, func(t *testing.T) {
			w := &way{answer: func(context.Context) (session.Proof, error) {
				time.Sleep(time.Second)
				return jane, nil
			}}
			p, _ := newPrograms(t, w)
			name := ends
			if ends == "mine" {
				name = p.namer.name(shown).session()
			}
			go func() {
				time.Sleep(time.Second / 2)
				p.End(name)
			}()
			for _, want := range []string{want, "known"} {
				if s, err := p.Try(t.Context(), visitor, shown); s == nil || err != nil {
					t.Fatalf("%q ends: got %v, %v, want Jane", ends, s, err)
				}
				got := "known"
				switch known := p.Known(shown).Session; {
				case known == nil:
					got = "forgotten"
				case known.Due(time.Now()):
					got = "due"
				}
				if got != want {
					t.Errorf("%q ends: got %s, want %s", ends, got, want)
				}
				time.Sleep(time.Second)
			}
		})
	}
}
