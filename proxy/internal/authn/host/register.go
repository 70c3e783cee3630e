package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// RegisterEvery is how often login hosts and gates register again.
	RegisterEvery = time.Minute
	// registeredFor is how long a registration lasts.
	registeredFor = 3 * RegisterEvery
)

// Format is the version of requests and tickets. It changes if an older side
// would not understand them. A login host and a gate of different formats do
// not work together, and say so.
const Format = 2

// ErrFormat says that a login host and a gate are of different formats.
var ErrFormat = errors.New("the login host and the site run different versions of the gate; run the same one at both")

// A Registration is what a login host knows about a gate. Tickets are sent only
// to registered gates, and only to their own addresses, whatever a request
// says.
type Registration struct {
	Hosts       []string      `json:"hosts"`    // with the port, if the site's address has one
	Callback    string        `json:"callback"` // the path, on each host, that receives tickets
	Application string        `json:"application,omitempty"`
	Lifetime    time.Duration `json:"lifetime"` // the longest lifetime of a session
	Until       time.Time     `json:"until"`
	Format      int           `json:"format,omitempty"`
}

// Name returns the name of a registration, which is the same on every server with
// the same configuration.
func (g Registration) Name(gate string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{gate, g.Callback, g.Application, g.Lifetime.String()}, g.Hosts...), "\x00")))
	return hex.EncodeToString(sum[:10])
}

// Serves reports whether an origin belongs to the gate. Its host and port must
// be in the gate's configuration, and the scheme HTTPS. On the loopback
// interface plain HTTP is accepted too.
func (g Registration) Serves(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Path != "" || u.RawQuery != "" || u.User != nil || !rules.Secure(u) {
		return false
	}
	return slices.ContainsFunc(g.Hosts, func(pattern string) bool { return rules.OriginMatches(u.Scheme, pattern, u.Host) })
}

// Register makes a gate known to the login host, or renews its registration.
func (r Records) Register(ctx context.Context, name string, g Registration) error {
	g.Until, g.Format = r.Now().Add(registeredFor), Format
	return r.renew(ctx, r.own(seal.KindLoginGate, name), g, g.Until)
}

// Registered returns the gate of a registration that has not expired.
func (r Records) Registered(ctx context.Context, name string) (g Registration, found bool, err error) {
	_, found, err = r.load(ctx, r.own(seal.KindLoginGate, name), &g)
	return g, found && r.Now().Before(g.Until), err
}

// An Announcement is what the gates know about a login host.
type Announcement struct {
	SignIn string    `json:"sign_in"` // the path to which browsers bring requests
	Made   time.Time `json:"made,omitzero"`
	StepUp bool      `json:"step_up,omitempty"` // it has a flow for a second factor
	Format int       `json:"format,omitempty"`
}

// Announce makes the login host known to its gates, or renews the announcement.
func (r Records) Announce(ctx context.Context, a Announcement) error {
	a.Made, a.Format = r.Now(), Format
	return r.renew(ctx, r.own(seal.KindLoginHost, ""), a, r.Now().Add(registeredFor))
}

// Announced returns the login host that has the same store and key, if there is
// one. The error has the code ClockSkew if its clock is ahead of this one, and
// is ErrFormat if it is of another version.
func (r Records) Announced(ctx context.Context) (a Announcement, found bool, err error) {
	_, found, err = r.load(ctx, r.own(seal.KindLoginHost, ""), &a)
	if ahead := a.Made.Sub(r.Now()); err == nil && ahead > session.ClockLeeway {
		return Announcement{}, false, fault.New(fault.ClockSkew, fmt.Errorf("%w: it is %v ahead of this server's", errHostAhead, ahead.Round(time.Second)))
	}
	if found && err == nil && a.Format != Format {
		return Announcement{}, false, fault.New(fault.LoginHostUnknown, fmt.Errorf("%w (formats %d and %d)", ErrFormat, a.Format, Format))
	}
	return a, found, err
}

var errHostAhead = errors.New("the clock of the login host differs")

// renew writes a record again. Another server with the same configuration may
// write the same record at the same time.
func (r Records) renew(ctx context.Context, box seal.Box, v any, until time.Time) error {
	var before any
	version, _, err := r.load(ctx, box, &before)
	if err != nil {
		return err
	}
	if err = r.save(ctx, box, v, until, version); errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
