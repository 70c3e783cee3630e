package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	gocache "github.com/patrickmn/go-cache"
)

const (
	// recheckWait is how long one recheck may take, with all that authentik is asked.
	recheckWait = 25 * time.Second
	// recheckLease is how long a recheck is one process's alone, should that process be lost.
	recheckLease = recheckWait + 5*time.Second
	// recheckRest is how long authentik is left alone about a session after a recheck that failed.
	recheckRest = 10 * time.Second
	// recheckPoll is how often it is looked whether another process has finished.
	recheckPoll = 100 * time.Millisecond
	// recheckAtOnce is how many rechecks a gate makes in the background at a time. Others are left
	// to later requests.
	recheckAtOnce = 16
	// tokenAhead is how long before it expires an access token is renewed that the application is told.
	tokenAhead = time.Minute
)

// rechecks are the questions to authentik about sessions, under way and just failed.
type rechecks struct {
	mu     sync.Mutex
	going  map[string]bool // by the session's name
	failed *gocache.Cache  // by the session's name: error
}

func newRechecks() *rechecks {
	return &rechecks{going: map[string]bool{}, failed: gocache.New(recheckRest, 0)}
}

// sweep forgets failures that are over.
func (c *rechecks) sweep() { c.failed.DeleteExpired() }

// take gives a recheck in the background to the first who asks.
func (c *rechecks) take(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, resting := c.failed.Get(name); resting || c.going[name] || len(c.going) >= recheckAtOnce {
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

// failure is how the last recheck has failed, if that was just now.
func (c *rechecks) failure(name string) error {
	found, _ := c.failed.Get(name)
	err, _ := found.(error)
	return err
}

// checked is when authentik last vouched for a session: at its beginning, if not later.
func (rec record) checked() time.Time { return later(rec.Begun, rec.Checked) }

// due is when authentik is to be asked about a session again.
func (s *sessions) due(rec record) time.Time {
	due := rec.checked().Add(s.cfg.Recheck)
	if s.cfg.OIDC.KeepAccessToken && rec.Tokens != nil && rec.Tokens.Refresh != "" {
		if ahead := rec.Tokens.Expiry.Add(-tokenAhead); ahead.Before(due) {
			due = later(ahead, rec.checked().Add(recheckRest)) // of a token that is always about to expire
		}
	}
	return due
}

// isDue reports whether authentik is to be asked about a session, also by a clock that has been set back.
func (s *Session) isDue(now time.Time) bool {
	return !now.Before(s.due) || now.Before(s.checked.Add(-clockLeeway))
}

// lapsed reports whether authentik has not vouched for a session for so long that nobody can
// be let in before it has.
func (g *Gate) lapsed(s *Session, now time.Time) bool {
	return now.After(s.checked.Add(g.cfg.Recheck + g.cfg.Grace))
}

// refresh asks authentik about a session that is due, while its requests go on.
func (g *Gate) refresh(ctx context.Context, value string, at Resolved, s *Session) {
	if !s.isDue(g.cfg.Now()) || !g.rechecks.take(s.name) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer g.rechecks.done(s.name)
		_, _, _ = g.weighing.Do(s.name, func() (any, error) { return g.recheck(ctx, value, at, s.name) })
	}()
}

// recheck asks authentik about a session, and returns it as it then is; nil if it is over. Over all processes
// one asks at a time, since authentik takes each refresh token once.
func (g *Gate) recheck(ctx context.Context, value string, at Resolved, name string) (*Session, error) {
	if err := g.rechecks.failure(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, recheckWait)
	defer cancel()
	session, err := g.alone(ctx, value, at, name)
	if err != nil {
		g.rechecks.failed.SetDefault(name, err)
		g.cfg.Logger.WarnContext(ctx, "authentik cannot be asked about a session, which goes on for as long as grace says",
			"error", fault.Cause(err), "code", fault.From(err).Code, "session", publicID(name))
	}
	return session, err
}

// alone makes a recheck once no other process does, unless that has made it.
func (g *Gate) alone(ctx context.Context, value string, at Resolved, name string) (*Session, error) {
	for {
		release, held, err := g.cfg.Store.Lease(ctx, "recheck-"+name, recheckLease)
		if err != nil {
			return nil, fault.New(fault.SessionsUnavailable, err)
		}
		if held {
			defer release()
			return g.vouch(ctx, value, at)
		}
		wait(ctx, recheckPoll)
		if ctx.Err() != nil {
			return nil, fault.New(fault.SessionsUnavailable, ctx.Err())
		}
	}
}

// vouch asks authentik, and keeps what it says.
func (g *Gate) vouch(ctx context.Context, value string, at Resolved) (*Session, error) {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil, nil
	}
	since := g.sessions.cache.epoch()
	rec, _, b, err := g.sessions.read(ctx, browser, at)
	if err != nil || rec == nil {
		return nil, err
	}
	now := g.cfg.Now()
	if s := g.sessions.prepare(*rec, b, at); g.knows(s) && !s.isDue(now) {
		return g.sessions.hold(value, *rec, b, at, since), nil // another process was first
	}
	apps, err := g.appsOf(ctx, rec)
	if err != nil {
		return nil, err
	}
	who, err := g.way.recheck(ctx, rec)
	if errors.Is(err, errNobody) || err == nil && who.user.UID != rec.User.UID {
		g.gone(ctx, g.sessions.prepare(*rec, b, at))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !who.passing {
		apps = with(apps, g.cfg.Application, false)
	}
	return g.sessions.amend(ctx, value, at, func(rec *record) {
		rec.take(who, now)
		for app, passing := range apps {
			rec.Apps = with(rec.Apps, app, passing)
		}
	})
}

// knows reports whether authentik has said whether a session's user may use the application.
func (g *Gate) knows(s *Session) bool {
	_, known := s.apps[g.cfg.Application]
	return known || g.cfg.Application == ""
}

// appsOf asks authentik about every application that the session has been used for, and this
// gate's. The gate must hold authentik's session for that; otherwise authentik has said yes to this gate's one.
// It answers for nobody too, so what it says counts once the user has been asked for.
func (g *Gate) appsOf(ctx context.Context, rec *record) (map[string]bool, error) {
	apps := map[string]bool{}
	for app := range rec.Apps {
		apps[app] = true
	}
	if g.cfg.Application != "" {
		apps[g.cfg.Application] = true
	}
	if len(rec.Cookies) == 0 {
		return apps, nil
	}
	for app := range apps {
		passing, err := g.access(ctx, rec.visitor(), app)
		if err != nil && (app == g.cfg.Application || !errors.Is(err, flowclient.ErrApplicationNotFound)) {
			return nil, err
		}
		apps[app] = passing // an application of another gate's that is gone is nobody's
	}
	return apps, nil
}

// gone ends a session whose authentik session has ended.
func (g *Gate) gone(ctx context.Context, s *Session) {
	if err := g.sessions.end(ctx, s); err != nil {
		g.cfg.Logger.ErrorContext(ctx, "a session could not be ended", "error", errors.Unwrap(err), "session", s.id)
		return
	}
	g.sessions.tell(ctx, line{Name: s.name}, s.User.Username, "gone")
}
