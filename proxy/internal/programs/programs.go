package programs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

const (
	// maxGood is the maximum number of valid credentials in the cache,
	// maxGoodBytes the maximum size of their sessions, and maxRefused the
	// maximum number of refused credentials.
	maxGood      = 10_000
	maxGoodBytes = 64 << 20
	maxRefused   = 10_000
	// maxEnded is how many ends of sessions are remembered while a try runs.
	maxEnded = 1_000
	// refusedFor is how long a refused credential is not tried again. It is
	// short, so that a credential that was just created soon works.
	refusedFor = 5 * time.Second
	// tryWait is the timeout for one try, with all its requests to authentik.
	tryWait = 12 * time.Second
	// tryBackoff is how long a credential is not tried again after authentik
	// could not be asked.
	tryBackoff = 10 * time.Second
	// missedFor is how long after a failed try of a credential that was valid
	// requests do not wait for the next try.
	missedFor = time.Minute
)

// A Way asks authentik about the credentials of one scheme. If authentik
// refuses a credential, the error is an authn.Refusal. Any other error says
// nothing about the credential.
type Way interface {
	Try(ctx context.Context, v flowclient.Visitor, c Credential) (session.Proof, error)
}

// Options configure Programs. All fields are required.
type Options struct {
	// Ways are the ways that the operator allows, by scheme.
	Ways map[Scheme]Way
	// Pass says that a valid credential stays on the request.
	Pass bool
	// Key makes the names of credentials. It is for this gate, client and
	// application only.
	Key []byte
	// Recheck is how long an answer of authentik is valid. Grace is how much
	// longer it is valid while authentik is unreachable.
	Recheck, Grace time.Duration
	Now            func() time.Time
	Logger         *slog.Logger
	Audit          audit.Log
	// Go runs work that several requests wait for, in the background of the
	// gate.
	Go func(work func(context.Context)) bool
	// Guesses is the throttle of sign-ins. It is for credentials that can be
	// guessed. Tokens is for credentials that cannot be guessed, so that
	// programs with an old token do not slow down sign-ins.
	Guesses, Tokens *throttle.Throttle
	// Session makes the session of a credential.
	Session func(name string, who session.Proof, asked, expires time.Time) *session.Session
	// Tried counts a try by its outcome: accepted, refused, failed or slowed.
	Tried func(scheme Scheme, outcome string)
	// Ended ends the running requests of a session that has ended.
	Ended func(name string)
}

// Programs are the credentials that a gate knows. They are safe for concurrent
// use.
type Programs struct {
	options Options
	namer   *namer
	good    *cache.Cache[Name, *session.Session]
	refused *cache.Cache[Name, time.Time] // when each was refused
	missed  *cache.Cache[Name, missed]
	ended   *cache.Cache[string, time.Time]      // the names that have ended sessions, and when
	trying  *cache.Cache[Name, *session.Session] // a cache of nothing: concurrent requests share one try
	later   sync.Map                             // the names that are tried in the background
}

// A missed try says why authentik could not be asked, and when.
type missed struct {
	err error
	at  time.Time
}

// New returns Programs without any credentials.
func New(o Options) *Programs {
	return &Programs{
		options: o, namer: newNamer(o.Key),
		good: cache.New(cache.Options[Name, *session.Session]{
			Entries: maxGood, Bytes: maxGoodBytes, Now: o.Now, Weight: func(_ Name, s *session.Session) int64 { return s.Weight() },
		}),
		refused: cache.New(cache.Options[Name, time.Time]{Entries: maxRefused, Now: o.Now}),
		missed:  cache.New(cache.Options[Name, missed]{Entries: maxRefused, Now: o.Now}),
		ended:   cache.New(cache.Options[string, time.Time]{Entries: maxEnded, Now: o.Now}),
		trying:  cache.New(cache.Options[Name, *session.Session]{Now: o.Now, Go: o.Go}),
	}
}

// Allows reports whether the operator allows a scheme.
func (p *Programs) Allows(s Scheme) bool { return p != nil && p.options.Ways[s] != nil }

// Passes reports whether a valid credential stays on the request.
func (p *Programs) Passes() bool { return p != nil && p.options.Pass }

