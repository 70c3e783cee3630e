package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"golang.org/x/sync/singleflight"
)

// sessions finds, begins and ends sessions.
type sessions struct {
	cfg     Config
	keys    seal.Key
	id      *identity
	rolls   *rolls
	cache   *cache
	misses  *misses
	reading singleflight.Group
}

// realm is what a session is good for: the authentik it came from, the flow or the client
// it was won by, and the hosts that its cookie goes to. It is part of every name and
// key, so that a session of one realm is nothing in another.
func (s *sessions) realm(at Resolved) string {
	issuer, _ := s.cfg.Client.PublicURL("/")
	return issuer + "\x00" + s.cfg.wonBy() + "\x00" + s.scope(at)
}

// scope is where the session's cookie goes. Ports are none of a cookie's business (RFC 6265, 8.5).
func (s *sessions) scope(at Resolved) string {
	if s.cfg.Cookie.Domain != "" {
		return "." + s.cfg.Cookie.Domain
	}
	return hostname(at.Host)
}

// hostname is the lower-case name in a Host header, without its port and without
// the dot that may end it.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// of finds the session that a cookie's value opens. nil is nobody; an error is a
// store that fails. The way of nearly every request ends after one hash and
// one look into the cache.
func (s *sessions) of(ctx context.Context, value string, at Resolved) (*Session, error) {
	found := s.cache.get(sha256.Sum256([]byte(value)))
	if found == nil {
		var err error
		if found, err = s.load(ctx, value, at); found == nil || err != nil {
			return nil, err
		}
	}
	now := s.cfg.Now()
	if !now.Before(found.Until) || found.host != "" && found.host != hostname(at.Host) {
		return nil, nil
	}
	if s.cfg.Idle > 0 && found.unused(now) > s.cfg.Idle {
		s.cache.forget(found.name) // another process may know of a later use
		return s.load(ctx, value, at)
	}
	return found, nil
}

// loadWait is how long the store is waited for.
const loadWait = 10 * time.Second

// load reads the session from the store. What is not there, not sealed
// for this realm or over is nobody. Requests that come at once share one reading,
// which goes on for the others when one of them has gone away.
func (s *sessions) load(ctx context.Context, value string, at Resolved) (*Session, error) {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil, nil
	}
	key := sha256.Sum256([]byte(value))
	lookup := string(key[:]) + s.scope(at)
	if s.misses.has(lookup) {
		return nil, nil
	}
	// Who comes after an end does not share a reading that began before it.
	shared := lookup + strconv.FormatUint(s.cache.epoch(), 36)
	reading := s.reading.DoChan(shared, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadWait)
		defer cancel()
		return s.fetch(ctx, browser, lookup, at)
	})
	select {
	case got := <-reading:
		session, _ := got.Val.(*Session)
		return session, got.Err
	case <-ctx.Done():
		return nil, fault.New(fault.SessionsUnavailable, ctx.Err())
	}
}

// fetch is one reading, and remembers what comes of it.
func (s *sessions) fetch(ctx context.Context, browser seal.Secret, lookup string, at Resolved) (*Session, error) {
	since := s.cache.epoch()
	rec, _, b, err := s.read(ctx, browser, at)
	switch {
	case err != nil:
		return nil, err
	case rec == nil:
		s.misses.add(lookup)
		return nil, nil
	}
	return s.hold(browser.Cookie(), *rec, b, at, since), nil
}

// hold makes the session of a record that was read since an epoch, and remembers it.
func (s *sessions) hold(value string, rec record, b seal.Box, at Resolved, since uint64) *Session {
	session := s.prepare(rec, b, at)
	s.cache.put(sha256.Sum256([]byte(value)), session, since)
	return session
}

// read opens the record of a browser's secret.
func (s *sessions) read(ctx context.Context, browser seal.Secret, at Resolved) (*record, Version, seal.Box, error) {
	b := s.keys.Box(seal.KindSession, s.realm(at), browser)
	stored, found, err := s.cfg.Store.Load(ctx, b.Name())
	if err != nil {
		return nil, "", b, fault.New(fault.SessionsUnavailable, err)
	}
	if !found {
		return nil, "", b, nil
	}
	var rec record
	if err := b.Open(stored.Value, &rec); err != nil {
		s.cfg.Logger.WarnContext(ctx, "a session's record does not open and is ignored", "error", err)
		return nil, "", b, nil
	}
	if !s.cfg.Now().Before(rec.Until) {
		return nil, "", b, nil
	}
	over, err := s.over(ctx, rec)
	if err != nil {
		return nil, "", b, fault.New(fault.SessionsUnavailable, err)
	}
	if over {
		return nil, "", b, nil
	}
	if s.idle(rec) {
		s.retire(ctx, rec, b, "idle")
		return nil, "", b, nil
	}
	return &rec, stored.Version, b, nil
}

