package host

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// ticketLife is how long a ticket may be redeemed. The browser brings it to
	// the gate at once.
	ticketLife = 30 * time.Second
	// TicketKept is how long the store keeps a ticket. It is longer than
	// ticketLife, so that a record about to expire is not marked as used twice.
	TicketKept = 2*ticketLife + session.ClockLeeway
)

// A Ticket says who has signed in at the login host. A browser brings it to the
// gate that asked. The ticket's text is random, and opens the record in the
// store once.
type Ticket struct {
	Nonce string    `json:"nonce"` // of the request
	Back  string    `json:"back"`
	User  user.User `json:"user"`
	SID   string    `json:"sid"`   // the identifier of authentik's session
	Copy  string    `json:"copy"`  // the secret of the copy of authentik's cookies
	Begun time.Time `json:"begun"` // when the gate asked
	Asked time.Time `json:"asked"` // when authentik named the user
	// SignIn is how the user signed in, as far as the login host has seen it.
	SignIn session.SignIn `json:"sign_in,omitzero"`
	Made   time.Time      `json:"made"`
	Used   bool           `json:"used,omitempty"`
}

var (
	errTicket      = errors.New("the ticket was made for another site or gate, was used, or never existed")
	errTicketOld   = errors.New("the ticket was made too long ago")
	errTicketOther = errors.New("the ticket was made for another browser, or this one has lost its cookie")
)

// A Place is where a ticket is valid: one gate, by the name of its
// registration, at one of its origins. Two gates on one host may admit
// different users.
type Place struct{ Gate, Origin string }

// ticketBox returns the box of a ticket in the store. For another gate or site
// the same text gives another box.
func (r Records) ticketBox(at Place, s seal.Secret) seal.Box {
	return r.Key.Box(seal.KindTicket, r.place()+"\x00"+at.Gate+"\x00"+at.Origin, s)
}

// Issue stores a ticket, and returns its text.
func (r Records) Issue(ctx context.Context, at Place, t Ticket) (string, error) {
	s := seal.NewSecret()
	t.Made, t.Used = r.Now(), false
	err := r.save(ctx, r.ticketBox(at, s), t, t.Made.Add(TicketKept), "")
	if err != nil {
		return "", fault.From(err)
	}
	return s.Cookie(), nil
}

// Redeem returns the ticket of a text, once. The place must be where the ticket
// is valid, and one of the nonces that of its browser. The first browser that
// brings it uses it up, even if it was made for another browser: it was stolen
// then. An error with the code VisitLost says that the ticket is not valid; any
// other error says that the store failed.
func (r Records) Redeem(ctx context.Context, at Place, text string, nonces ...string) (Ticket, error) {
	s, ok := seal.ParseSecret(text)
	if !ok {
		return Ticket{}, fault.New(fault.VisitLost, errTicket)
	}
	box := r.ticketBox(at, s)
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
	err = r.save(ctx, box, used, t.Made.Add(TicketKept), version)
	switch {
	case errors.Is(err, store.ErrConflict): // another request was faster
		return Ticket{}, fault.New(fault.VisitLost, errTicket)
	case err != nil:
		return Ticket{}, err
	case !slices.ContainsFunc(nonces, func(nonce string) bool { return Is(t.Nonce, nonce) }):
		return Ticket{}, fault.New(fault.VisitLost, errTicketOther)
	case !r.fresh(t.Made, ticketLife):
		return Ticket{}, fault.New(fault.VisitLost, errTicketOld)
	}
	return t, nil
}
