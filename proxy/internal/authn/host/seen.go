package host

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// seenFor is how long a sign-in is known. After that it counts as one of unknown
// age.
const seenFor = 7 * 24 * time.Hour

// A Seen is a sign-in that the login host has seen with its own eyes: in an answer
// of authentik that has given a browser a session with a new key. That a browser has
// come back from a flow shows nothing, since anyone can open that address.
type Seen struct {
	UID   string    `json:"uid"`
	Flow  string    `json:"flow"`            // whose executor has given that answer
	Again bool      `json:"again,omitempty"` // the user was signed in before
	At    time.Time `json:"at"`
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
