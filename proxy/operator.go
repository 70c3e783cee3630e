package proxy

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// ErrNoUser is returned for a username that nobody has signed in with lately.
var ErrNoUser = errors.New("proxy: no session is known of a user of this name")

// ErrNoSession is returned for the id of no session that is alive.
var ErrNoSession = errors.New("proxy: no such session is alive")

// An Entry is what an operator is told of a session. A Session is more than that and less: it
// opens an application for requests, and knows nothing of the browser that it belongs to.
type Entry struct {
	// ID is the session's public name, as in logs.
	ID   string `json:"id"`
	User string `json:"user"`
	// Begun and Until are when it was made and when it ends at the latest.
	Begun time.Time `json:"begun"`
	Until time.Time `json:"until"`
	// Address and Agent are where it was begun from. Neither is remembered by the process.
	Address netip.Addr `json:"address,omitzero"`
	Agent   string     `json:"agent,omitempty"`
	// Site is the host that the session is good for, or the domain, with a dot before it.
	Site string `json:"site"`
	// Flow is the one that the session was won by, where the gate demands one.
	Flow string `json:"flow,omitempty"`
}

// Roll lists the live sessions of a user, wherever they are used, the newest first.
func (g *Gate) Roll(ctx context.Context, username string) ([]Entry, error) {
	uid, found, err := g.sessions.rolls.led(ctx, username)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNoUser
	}
	list, _, err := g.sessions.rolls.read(ctx, uid)
	if err != nil {
		return nil, fault.New(fault.SessionsUnavailable, err)
	}
	return entries(list.Username, list.Lines), nil
}

// entries tells of lines, the last first.
func entries(username string, lines []line) []Entry {
	all := make([]Entry, 0, len(lines))
	for _, at := range slices.Backward(lines) {
		all = append(all, Entry{
			ID: publicID(at.Name), User: username, Begun: at.Begun.UTC(), Until: at.Until.UTC(),
			Address: at.Addr, Agent: at.Agent, Site: at.Site, Flow: at.Flow,
		})
	}
	return all
}

// Remembered lists the sessions that this gate has let in and remembers. There may be
// others in the store.
func (g *Gate) Remembered() []Entry {
	all := []Entry{}
	for s := range g.sessions.cache.all() {
		all = append(all, g.entry(s))
	}
	return all
}

// entry tells of a session that is remembered.
func (g *Gate) entry(s *Session) Entry {
	site := s.host
	if site == "" {
		site = "." + g.cfg.Cookie.Domain
	}
	return Entry{ID: s.id, User: s.User.Username, Begun: s.Begun.UTC(), Until: s.Until.UTC(), Site: site, Flow: g.cfg.Flow}
}

// EndAll ends all sessions of a user that have begun before, wherever they are used, and
// returns them. Nobody else's end with them, and none that begins afterwards.
func (g *Gate) EndAll(ctx context.Context, username string) ([]Entry, error) {
	uid, found, err := g.sessions.rolls.led(ctx, username)
	if err != nil {
		return nil, err
	}
	remembered := g.remembered(func(s *Session) bool {
		return found && s.User.UID == uid || !found && s.User.Username == username
	})
	if !found && len(remembered) == 0 {
		return nil, ErrNoUser
	}
	var ended []line
	if found {
		if ended, err = g.sessions.endUser(ctx, uid); err != nil {
			return nil, err
		}
	}
	for _, at := range ended {
		g.sessions.tell(ctx, at, username, "admin")
	}
	rest, err := g.endEach(ctx, remembered)
	return append(entries(username, ended), rest...), err
}

// EndAuthentik ends all sessions that rest on one session of authentik, by authentik's own
// identifier of it, in every process, and for as long as any of them could last. Others of the same user
// go on. What authentik is not asked about here is its own session. To end what is not there is no error.
func (g *Gate) EndAuthentik(ctx context.Context, sid string) error {
	if sid == "" {
		return ErrNoSession
	}
	return g.sessions.bury(ctx, g.sessions.rolls.authentikEnd(sid), g.cfg.Now().Add(g.cfg.Lifetime))
}

// endEach ends sessions that are remembered and that nobody has ended: a store may have lost
// the roll that they were on.
func (g *Gate) endEach(ctx context.Context, remembered []*Session) (ended []Entry, err error) {
	for _, s := range remembered {
		over, err := g.cfg.Store.Revoked(ctx, append([]string{s.name}, s.ends...)...)
		if err != nil {
			return ended, fault.New(fault.SessionsUnavailable, err)
		}
		if over {
			continue
		}
		if err := g.sessions.end(ctx, s); err != nil {
			return ended, err
		}
		g.sessions.tell(ctx, line{Name: s.name}, s.User.Username, "admin")
		ended = append(ended, g.entry(s))
	}
	return ended, nil
}

// EndOne ends the session of a public id. With a username it is looked for among all
// of that user's; without, among those that this gate remembers.
func (g *Gate) EndOne(ctx context.Context, username, id string) (Entry, error) {
	if username != "" {
		if ended, err := g.endListed(ctx, username, id); !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrNoUser) {
			return ended, err
		}
	}
	found := g.remembered(func(s *Session) bool { return s.id == id && (username == "" || s.User.Username == username) })
	ended, err := g.endEach(ctx, found)
	if err == nil && len(ended) == 0 {
		err = ErrNoSession
	}
	if err != nil {
		return Entry{}, err
	}
	return ended[0], nil
}

// endListed ends a session that is on its user's roll.
func (g *Gate) endListed(ctx context.Context, username, id string) (Entry, error) {
	uid, found, err := g.sessions.rolls.led(ctx, username)
	switch {
	case err != nil:
		return Entry{}, err
	case !found:
		return Entry{}, ErrNoUser
	}
	list, _, err := g.sessions.rolls.read(ctx, uid)
	if err != nil {
		return Entry{}, fault.New(fault.SessionsUnavailable, err)
	}
	lines := list.strike(func(at line) bool { return publicID(at.Name) == id })
	if len(lines) == 0 {
		return Entry{}, ErrNoSession
	}
	if err := g.sessions.bury(ctx, lines[0].Name, lines[0].Until); err != nil {
		return Entry{}, err
	}
	g.sessions.strike(ctx, uid, lines...)
	g.sessions.tell(ctx, lines[0], list.Username, "admin")
	return entries(list.Username, lines[:1])[0], nil
}

// remembered returns the sessions in the process's memory that are meant.
func (g *Gate) remembered(meant func(*Session) bool) (all []*Session) {
	for s := range g.sessions.cache.all() {
		if meant(s) {
			all = append(all, s)
		}
	}
	return all
}
