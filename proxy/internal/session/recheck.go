package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

const (
	// recheckWait is the timeout for one recheck, with all its requests to
	// authentik.
	recheckWait = 12 * time.Second
	// RecheckLease is the duration of the lease for a recheck. If the process
	// that has it is killed, the others wait for that long.
	RecheckLease = recheckWait + 2*time.Second
	// recheckBackoff is the pause after a failed recheck before the next one of the
	// same session.
	recheckBackoff = 10 * time.Second
	// missedFor is how long after a failed recheck requests do not wait for the
	// next one, which runs in the background.
	missedFor = time.Minute
	// recheckPoll is how often a process checks whether another one has finished.
	recheckPoll = 100 * time.Millisecond
	// MaxRechecks is the maximum number of concurrent rechecks of a gate in the
	// background. Later requests start the others.
	MaxRechecks = 16
	// renewAhead is how long before its expiry an access token is renewed, if the
	// application gets it.
	renewAhead = time.Minute
)

// rechecks are the running rechecks, and those that have just failed.
type rechecks struct {
	single *bounded.Cache[string, reading] // a cache of nothing: callers share one recheck
	mu     sync.Mutex
	going  map[string]bool               // the running ones in the background, by record name
	failed *bounded.Cache[string, error] // by record name, for recheckBackoff
	missed *bounded.Cache[string, error] // by record name, for missedFor
}

// maxFailed is how many sessions are remembered whose recheck has failed.
const maxFailed = 100_000

func newRechecks(now func() time.Time) *rechecks {
	errs := bounded.Options[string, error]{Entries: maxFailed, Now: now}
	return &rechecks{going: map[string]bool{}, failed: bounded.New(errs), missed: bounded.New(errs)}
}

// sweep forgets old failures.
func (c *rechecks) sweep() {
	c.failed.Sweep()
	c.missed.Sweep()
}

// missedError returns the error of a recheck that failed, if none has succeeded
// since.
func (c *rechecks) missedError(name string) error {
	err, _ := c.missed.Get(name)
	return err
}

// take gives a background recheck to the first caller that asks.
func (c *rechecks) take(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, resting := c.failed.Get(name); resting || c.going[name] || len(c.going) >= MaxRechecks {
		return false
	}
	c.going[name] = true
	return true
}

func (c *rechecks) done(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.going, name)
}

// lastError returns the error of the last recheck, if it has just failed.
func (c *rechecks) lastError(name string) error {
	err, _ := c.failed.Get(name)
	return err
}

// due returns when the next recheck of a session is due.
func (r *Registry) due(rec *Record) time.Time {
	due := rec.checked().Add(r.Options.Recheck)
	if (r.KeepAccessToken || r.TellIDToken) && rec.Tokens != nil && rec.Tokens.Refresh != "" {
		if ahead := rec.Tokens.Expiry.Add(-renewAhead); ahead.Before(due) {
			due = index.Later(ahead, rec.checked().Add(recheckBackoff)) // for a token that is always about to expire
		}
	}
	return due
}

// refresh rechecks a session in the background if a recheck is due.
func (r *Registry) refresh(value, host string, s *Session) {
	if !s.Due(r.Now()) || !r.rechecks.take(s.name) {
		return
	}
	started := r.Background.Go(func(backgroundCtx context.Context) {
		defer r.rechecks.done(s.name)
		_, _, _ = r.Recheck(backgroundCtx, value, host, s.name) // Recheck has logged the error
	})
	if !started {
		r.rechecks.done(s.name)
	}
}

// Await is Recheck for a request that cannot pass before the recheck. If a
// recheck has just failed, the request does not wait for another: Await returns
// that error, and the recheck runs in the background.
func (r *Registry) Await(ctx context.Context, value, host string, s *Session) (now *Session, found bool, err error) {
	if err := r.rechecks.missedError(s.name); err != nil {
		r.refresh(value, host, s)
		return nil, false, err
	}
	return r.Recheck(ctx, value, host, s.name)
}

// Recheck asks authentik about the session of a record's name, once for all
// callers that wait for it, and returns the updated session. found is false if
// the session has ended. An error says nothing about the session.
func (r *Registry) Recheck(ctx context.Context, value, host, name string) (s *Session, found bool, err error) {
	read, err := r.rechecks.single.Do(ctx, name, func(backgroundCtx context.Context) (reading, time.Duration, error) {
		got, err := r.recheck(r.Carry(backgroundCtx, ctx), value, host, name)
		return got, 0, err
	})
	if err != nil && ctx.Err() != nil {
		err = fault.New(fault.AuthentikUnreachable, ctx.Err())
	}
	return read.session, read.found, err
}

func (r *Registry) recheck(ctx context.Context, value, host, name string) (reading, error) {
	if err := r.rechecks.lastError(name); err != nil {
		return reading{}, err
	}
	got, err := r.exclusively(ctx, value, host, name)
	if err == nil {
		r.rechecks.missed.Delete(name)
		r.Streams.Review(name)
	} else {
		r.rechecks.failed.Put(name, err, recheckBackoff)
		r.rechecks.missed.Put(name, err, missedFor)
		r.Logger.WarnContext(ctx, "recheck: failed; the session continues for as long as grace allows",
			"error", fault.Cause(err), "code", fault.From(err).Code, "session", PublicID(name))
	}
	return got, err
}

// errBusy means that another process has the lease for a recheck and has not
// finished in time.
var errBusy = errors.New("another process has been asking authentik about this session for too long")

