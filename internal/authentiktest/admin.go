package authentiktest

import (
	"maps"
	"slices"
)

// A Mail is a message that was to be sent by e-mail.
type Mail struct {
	To, Subject, Body string
	Link, Code        string // what the visitor is to use, if it holds one
}

// A Text is a message that was to be sent to a telephone.
type Text struct{ To, Body, Code string }

// Mail lists the e-mails so far, the latest last.
func (s *Server) Mail() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mail)
}

// Texts lists the messages to telephones so far, the latest last.
func (s *Server) Texts() []Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.texts)
}

// Logouts lists the tries to send logout tokens so far, the latest last.
func (s *Server) Logouts() []Logout {
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	return slices.Clone(s.outbox.tried)
}

// Requests counts the requests so far.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Sessions counts the HTTP sessions, anonymous ones included.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// AddUser creates an account and returns it with its keys.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u = u.clone()
	s.identify(&u)
	s.users[u.PK] = u
	return u
}

// User is the account of that name, as it is by now.
func (s *Server) User(username string) (User, bool) {
	return s.find(func(u User) bool { return u.Username == username })
}

// EditUser changes an account. It reports whether there is one of that name.
// An account that it deactivates loses its tokens and keeps its sessions, as in
// an authentik in which a directory or a script did so; see [Server.SetActive].
func (s *Server) EditUser(username string, edit func(*User)) bool {
	u, found := s.User(username)
	return found && s.update(u.PK, edit)
}

// update changes the user of that key under the lock.
func (s *Server) update(pk int, edit func(*User)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, found := s.users[pk]
	if !found {
		return false
	}
	u = u.clone()
	edit(&u)
	s.identify(&u)
	s.users[pk] = u
	if u.Inactive {
		s.grants.forget(pk)
	}
	return true
}

// clone keeps those who hold a user from seeing later changes.
func (u User) clone() User {
	u.Groups, u.Devices = slices.Clone(u.Groups), slices.Clone(u.Devices)
	u.Attributes = maps.Clone(u.Attributes)
	for i, d := range u.Devices {
		u.Devices[i].Codes = slices.Clone(d.Codes)
	}
	return u
}

// SetActive activates or deactivates an account, as an administrator does. To
// deactivate it deletes its tokens, refresh tokens included, and then ends its
// sessions: nothing is left by then that a client would be told of.
func (s *Server) SetActive(username string, active bool) bool {
	found := s.EditUser(username, func(u *User) { u.Inactive = !active })
	if !active {
		s.EndSessions(username)
	}
	return found
}

// DeleteUser deletes an account, its sessions, of which clients are told, and
// its tokens.
func (s *Server) DeleteUser(username string) bool {
	u, found := s.User(username)
	if !found {
		return false
	}
	s.EndSessions(username)
	s.grants.forget(u.PK)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, u.PK)
	return true
}

// EndSessions ends the sessions in which a user is signed in, as an
// administrator does, and says how many there were. Their access tokens are
// deleted and their clients told; refresh tokens stay good, but what they are
// exchanged for names no session.
func (s *Server) EndSessions(username string) int {
	u, _ := s.User(username)
	return s.endWhere(func(one *session) bool { return u.PK != 0 && one.user == u.PK })
}

// EndSession ends the session that tokens name by a sid, in the same way. It
// reports whether there is one.
func (s *Server) EndSession(sid string) bool {
	return s.endWhere(func(one *session) bool { return sidOf(one.id) == sid }) > 0
}

// CleanUp ends the sessions whose time is over, and says how many there were.
// The worker of authentik does so every few minutes: clients are not told of
// the end of a session before.
func (s *Server) CleanUp() int {
	return s.endWhere(func(one *session) bool { return !one.until.IsZero() && !s.now().Before(one.until) })
}

// endWhere ends the sessions that match and counts them.
func (s *Server) endWhere(match func(*session) bool) int {
	s.mu.Lock()
	var ids []string
	for id, one := range s.sessions {
		if match(one) {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	n := 0
	for _, id := range ids {
		if s.drop(id) {
			n++
		}
	}
	return n
}

// Forget drops all HTTP sessions, as a lost database would. No client is told.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// EditFlow changes a flow; it may change its slug. Plans that have been made
// stay as they are. It reports whether there is a flow of that slug.
func (s *Server) EditFlow(slug string, edit func(*Flow)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.flows, func(f *Flow) bool { return f.Slug == slug })
	if i < 0 {
		return false
	}
	f := *s.flows[i]
	f.Bindings, f.Policies = slices.Clone(f.Bindings), slices.Clone(f.Policies)
	edit(&f)
	s.flows[i] = &f
	return true
}

// DeleteFlow deletes a flow. It reports whether there was one of that slug.
func (s *Server) DeleteFlow(slug string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.flows)
	s.flows = slices.DeleteFunc(s.flows, func(f *Flow) bool { return f.Slug == slug })
	return len(s.flows) < before
}

// DeleteStage deletes a stage from every flow. A plan that has not come to it
// yet breaks when it does; one that stands at it goes on.
func (s *Server) DeleteStage(stage Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[stage] = true
	for i, f := range s.flows {
		c := *f
		c.Bindings = slices.DeleteFunc(slices.Clone(f.Bindings), func(b Binding) bool { return b.Stage == stage })
		s.flows[i] = &c
	}
}

func (s *Server) deleted(stage Stage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone[stage]
}

// EditApplication changes an application and its provider. It reports whether
// there is one of that slug.
func (s *Server) EditApplication(slug string, edit func(*Application)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.apps, func(a Application) bool { return a.Slug == slug })
	if i < 0 {
		return false
	}
	a := s.apps[i]
	if a.Provider != nil {
		p := *a.Provider
		a.Provider = &p
	}
	edit(&a)
	s.apps[i] = a
	return true
}
