package proxy

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

// ErrNoUser is returned for a username without recent sign-ins.
var ErrNoUser = errors.New("proxy: no session is known of a user of this name")

// ErrNoSession is returned if no live session has the id.
var ErrNoSession = errors.New("proxy: no live session has this id")

// An Entry describes a session to an operator. Unlike a Session it contains no
// secrets, and it says which browser the session belongs to.
type Entry struct {
	// ID is the session's public name, as in logs.
	ID   string `json:"id"`
	User string `json:"user"`
	// Begun and Until are when the session began and when it ends at the latest.
	Begun time.Time `json:"begun"`
	Until time.Time `json:"until"`
	// Address and Agent are the address and the User-Agent of the browser that
	// began the session. Operator.Cached does not return them.
	Address netip.Addr `json:"address,omitzero"`
	Agent   string     `json:"agent,omitempty"`
	// Site is the host for which the session is valid, or the domain, with a
	// dot before it.
	Site string `json:"site"`
	// Flow is the flow with which the session began, if the gate demands one.
	Flow string `json:"flow,omitempty"`
}

// An Operator lists the sessions of a gate, and ends them. It is safe for
// concurrent use.
type Operator struct {
	sessions *session.Registry
	flow     string
}

// Operator returns the Operator of the gate's sessions.
func (g *Gate) Operator() Operator { return Operator{g.sessions, g.cfg.Flow} }

// SessionsOf lists the live sessions of a user, wherever they are used, the
// newest first. It returns ErrNoUser for a username without recent sign-ins.
func (o Operator) SessionsOf(ctx context.Context, username string) ([]Entry, error) {
	lists, err := o.listed(ctx, username)
	if err != nil {
		return nil, err
	}
	all := []Entry{}
	for _, list := range lists {
		all = append(all, entries(list.username, list.entries)...)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return b.Begun.Compare(a.Begun) })
	return all, nil
}

// A listing is the live sessions of a user, found by one of the user's
// identifiers at authentik, in the order in which they began.
type listing struct {
	uid, username string // the name at the last sign-in
	entries       []index.Entry
}

// listed returns the sessions of a username.
func (o Operator) listed(ctx context.Context, username string) ([]listing, error) {
	uids, err := o.sessions.Index.UIDs(ctx, username)
	switch {
	case err != nil:
		return nil, err
	case len(uids) == 0:
		return nil, ErrNoUser
	}
	var lists []listing
	for i, uid := range uids {
		name, list, err := o.sessions.Index.List(ctx, uid)
		if err != nil {
			return nil, err
		}
		if i == 0 || name == username { // otherwise that user has been renamed since
			lists = append(lists, listing{uid, name, list})
		}
	}
	return lists, nil
}

// entries returns the entries of sessions, the newest first.
func entries(username string, list []index.Entry) []Entry {
	all := make([]Entry, 0, len(list))
	for _, one := range slices.Backward(list) {
		all = append(all, Entry{
			ID: session.PublicID(one.Name), User: username, Begun: one.Begun.UTC(), Until: one.Until.UTC(),
			Address: one.Addr, Agent: one.Agent, Site: one.Site, Flow: one.Flow,
		})
	}
	return all
}

// Cached lists the sessions that the gate has admitted and still caches. There
// may be others in the store.
func (o Operator) Cached() []Entry {
	all := []Entry{}
	for s := range o.sessions.Cached() {
		all = append(all, o.entry(s))
	}
	return all
}

func (o Operator) entry(s *session.Session) Entry {
	return Entry{
		ID: s.ID(), User: s.User.Username, Begun: s.Begun.UTC(), Until: s.Until.UTC(),
		Site: o.sessions.Scope(s), Flow: o.flow,
	}
}