// exclusively makes a recheck while no other process makes one: authentik
// accepts each refresh token once. If the other process was killed, it waits
// until that lease ends.
func (r *Registry) exclusively(ctx context.Context, value, host, name string) (reading, error) {
	waiting, cancel := context.WithTimeout(ctx, RecheckLease+2*time.Second)
	defer cancel()
	for {
		release, held, err := r.Store.Lease(waiting, "recheck-"+name, RecheckLease)
		switch {
		case held:
			defer release()
			asking, cancel := context.WithTimeout(ctx, recheckWait)
			defer cancel()
			return r.confirm(asking, value, host)
		case err != nil && waiting.Err() == nil:
			return reading{}, fault.New(fault.SessionsUnavailable, err)
		case err != nil || !background.Sleep(waiting, recheckPoll):
			return reading{}, fault.New(fault.AuthentikUnreachable, errors.Join(errBusy, ctx.Err()))
		}
	}
}

// confirm asks authentik and saves its answer.
func (r *Registry) confirm(ctx context.Context, value, host string) (reading, error) {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return reading{}, nil
	}
	since := r.cache.epoch()
	held, found, err := r.read(ctx, browser, host)
	if err != nil || !found {
		return reading{}, err
	}
	now := r.Now()
	before := r.prepare(held, host)
	if before.Known(r.Application) && !before.Due(now) { // another process has rechecked it
		return reading{r.hold(value, held, host, since), true}, nil
	}
	if cached, found := r.cache.get(keyOf(value)); found {
		held.rec.Addr = cached.present()
	}
	addr := held.rec.Addr
	apps, who, gone, err := r.askAbout(ctx, held.rec)
	switch {
	case gone:
		r.endGone(ctx, before)
		return reading{}, nil
	case err != nil:
		return reading{}, err
	}
	if !who.Passing {
		apps = with(apps, r.Application, false)
	}
	s, found, err := r.amend(ctx, value, host, func(rec *Record) {
		rec.Take(who, now)
		rec.Addr = addr
		for app, passing := range apps {
			rec.Apps = with(rec.Apps, app, passing)
		}
	})
	return reading{s, found}, err
}

// ErrMoved says that the cookies that were sent to authentik for a session have
// been replaced meanwhile.
var ErrMoved = errors.New("authentik's session was replaced during the recheck")

// maxMoves is how often a recheck is retried because of ErrMoved.
const maxMoves = 2

// askAbout asks authentik about a session. If authentik has replaced its
// session meanwhile, it asks again: authentik treats cookies that have ended as
// an anonymous visitor. gone says that authentik's session has ended.
func (r *Registry) askAbout(ctx context.Context, rec *Record) (apps map[string]bool, who Proof, gone bool, err error) {
	for range maxMoves {
		if apps, who, gone, err = r.askOnce(ctx, rec); !errors.Is(err, ErrMoved) {
			return apps, who, gone, err
		}
	}
	return r.askOnce(ctx, rec)
}

// Lent returns a record with the cookies on which its session rests.
// flowclient.ErrUnauthenticated means that these cookies have ended.
func (r *Registry) Lent(ctx context.Context, rec *Record) (*Record, error) {
	if r.Lend == nil {
		return rec, nil
	}
	return r.Lend(ctx, rec)
}

// askOnce asks authentik about a session: first about its applications, and
// then for its user.
func (r *Registry) askOnce(ctx context.Context, rec *Record) (apps map[string]bool, who Proof, gone bool, err error) {
	user := rec.User.UID
	if rec, err = r.Lent(ctx, rec); err != nil {
		return nil, Proof{}, errors.Is(err, flowclient.ErrUnauthenticated), err
	}
	if apps, err = r.verdicts(ctx, rec); err != nil {
		return nil, Proof{}, false, err
	}
	who, err = r.Ask(ctx, rec)
	return apps, who, errors.Is(err, flowclient.ErrUnauthenticated) || err == nil && who.User.UID != user, err
}

// verdicts asks authentik about access to every application that the session
// was used for, and to this gate's. That needs the cookies of authentik's
// session. Without them, authentik has checked access to this gate's
// application at the sign-in. authentik also answers a request without a
// session, so the verdicts are valid only after authentik has confirmed the
// user.
func (r *Registry) verdicts(ctx context.Context, rec *Record) (map[string]bool, error) {
	apps := map[string]bool{}
	for app := range rec.Apps {
		apps[app] = true
	}
	if r.Application != "" {
		apps[r.Application] = true
	}
	if len(rec.Cookies) == 0 {
		return apps, nil
	}
	for app := range apps {
		passing, err := r.Access(ctx, rec, app)
		if err != nil && (app == r.Application || !errors.Is(err, flowclient.ErrApplicationNotFound)) {
			return nil, err
		}
		apps[app] = passing // false if the application is another gate's and was removed
	}
	return apps, nil
}

// endGone ends a session whose authentik session has ended.
func (r *Registry) endGone(ctx context.Context, s *Session) {
	if err := r.End(ctx, s); err != nil {
		r.Logger.ErrorContext(ctx, "session: cannot be ended", "error", errors.Unwrap(err), "session", s.id)
		return
	}
	r.Report(ctx, s.name, s.User.Username, "gone")
}

// RetryRechecks forgets all recent failures of rechecks.
func (r *Registry) RetryRechecks() {
	r.rechecks.failed.Clear()
	r.rechecks.missed.Clear()
}
