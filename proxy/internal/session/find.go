package session

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// loadWait is the timeout for reading a session from the store.
	loadWait = 10 * time.Second
	// amendTries is how often a change is retried after a conflict.
	amendTries = 5
)

// Find returns the session that a cookie's value opens at a host. found is
// false for a missing, foreign, ended or expired session. An error says that
// the store failed.
func (r *Registry) Find(ctx context.Context, value, host string) (s *Session, found bool, err error) {
	if s, found = r.Held(value, host); found {
		return s, true, nil
	}
	if s, found = r.cache.get(keyOf(value)); found {
		if !r.good(s, host) {
			return nil, false, nil
		}
		r.cache.forget(s.name) // another process may know of a later use
	}
	if s, found, err = r.load(ctx, value, host); !found || err != nil || !r.good(s, host) {
		return nil, false, err
	}
	return s, true, nil
}

// Held returns the session that a cookie's value opens at a host if it is
// cached. It does not read the store.
func (r *Registry) Held(value, host string) (s *Session, found bool) {
	if s, found = r.cache.get(keyOf(value)); !found || !r.good(s, host) {
		return nil, false
	}
	if r.Idle > 0 && r.Now().Sub(s.Used()) > r.Idle {
		return nil, false
	}
	return s, true
}

// good reports whether a session belongs to this host and has not expired.
func (r *Registry) good(s *Session, host string) bool {
	return r.Now().Before(s.Until) && (s.host == "" || s.host == Hostname(host))
}

// A reading is the result of one lookup of a cookie in the store.
type reading struct {
	session *Session
	found   bool
}

// load reads a session from the store. Concurrent requests share one reading,
// which goes on if one of their clients disconnects.
func (r *Registry) load(ctx context.Context, value, host string) (*Session, bool, error) {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil, false, nil
	}
	key := keyOf(value)
	lookup := string(key[:]) + r.scope(host)
	if r.misses.has(lookup) {
		return nil, false, nil
	}
	// A request after a revocation must not share a reading that began before
	// it.
	shared := lookup + strconv.FormatUint(r.cache.epoch(), 36)
	read, err := r.reading.Do(ctx, shared, func(backgroundCtx context.Context) (reading, time.Duration, error) {
		storeCtx, cancel := context.WithTimeout(r.Carry(backgroundCtx, ctx), loadWait)
		defer cancel()
		got, err := r.fetch(storeCtx, browser, lookup, host)
		return got, 0, err
	})
	if err != nil && fault.From(err).Code != fault.SessionsUnavailable {
		err = fault.New(fault.SessionsUnavailable, err)
	}
	return read.session, read.found, err
}

// fetch makes one reading and caches its result.
func (r *Registry) fetch(ctx context.Context, browser seal.Secret, lookup, host string) (reading, error) {
	since := r.cache.epoch()
	held, found, err := r.read(ctx, browser, host)
	switch {
	case err != nil:
		return reading{}, err
	case !found:
		r.misses.add(lookup, held.rec == nil)
		return reading{}, nil
	}
	return reading{r.hold(browser.Cookie(), held, host, since), true}, nil
}

// A stored is a record that was read, with its place and version in the store.
type stored struct {
	rec     *Record
	version store.Version
	box     seal.Box
}

// hold makes the session of a record that was read at an epoch, and caches it.
func (r *Registry) hold(value string, held stored, host string, since uint64) *Session {
	s := r.prepare(held, host)
	r.cache.put(keyOf(value), s, since)
	return s
}

// Read returns the record that a browser's secret opens at a host. found is
// false for a missing, foreign, ended or expired record.
func (r *Registry) Read(ctx context.Context, browser seal.Secret, host string) (rec *Record, found bool, err error) {
	held, found, err := r.read(ctx, browser, host)
	return held.rec, found, err
}

// read is Read. If the store no longer has the record, the session ends in this
// process too, even without an announcement: a store can be emptied, or lose
// records in a failover.
func (r *Registry) read(ctx context.Context, browser seal.Secret, host string) (held stored, found bool, err error) {
	held.box = r.Key.Box(seal.KindSession, r.Realm(host), browser)
	held, found, err = r.open(ctx, held.box)
	expired := found && !r.Now().Before(held.rec.Until)
	if found && err == nil {
		found, err = r.alive(ctx, held)
	}
	if expired {
		rec := held.rec
		r.lapsed(r.lapseOf(held.box.Name(), rec.User.Username, rec.used(), rec.Until, rec.Stay))
	}
	if !found && err == nil && !expired {
		r.cache.forget(held.box.Name())
		r.Streams.End(held.box.Name())
	}
	return held, found, err
}

