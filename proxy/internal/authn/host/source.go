package host

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Name is the source's label in metrics and logs.
const Name = "host"

// Options configure a Source.
type Options struct {
	Records
	Authentik authn.Authentik
	// At is the origin of the login host, through which authentik is asked.
	At *url.URL
	// Lifetime is how long a session lasts.
	Lifetime time.Duration
}

// A Source identifies visitors by authentik's own session at a login host. It
// is safe for concurrent use.
type Source struct{ Options }

var _ authn.Source = (*Source)(nil)

// New returns a source.
func New(o Options) *Source { return &Source{o} }

var (
	errElsewhere = errors.New("visitors of this gate sign in at its login host, and nowhere else")
	errNoCopy    = errors.New("the session at the login host has ended")
)

// Name implements [authn.Source].
func (*Source) Name() string { return Name }

// Begin implements [authn.Source]. It fails, since no visit begins here.
func (*Source) Begin(context.Context, flowclient.Visitor, *authn.Request) (authn.Opening, error) {
	return authn.Opening{}, errElsewhere
}

// Prove implements [authn.Source]. It fails, since no visit ends here.
func (*Source) Prove(context.Context, flowclient.Visitor, flowclient.Step, *authn.Request) (authn.Result, error) {
	return nil, errElsewhere
}

// Proof returns what a redeemed ticket proves.
func (*Source) Proof(t Ticket) session.Proof {
	return session.Proof{User: t.User, Passing: true, SID: t.SID, Rest: t.Copy, Asked: t.Asked, SignIn: t.SignIn}
}

// Holds reports whether the copy of authentik's cookies is still there that a ticket's
// session would rest on. A sign-out deletes it while the ticket is on its way.
func (s *Source) Holds(ctx context.Context, t Ticket) (bool, error) {
	secret, ok := seal.ParseSecret(t.Copy)
	if !ok {
		return false, nil
	}
	c, found, err := s.Copy(ctx, secret)
	return found && c.UID == t.User.UID, err
}

// Rest makes the record of a session that began with a ticket rest on
// authentik's session at the login host. It does not change other records. The
// copy must outlast the session, so that the end of authentik's session ends
// this session too.
func (s *Source) Rest(rec *session.Record) {
	if secret, ok := seal.ParseSecret(rec.Rest); ok {
		rec.Scheme, rec.Host, rec.RestName = s.At.Scheme, s.At.Host, s.copyBox(secret).Name()
		rec.Ends = append(rec.Ends, s.Tombstone(secret))
	}
}

// Lend returns a copy of a session's record for a recheck, with the latest
// cookies that the login host has seen. It returns authn.ErrNotSignedIn if they
// have ended.
func (s *Source) Lend(ctx context.Context, rec *session.Record) (*session.Record, error) {
	secret, ok := seal.ParseSecret(rec.Rest)
	if !ok {
		return nil, authn.ErrNotSignedIn
	}
	c, found, err := s.Copy(ctx, secret)
	switch {
	case err != nil:
		return nil, err
	case !found || c.UID != rec.User.UID:
		return nil, errors.Join(authn.ErrNotSignedIn, errNoCopy)
	}
	lent := *rec
	lent.Cookies = c.Cookies
	return &lent, nil
}

// Recheck asks authentik who is signed in at the login host, with the cookies
// that Lend has put into the record. If no user is signed in, all sessions that
// rest on these cookies end. If the login host has seen newer cookies
// meanwhile, it returns session.ErrMoved.
func (s *Source) Recheck(ctx context.Context, rec *session.Record) (session.Proof, error) {
	who, err := authn.Me(ctx, s.Authentik, rec.Visitor(), true)
	if errors.Is(err, authn.ErrNotSignedIn) {
		newer, lent := s.Lend(ctx, rec)
		switch {
		case errors.Is(lent, authn.ErrNotSignedIn):
			return session.Proof{}, err
		case lent != nil:
			return session.Proof{}, lent
		case !maps.Equal(newer.Cookies, rec.Cookies):
			return session.Proof{}, session.ErrMoved
		}
	}
	if errors.Is(err, authn.ErrNotSignedIn) {
		_ = s.endAll(ctx, rec) // this session ends in any case; the others end at their own recheck
	}
	who.Cookies = nil // the copy keeps them
	who.SignIn = rec.SignIn
	return who, err
}

// endAll ends everything that rests on the same copy as a session.
func (s *Source) endAll(ctx context.Context, rec *session.Record) error {
	secret, ok := seal.ParseSecret(rec.Rest)
	if !ok {
		return nil
	}
	until := s.Now().Add(s.Lifetime)
	if c, found, err := s.Copy(ctx, secret); err == nil && found && c.Until.After(until) {
		until = c.Until
	}
	return s.End(ctx, secret, until)
}

// SignOut first ends all sessions, on all domains, that rest on authentik's
// session at the login host, and then ends that session. The record may already
// have the cookies from Lend: the copy is deleted with the last session.
func (s *Source) SignOut(ctx context.Context, rec *session.Record) (err error) {
	lent := rec
	if len(rec.Cookies) == 0 {
		lent, err = s.Lend(ctx, rec)
	}
	if ended := s.endAll(ctx, rec); ended != nil {
		return ended
	}
	switch {
	case errors.Is(err, authn.ErrNotSignedIn): // authentik's session has ended already
		return nil
	case err != nil:
		return err
	}
	return authn.Invalidate(ctx, s.Authentik, lent.Visitor())
}
