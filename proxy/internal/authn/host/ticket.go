package host

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// ticketLife is how long a ticket may be redeemed: the browser brings it at once.
	ticketLife = 30 * time.Second
	// ticketKept is how long the store keeps it. It must be longer, so that a record
	// that is about to expire is not marked as used twice.
	ticketKept = 2*ticketLife + session.ClockLeeway
)

// A Ticket says who has signed in at the login host. A browser takes it to the
// gate that has asked: its text is random, and opens the record in the store once.
type Ticket struct {
	Nonce string    `json:"nonce"` // of the request
	Back  string    `json:"back"`
	User  user.User `json:"user"`
	SID   string    `json:"sid"`   // of authentik's session
	Copy  string    `json:"copy"`  // the secret of the copy of authentik's cookies
	Begun time.Time `json:"begun"` // when the gate has asked
	Asked time.Time `json:"asked"` // when authentik has named the user
	Made  time.Time `json:"made"`
	Used  bool      `json:"used,omitempty"`
}

var (
	errTicket      = errors.New("the ticket was made for another site, was used, or never existed")
	errTicketOld   = errors.New("the ticket was made too long ago")
	errTicketOther = errors.New("the ticket was made for another browser, or this one has lost its cookie")
)

// ticketBox is the place of a ticket for one site: at another site the same text
// leads to another place.
func (r Records) ticketBox(origin string, s seal.Secret) seal.Box {
	return r.Key.Box(seal.KindTicket, r.Origin+"\x00"+origin, s)
}

// Issue stores a ticket for the gate of a site, and returns its text.
func (r Records) Issue(ctx context.Context, origin string, t Ticket) (string, error) {
	s := seal.NewSecret()
	t.Made, t.Used = r.Now(), false
	err := r.save(ctx, r.ticketBox(origin, s), t, t.Made.Add(ticketKept), "")
	if err != nil {
		return "", fault.From(err)
	}
	return s.Cookie(), nil
}

// Redeem returns the ticket of a text at the gate of a site, once. It is used up by
// the first who brings it, also if it was made for another browser: then it is
// known where it should not be. An error with the code VisitLost says that the
// ticket is not good, and any other that the store failed.
func (r Records) Redeem(ctx context.Context, origin, text, nonce string) (Ticket, error) {
	s, ok := seal.ParseSecret(text)
	if !ok {
		return Ticket{}, fault.New(fault.VisitLost, errTicket)
	}
	box := r.ticketBox(origin, s)
	var t Ticket
	version, found, err := r.load(ctx, box, &t)
	switch {
	case err != nil:
		return Ticket{}, err
	case !found || t.Used:
		return Ticket{}, fault.New(fault.VisitLost, errTicket)
	}
	used := t
	used.Used = true
	err = r.save(ctx, box, used, t.Made.Add(ticketKept), version)
	switch {
	case errors.Is(err, store.ErrConflict): // somebody else was faster
		return Ticket{}, fault.New(fault.VisitLost, errTicket)
	case err != nil:
		return Ticket{}, err
	case !Is(t.Nonce, nonce):
		return Ticket{}, fault.New(fault.VisitLost, errTicketOther)
	case !r.fresh(t.Made, ticketLife):
		return Ticket{}, fault.New(fault.VisitLost, errTicketOld)
	}
	return t, nil
}
