package session

import (
	"context"
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/assertion"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Options configure a Registry. All fields without a stated default are
// required.
type Options struct {
	Store   store.Store
	Key     seal.Key
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics Metrics
	Audit   audit.Log
	// Carry returns its first argument with the trace span of another context.
	Carry func(ctx, from context.Context) context.Context
	// Background runs rechecks and saves that no request waits for.
	Background *background.Group

	Issuer      string // authentik's public address
	WonBy       string // the flow or client with which users sign in; may be empty
	Flow        string // the flow, for operators; may be empty
	Client      string // the client of OpenID Connect, for operators; may be empty
	Domain      string // the cookie's domain; empty: the host of each request
	Application string // the application whose access is rechecked; may be empty

	Lifetime time.Duration // the maximum lifetime of a session
	// Longest returns the maximum lifetime of a session of any gate in the
	// process, and at least atLeast. A revocation that ends sessions of several
	// gates is kept for that long: otherwise the longest of them would open
	// again.
	Longest    func(atLeast time.Duration) time.Duration
	Idle       time.Duration // the maximum time without use; 0: no limit
	Recheck    time.Duration // how often authentik is asked again
	MaxPerUser int           // the maximum number of sessions of a user; 0: only index.MaxPerUser
	// KeepAccessToken keeps access tokens in the process's memory.
	KeepAccessToken bool
	// TellIDToken says that the application gets the ID token, so it is renewed
	// before it expires.
	TellIDToken bool

	// Fits reports whether a user meets the operator's requirements.
	Fits func(user.User) bool
	// Headers prepares the identity headers of a session, and returns those
	// that are not as configured.
	Headers func(headers.Subject) ([]headers.Header, []headers.Problem)
	// Assert returns the session's assertion to the application. It may be nil.
	Assert func(u user.User, session string) *assertion.Assertion
	// Ask asks authentik whether a session is still valid.
	// flowclient.ErrUnauthenticated means that it has ended. Any other error says
	// nothing about the session.
	Ask func(backgroundCtx context.Context, rec *Record) (Proof, error)
	// Lend completes a record for a recheck, if its session rests on cookies
	// that are kept elsewhere. flowclient.ErrUnauthenticated means that these
	// cookies have ended. It may be nil.
	Lend func(backgroundCtx context.Context, rec *Record) (*Record, error)
	// EndPrograms forgets the programs whose sessions end with a name, and returns
	// those sessions. The empty name means all. It may be nil.
	EndPrograms func(name string) []*Session
	// Streams are the running requests of the process.
	Streams *Streams
	// Passes reports whether a session may use the application, without asking
	// authentik. It only reads.
	Passes func(*Session) bool
	// MayStay returns the session that the cookie of a stream opens, and
	// whether a request with that cookie would pass. It may ask the store and
	// authentik.
	MayStay func(backgroundCtx context.Context, one *Stream) (s *Session, stays bool)
	// Access asks authentik whether the user of a record's cookies may use an
	// application.
	Access func(backgroundCtx context.Context, rec *Record, application string) (bool, error)
}

// Metrics counts ends of sessions, and headers that sessions lack.
type Metrics interface {
	Ended(reason string)
	HeaderLeftOut(name string)
}
