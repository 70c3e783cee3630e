package host

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// seenFor is how long a sign-in is remembered. After that its age counts as
// unknown.
const seenFor = 7 * 24 * time.Hour

// A Seen is a sign-in that the login host itself has seen: in an answer of
// authentik that gave a browser a session with a new key. A browser that
// returns from a flow proves nothing, since any client can open that address.
type Seen struct {
	UID   string    `json:"uid"`
	Flow  string    `json:"flow"`            // the flow whose executor gave that answer
	Again bool      `json:"again,omitempty"` // the user was already signed in
	At    time.Time `json:"at"`
	// Factor is the second factor that the same user gave in the session before
	// this one.
	Factor Shown `json:"factor,omitzero"`
}

// Shown is the sign-in by a flow that asks for a second factor.
type Shown struct {
	Flow string    `json:"flow"`
	At   time.Time `json:"at"`
}

// By returns when the user completed a flow, in this sign-in or in an earlier
// one that it continues. ok is false if the user did not, or too long ago.
func (s Seen) By(flow string, now time.Time) (at time.Time, ok bool) {
	shown := s.Factor
	if s.Flow == flow {
		shown = Shown{s.Flow, s.At}
	}
	return shown.At, flow != "" && shown.Flow == flow && now.Sub(shown.At) <= seenFor
}

// See notes a sign-in by the identifier of its session.
func (r Records) See(ctx context.Context, sid string, s Seen) error {
	s.At = r.Now()
	err := r.save(ctx, r.own(seal.KindLoginSeen, sid), s, s.At.Add(seenFor), "")
	if errors.Is(err, store.ErrConflict) { // it is known already
		return nil
	}
	return err
}

// Seen returns the sign-in of a session, if the login host has seen it.
func (r Records) Seen(ctx context.Context, sid string) (s Seen, found bool, err error) {
	_, found, err = r.load(ctx, r.own(seal.KindLoginSeen, sid), &s)
	return s, found && r.Now().Sub(s.At) <= seenFor, err
}