// Sweep drops everything that has expired.
func (p *Programs) Sweep() {
	if p == nil {
		return
	}
	p.good.Sweep()
	p.refused.Sweep()
	p.missed.Sweep()
	p.ended.Sweep()
	p.options.Tokens.Sweep()
}

// A Standing is what the gate knows about a credential.
type Standing struct {
	// Session is the credential's session, or nil. authentik may have to be
	// asked about it again.
	Session *session.Session
	// Refused says that authentik has refused the credential in the last
	// seconds. Foreign says that authentik has refused it since a recheck was
	// last due, so it may be a credential of the application itself.
	Refused, Foreign bool
}

// Known returns what is known about a credential. It asks neither the store nor
// authentik.
func (p *Programs) Known(c Credential) Standing {
	if len(c.text) > maxCredential {
		return Standing{Refused: true, Foreign: true}
	}
	return p.known(p.namer.name(c))
}

func (p *Programs) known(name Name) (known Standing) {
	if s, found := p.good.Get(name); found && p.options.Now().Before(s.Until) {
		return Standing{Session: s}
	}
	if at, found := p.refused.Get(name); found {
		return Standing{Refused: p.options.Now().Sub(at) < refusedFor, Foreign: true}
	}
	return Standing{}
}

// Try asks authentik about a credential, and returns its session. Requests that
// show the credential at the same time share one try. If authentik refuses the
// credential, the error is an authn.ErrNotSignedIn. With any other error, the
// session is the one that was known before, or nil.
func (p *Programs) Try(ctx context.Context, v flowclient.Visitor, c Credential) (*session.Session, error) {
	if !c.Valid() {
		return nil, &authn.Refusal{Reason: "it has not the form of its scheme", Unasked: true}
	}
	name := p.namer.name(c)
	try := func(backgroundCtx context.Context) (*session.Session, time.Duration, error) {
		s, err := p.try(backgroundCtx, v, c, name)
		return s, 0, err
	}
	before := p.known(name).Session
	if last, found := p.missed.Get(name); found {
		resting := p.options.Now().Sub(last.at) < tryBackoff
		if before != nil && !resting {
			p.tryLater(name, try)
		}
		if before != nil || resting {
			return before, last.err
		}
	}
	s, err := p.trying.Do(ctx, name, try)
	switch {
	case err == nil:
		return s, nil
	case ctx.Err() != nil, errors.Is(err, context.Canceled): // the program has disconnected, or the gate is closing
		return before, fault.New(fault.AuthentikUnreachable, err)
	case errors.Is(err, authn.ErrNotSignedIn):
		return nil, err
	}
	return before, err
}

// tryLater tries a credential in the background, unless a try is running.
func (p *Programs) tryLater(name Name, try cache.Fetch[*session.Session]) {
	if _, going := p.later.LoadOrStore(name, true); going {
		return
	}
	p.options.Go(func(backgroundCtx context.Context) {
		defer p.later.Delete(name)
		_, _ = p.trying.Do(backgroundCtx, name, try) // a failure is noted there
	})
}

var errRefused = &authn.Refusal{Reason: "authentik has refused it a moment ago"}

// try asks authentik, unless another request has done so since the caller
// checked.
func (p *Programs) try(ctx context.Context, v flowclient.Visitor, c Credential, name Name) (*session.Session, error) {
	known, now := p.known(name), p.options.Now()
	switch {
	case known.Session != nil && !known.Session.Due(now):
		return known.Session, nil
	case known.Refused:
		return nil, errRefused
	}
	ctx, cancel := context.WithTimeout(ctx, tryWait)
	defer cancel()
	begun := p.options.Now()
	who, err := p.ask(ctx, v, c, known.Session != nil)
	p.options.Tried(c.Scheme, outcome(err))
	switch {
	case errors.Is(err, authn.ErrNotSignedIn):
		p.refuse(ctx, v, c, name, err)
		return nil, err
	case err != nil:
		if fault.From(err).Code != fault.TooManyAttempts {
			p.miss(ctx, c, name, err)
		}
		return nil, err
	}
	s := p.accept(ctx, v, c, name, who, p.options.Now())
	p.dropIfEnded(name, s, begun)
	return s, nil
}