// open reads the record of a box.
func (r *Registry) open(ctx context.Context, box seal.Box) (held stored, found bool, err error) {
	held.box = box
	kept, found, err := r.Store.Load(ctx, box.Name())
	if err != nil {
		return held, false, fault.New(fault.SessionsUnavailable, err)
	}
	if !found {
		return held, false, nil
	}
	held.rec, held.version = new(Record), kept.Version
	if err := box.Open(kept.Value, held.rec); err != nil {
		r.Logger.WarnContext(ctx, "session: record cannot be opened and is ignored", "error", err)
		return held, false, nil
	}
	return held, true, nil
}

// alive reports whether an opened record is that of a live session.
func (r *Registry) alive(ctx context.Context, held stored) (bool, error) {
	if !r.Now().Before(held.rec.Until) {
		return false, nil
	}
	if len(held.rec.Ends) > 0 {
		revoked, err := r.Store.Revoked(ctx, held.rec.Ends...)
		if err != nil {
			return false, fault.New(fault.SessionsUnavailable, err)
		}
		if revoked {
			return false, nil
		}
	}
	if r.idle(held.rec) {
		r.retire(ctx, held, "idle")
		return false, nil
	}
	return true, nil
}

// prepare returns the session of a record, with its prepared identity headers.
func (r *Registry) prepare(held stored, host string) *Session {
	s := r.made(held.box.Name(), held.rec)
	if r.Domain == "" {
		s.host = Hostname(host)
	}
	s.weight = s.size()
	return s
}

// made returns the session of a record, and reports the headers that it lacks.
func (r *Registry) made(name string, rec *Record) *Session {
	s, problems := r.unreported(name, rec)
	r.ReportHeaders(s, problems)
	return s
}

// unreported is made without the report.
func (r *Registry) unreported(name string, rec *Record) (s *Session, problems []headers.Problem) {
	s = &Session{
		User: rec.User, Begun: rec.Begun, Until: rec.Until, SignIn: rec.SignIn, Stay: rec.Stay,
		id: PublicID(name), name: name, apps: rec.Apps, ends: rec.Ends, rests: rec.Rest != "",
		fits: r.Fits(rec.User), checked: rec.checked(), due: r.due(rec),
	}
	for _, t := range []*time.Time{&s.Begun, &s.Until, &s.Stay, &s.SignIn.At, &s.SignIn.Factor, &s.checked, &s.due} {
		*t = t.Round(0) // without the monotonic clock, which stops while the machine sleeps
	}
	s.used.Store(rec.used().Unix())
	s.from.told = rec.Addr
	if r.KeepAccessToken && rec.Tokens != nil {
		s.AccessToken = rec.Tokens.Access
	}
	about := headers.Subject{User: s.User, Session: s.id, AccessToken: s.AccessToken}
	if rec.Tokens != nil {
		about.IDToken = rec.Tokens.ID
	}
	s.Headers, problems = r.Headers(about)
	if r.Assert != nil {
		s.Assertion = r.Assert(s.User, s.id)
	}
	return s, problems
}

// amend changes the record of a session and returns the changed session. found
// is false if the session has ended. After a conflict it reads the record again
// and repeats the change, so change must write only its own fields.
func (r *Registry) amend(ctx context.Context, value, host string, change func(*Record)) (s *Session, found bool, err error) {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil, false, nil
	}
	since := r.cache.epoch()
	for range amendTries {
		held, found, err := r.read(ctx, browser, host)
		if err != nil || !found {
			return nil, false, err
		}
		change(held.rec)
		sealed, err := held.box.Seal(held.rec)
		if err != nil {
			return nil, false, fault.New(fault.SessionsUnavailable, err)
		}
		_, err = r.Store.Save(ctx, held.box.Name(), store.Record{Value: sealed, Expiry: held.rec.kept(), Version: held.version})
		if err == nil {
			return r.hold(value, held, host, since), true, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, false, fault.New(fault.SessionsUnavailable, err)
		}
	}
	return nil, false, fault.New(fault.SessionsUnavailable, store.ErrConflict)
}

// Note keeps authentik's verdict on an application, for further requests of
// this session.
func (r *Registry) Note(ctx context.Context, value, host, app string, passing bool) (s *Session, found bool, err error) {
	return r.amend(ctx, value, host, func(rec *Record) { rec.Apps = with(rec.Apps, app, passing) })
}

// with returns a copy of the verdicts with one more.
func with(apps map[string]bool, app string, passing bool) map[string]bool {
	all := make(map[string]bool, len(apps)+1)
	maps.Copy(all, apps)
	all[app] = passing
	return all
}
