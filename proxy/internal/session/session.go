package session

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/assertion"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// A Session is a session in the memory of the process. After it was created,
// only the time of its last use and whether it is doubted change. It is safe
// for concurrent use.
type Session struct {
	User         user.User
	Begun, Until time.Time // when it began, and when it ends at the latest
	SignIn       SignIn
	Stay         time.Time // until when another session may follow this one without a sign-in
	AccessToken  string    // empty unless the gate keeps access tokens
	Headers      []headers.Header
	Assertion    *assertion.Assertion // nil if the application gets no assertion

	id      string          // a public name, for logs
	name    string          // the name of its record
	host    string          // the host where its cookie is valid; empty if it is valid for a domain
	apps    map[string]bool // authentik's verdicts by application
	fits    bool            // whether its user meets the operator's requirements
	checked time.Time       // when authentik last confirmed it
	due     time.Time       // when the next recheck is due
	used    atomic.Int64    // last use in Unix seconds
	from    addresses
	ends    []string // tombstones that end it together with others
	weight  int64    // approximate size in bytes
	rests   bool     // whether it rests on a record, with others
	program bool     // whether it is that of a program's credential, without a record and a cookie
	doubted atomic.Bool
}

// ID returns the session's public name, for logs. It cannot be used to open the
// session.
func (s *Session) ID() string { return s.id }

// Name returns the name of the session's record.
func (s *Session) Name() string { return s.name }

// String returns the public name and the user, and no secrets.
func (s *Session) String() string { return "session " + s.id + " of " + s.User.Username }

// Allowed reports whether the user may use an application: authentik allows it,
// and the user meets the operator's requirements. For an empty application only
// the requirements count.
func (s *Session) Allowed(application string) bool {
	return s.fits && (application == "" || s.apps[application])
}

// HasAccess reports whether authentik allows an application, whatever the
// operator requires.
func (s *Session) HasAccess(application string) bool { return s.apps[application] }

// Known reports whether authentik has said whether the user may use an
// application.
func (s *Session) Known(application string) bool {
	_, known := s.apps[application]
	return known || application == ""
}

// Due reports whether a recheck is due. If the clock was set back, it is.
func (s *Session) Due(now time.Time) bool {
	return s.doubted.Load() || !now.Before(s.due) || now.Before(s.checked.Add(-ClockLeeway))
}

// Doubt makes a recheck due: an end of the session may have been missed.
func (s *Session) Doubt() { s.doubted.Store(true) }

// Doubted reports whether Doubt has made a recheck due.
func (s *Session) Doubted() bool { return s.doubted.Load() }

// Unconfirmed returns how long ago authentik last confirmed the session.
func (s *Session) Unconfirmed(now time.Time) time.Duration { return now.Sub(s.checked) }

// Used returns when the session was last used, to the knowledge of this
// process.
func (s *Session) Used() time.Time { return time.Unix(s.used.Load(), 0) }

// EndsWith reports whether revoking a name ends the session. The name is that
// of its record, or of a tombstone that sessions share.
func (s *Session) EndsWith(name string) bool {
	return s.EndsBy(func(end string) bool { return end == name })
}

// EndsBy reports whether one of the revoked names ends the session.
func (s *Session) EndsBy(revoked func(name string) bool) bool {
	for end := range s.endNames() {
		if revoked(end) {
			return true
		}
	}
	return false
}

// endNames yields the names that end the session when they are revoked.
func (s *Session) endNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(s.name) {
			return
		}
		for _, end := range s.ends {
			if !yield(end) {
				return
			}
		}
	}
}

// size estimates the session's memory in bytes: its texts, and the overhead of
// Go and the cache.
func (s *Session) size() int64 {
	const rest, each = 700, 24
	n := rest + len(s.name) + len(s.User.Username) + len(s.User.Name) + len(s.User.Email) + len(s.User.UID)
	for _, g := range s.User.Groups {
		n += len(g) + each
	}
	for _, h := range s.Headers {
		n += len(h.Value) + 2*each
	}
	for _, e := range s.ends {
		n += len(e) + each
	}
	if s.Assertion != nil {
		n *= 3 // an assertion repeats most of this in base64
	}
	return int64(n+len(s.AccessToken)) + 100*int64(len(s.User.Attributes)+len(s.User.Claims)+len(s.apps))
}

// PublicID returns the public ID of the session whose record has a name. The
// record's name and the cookie cannot be computed from it.
func PublicID(name string) string {
	sum := sha256.Sum256([]byte("public\x00" + name))
	return hex.EncodeToString(sum[:6])
}

// addresses are the client addresses of a session's requests. Each recheck
// sends authentik the visitor's address. authentik can bind its session to a
// network, and ends it if the address has changed too much.
type addresses struct {
	told     netip.Addr                 // the address that authentik was told last
	seenTold atomic.Bool                // whether a request has come from there since
	last     atomic.Pointer[netip.Addr] // the address of the last request; nil if it is told
}

// SeenFrom notes the client address of a request of the session.
func (s *Session) SeenFrom(addr netip.Addr) {
	a := &s.from
	if addr == a.told {
		if !a.seenTold.Load() {
			a.seenTold.Store(true)
		}
		if a.last.Load() != nil {
			a.last.Store(nil)
		}
		return
	}
	if last := a.last.Load(); last == nil || *last != addr {
		moved := addr
		a.last.Store(&moved)
	}
}

// present returns the address to send to authentik: that of the last request. A
// browser with IPv4 and IPv6 alternates between the two. So while requests
// still come from the address that was sent last, an address of the other
// family does not count as a change.
func (s *Session) present() netip.Addr {
	a := &s.from
	last := a.last.Load()
	if last == nil || !last.IsValid() || a.seenTold.Load() && last.Unmap().Is4() != a.told.Unmap().Is4() {
		return a.told
	}
	return *last
}