// EndAll ends all sessions of a user that began before the call, wherever they
// are used, and returns them. Sessions of other users, and sessions that begin
// afterwards, go on. The gates also forget the user's programs, so that
// authentik is asked about their next requests; the result has the programs of
// this process. It returns ErrNoUser for a username without sessions, programs
// and recent sign-ins.
func (o Operator) EndAll(ctx context.Context, username string) ([]Entry, error) {
	lists, err := o.listed(ctx, username)
	known := !errors.Is(err, ErrNoUser)
	if err != nil && known {
		return nil, err
	}
	cached := o.cached(func(s *session.Session) bool {
		return s.User.Username == username || slices.ContainsFunc(lists, func(l listing) bool { return l.uid == s.User.UID })
	})
	all, err := o.endPrograms(ctx, username)
	if err != nil {
		return nil, err
	}
	if !known && len(cached) == 0 && len(all) == 0 {
		return nil, ErrNoUser
	}
	for _, list := range lists {
		ended, err := o.sessions.EndUser(ctx, list.uid)
		if err != nil {
			return all, err
		}
		for _, one := range ended {
			o.sessions.Report(ctx, one.Name, username, "admin")
		}
		all = append(all, entries(username, ended)...)
	}
	rest, err := o.endEach(ctx, cached)
	return append(all, rest...), err
}

// endPrograms makes every process forget the credentials of a user's programs.
func (o Operator) endPrograms(ctx context.Context, username string) (all []Entry, err error) {
	ended, err := o.sessions.EndProgramsOf(ctx, username)
	for _, s := range ended {
		o.sessions.Report(ctx, s.Name(), username, "admin")
		entry := o.entry(s)
		entry.Site = "" // valid wherever the credential is shown
		all = append(all, entry)
	}
	return all, err
}

// EndAuthentik ends all sessions that rest on one session of authentik, given
// by authentik's own identifier, in every process. Other sessions of the same
// user go on, and so does authentik's own session. If no session rests on it,
// there is no error. For an empty identifier the error is ErrNoSession.
func (o Operator) EndAuthentik(ctx context.Context, sid string) error {
	if sid == "" {
		return ErrNoSession
	}
	return o.sessions.EndAuthentik(ctx, sid)
}

// endEach ends cached sessions that have not ended yet: a store may have lost
// the index that listed them.
func (o Operator) endEach(ctx context.Context, cached []*session.Session) (ended []Entry, err error) {
	for _, s := range cached {
		over, err := o.sessions.Ended(ctx, s)
		if err != nil {
			return ended, err
		}
		if over {
			continue
		}
		if err := o.sessions.End(ctx, s); err != nil {
			return ended, err
		}
		o.sessions.Report(ctx, s.Name(), s.User.Username, "admin")
		ended = append(ended, o.entry(s))
	}
	return ended, nil
}

// EndOne ends the session of a public ID. With a username, the session is
// looked for among all of that user's sessions; without one, among those that
// the gate caches. It returns ErrNoSession if there is no such session.
func (o Operator) EndOne(ctx context.Context, username, id string) (Entry, error) {
	if username != "" {
		if ended, err := o.endListed(ctx, username, id); !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrNoUser) {
			return ended, err
		}
	}
	found := o.cached(func(s *session.Session) bool {
		return s.ID() == id && (username == "" || s.User.Username == username)
	})
	ended, err := o.endEach(ctx, found)
	if err == nil && len(ended) == 0 {
		err = ErrNoSession
	}
	if err != nil {
		return Entry{}, err
	}
	return ended[0], nil
}

// endListed ends a session that is in its user's index.
func (o Operator) endListed(ctx context.Context, username, id string) (Entry, error) {
	lists, err := o.listed(ctx, username)
	if err != nil {
		return Entry{}, err
	}
	for _, list := range lists {
		at := slices.IndexFunc(list.entries, func(one index.Entry) bool { return session.PublicID(one.Name) == id })
		if at < 0 {
			continue
		}
		if err := o.sessions.EndListed(ctx, list.uid, list.entries[at]); err != nil {
			return Entry{}, err
		}
		o.sessions.Report(ctx, list.entries[at].Name, list.username, "admin")
		return entries(list.username, list.entries[at:at+1])[0], nil
	}
	return Entry{}, ErrNoSession
}

// cached returns the cached sessions that match.
func (o Operator) cached(match func(*session.Session) bool) (all []*session.Session) {
	for s := range o.sessions.Cached() {
		if match(s) {
			all = append(all, s)
		}
	}
	return all
}