// over reports whether an end has come that the session shares with others.
func (s *sessions) over(ctx context.Context, rec record) (bool, error) {
	if len(rec.Ends) == 0 {
		return false, nil
	}
	return s.cfg.Store.Revoked(ctx, rec.Ends...)
}

// prepare makes the session of a record, with all that its requests need.
func (s *sessions) prepare(rec record, b seal.Box, at Resolved) *Session {
	session := &Session{
		User: rec.User, Begun: rec.Begun, Until: rec.Until,
		id: publicID(b.Name()), name: b.Name(), apps: rec.Apps, ends: rec.Ends,
		fits: s.cfg.fits(rec.User), signIn: rec.SignIn, checked: rec.checked(), due: s.due(rec),
	}
	session.used.Store(rec.used().Unix())
	if s.cfg.OIDC.KeepAccessToken && rec.Tokens != nil {
		session.access = rec.Tokens.Access
	}
	if s.cfg.Cookie.Domain == "" {
		session.host = hostname(at.Host)
	}
	headers, err := s.id.prepare(session)
	if err != nil {
		s.cfg.Logger.Warn("an identity header is left out", "error", err, "user", rec.User.Username, "session", session.id)
	}
	session.headers = headers
	session.weight = session.size()
	return session
}

// size is about what a session takes of the process's memory, in bytes: its texts, and what
// Go and the cache need around them.
func (s *Session) size() int64 {
	const rest, each = 700, 24
	n := rest + len(s.name) + len(s.User.Username) + len(s.User.Name) + len(s.User.Email) + len(s.User.UID)
	for _, g := range s.User.Groups {
		n += len(g) + each
	}
	for _, h := range s.headers {
		n += len(h.value) + 2*each
	}
	for _, e := range s.ends {
		n += len(e) + each
	}
	return int64(n+len(s.access)) + 100*int64(len(s.User.Attributes)+len(s.User.Claims)+len(s.apps))
}

// publicID is a name for logs that leads back to nothing: not to the record, not to the cookie.
func publicID(name string) string {
	sum := sha256.Sum256([]byte("public\x00" + name))
	return hex.EncodeToString(sum[:6])
}

// judge keeps what authentik said about an application, for this session's further requests.
func (s *sessions) judge(ctx context.Context, value string, at Resolved, app string, passing bool) (*Session, error) {
	return s.amend(ctx, value, at, func(rec *record) { rec.Apps = with(rec.Apps, app, passing) })
}

// amend changes the record of a session, and returns the session as it then is; nil if it is over. Somebody else's
// change in the meantime is read first and kept: change writes what is its own to write, and may be called again.
func (s *sessions) amend(ctx context.Context, value string, at Resolved, change func(*record)) (*Session, error) {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil, nil
	}
	since := s.cache.epoch()
	for range 5 {
		rec, version, b, err := s.read(ctx, browser, at)
		if err != nil || rec == nil {
			return nil, err
		}
		change(rec)
		sealed, err := b.Seal(rec)
		if err != nil {
			return nil, fault.New(fault.SessionsUnavailable, err)
		}
		_, err = s.cfg.Store.Save(ctx, b.Name(), Record{Value: sealed, Expiry: rec.Until, Version: version})
		if err == nil {
			return s.hold(value, *rec, b, at, since), nil
		}
		if !isConflict(err) {
			return nil, fault.New(fault.SessionsUnavailable, err)
		}
	}
	return nil, fault.New(fault.SessionsUnavailable, ErrConflict)
}

func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

// with returns a copy of the verdicts with one more.
func with(apps map[string]bool, app string, passing bool) map[string]bool {
	all := make(map[string]bool, len(apps)+1)
	maps.Copy(all, apps)
	all[app] = passing
	return all
}