// outcome names the result of a try, for metrics.
func outcome(err error) string {
	switch {
	case err == nil:
		return "accepted"
	case errors.Is(err, authn.ErrNotSignedIn):
		return "refused"
	case fault.From(err).Code == fault.TooManyAttempts:
		return "slowed"
	default:
		return "failed"
	}
}

// accept keeps the session of a valid credential.
func (p *Programs) accept(ctx context.Context, v flowclient.Visitor, c Credential, name Name, who session.Proof, asked time.Time) *session.Session {
	var expires time.Time
	if c.Scheme == Bearer && who.Tokens != nil {
		expires = who.Tokens.Expiry
	}
	before := p.known(name).Session
	s := p.options.Session(name.session(), who, asked, expires)
	p.refused.Delete(name)
	p.missed.Delete(name)
	p.good.Put(name, s, min(p.options.Recheck+p.options.Grace, s.Until.Sub(asked)))
	if before == nil {
		p.options.Logger.InfoContext(ctx, "program signed in", "scheme", string(c.Scheme), "user", who.User.Username,
			"session", s.ID(), "site", c.Site, "client_ip", v.Addr.String())
		p.options.Audit.Write(ctx, audit.Line{
			Event: audit.SignIn, User: who.User.Username, Session: s.ID(), Site: c.Site, Client: v.Addr, Way: string(c.Scheme),
		})
	}
	return s
}

// refuse notes that a credential is not valid, or no longer valid.
func (p *Programs) refuse(ctx context.Context, v flowclient.Visitor, c Credential, name Name, cause error) {
	attrs := []any{"scheme", string(c.Scheme), "reason", cause.Error(), "site", c.Site, "client_ip", v.Addr.String()}
	line := audit.Line{Event: audit.Refusal, Reason: audit.CredentialRefused, Site: c.Site, Client: v.Addr, Way: string(c.Scheme)}
	if before := p.known(name).Session; before != nil {
		line.User, line.Session = before.User.Username, before.ID()
		attrs = append(attrs, "user", line.User, "session", line.Session)
	}
	p.good.Delete(name)
	p.missed.Delete(name)
	p.refused.Put(name, p.options.Now(), p.options.Recheck)
	p.options.Ended(name.session())
	p.options.Logger.InfoContext(ctx, "program refused", attrs...)
	p.options.Audit.Write(ctx, line)
}

// miss notes that authentik could not be asked.
func (p *Programs) miss(ctx context.Context, c Credential, name Name, err error) {
	p.missed.Put(name, missed{err, p.options.Now()}, missedFor)
	p.options.Logger.WarnContext(ctx, "program: authentik cannot be asked about a credential; known credentials stay valid for as long as grace allows",
		"error", fault.Cause(err), "code", fault.From(err).Code, "scheme", string(c.Scheme), "site", c.Site)
}

// ask asks authentik, unless there were too many wrong credentials before. A
// credential that was valid before is not a guess.
func (p *Programs) ask(ctx context.Context, v flowclient.Visitor, c Credential, known bool) (session.Proof, error) {
	way := p.options.Ways[c.Scheme]
	if known {
		return way.Try(ctx, v, c)
	}
	guarded, answer := p.options.Tokens, throttle.Answer{Client: v.Addr, Proves: true}
	if name, _, ok := c.Password(); ok {
		guarded, answer.Name = p.options.Guesses, name
	}
	attempt, wait := guarded.Begin(ctx, answer)
	if wait > 0 {
		e := fault.New(fault.TooManyAttempts, nil)
		e.RetryAfter = wait
		return session.Proof{}, e
	}
	defer attempt.End()
	who, err := way.Try(ctx, v, c)
	switch {
	case failed(err):
		attempt.Fail("")
	case err == nil && c.Scheme == Basic:
		attempt.Accept(who.User.Username)
		guarded.SignedIn(v.Addr, who.User.Username, who.User.Email)
	}
	return who, err
}

// failed reports whether a try counts as a wrong answer: authentik has refused
// the credential, or has sent an answer that may depend on it.
func failed(err error) bool {
	if no, ok := errors.AsType[*authn.Refusal](err); ok {
		return !no.Unasked
	}
	_, unexpected := errors.AsType[*flowclient.UnexpectedError](err)
	return unexpected || errors.Is(err, authn.ErrNotSignedIn)
}
