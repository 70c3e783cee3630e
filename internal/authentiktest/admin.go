package authentiktest

import (
	"maps"
	"slices"
)

// A Mail is an e-mail that authentik would have sent.
type Mail struct {
	To, Subject, Body string
	Link, Code        string // the link or code in it, if there is one
}

// A Text is a text message that authentik would have sent.
type Text struct{ To, Body, Code string }

// Mail returns all e-mails so far, the latest last.
func (s *Server) Mail() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mail)
}

// Texts returns all text messages so far, the latest last.
func (s *Server) Texts() []Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.texts)
}

// Logouts returns all attempts to send logout tokens so far, the latest last.
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

// SessionsOf counts the HTTP sessions of a user.
func (s *Server) SessionsOf(username string) (n int) {
	u, _ := s.User(username)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sessions {
		if u.PK != 0 && one.user == u.PK {
			n++
		}
	}
	return n
}

// AddUser creates a user and returns it with its keys.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u = u.clone()
	s.identify(&u)
	s.users[u.PK] = u
	return u
}

// User returns the user of that name as it is now.
func (s *Server) User(username string) (User, bool) {
	return s.find(func(u User) bool { return u.Username == username })
}

// EditUser changes a user. It reports whether there is one of that name. A user
// that edit deactivates loses all tokens but keeps the sessions, as when a
// directory or a script does it; see [Server.SetActive].
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

// clone protects callers who hold a user from later changes.
func (u User) clone() User {
	u.Groups, u.Devices = slices.Clone(u.Groups), slices.Clone(u.Devices)
	u.Attributes = maps.Clone(u.Attributes)
	for i, d := range u.Devices {
		u.Devices[i].Codes = slices.Clone(d.Codes)
	}
	return u
}

// SetActive activates or deactivates a user, as an administrator does.
// Deactivation deletes the user's tokens, refresh tokens included, and then
// ends the sessions; no client is told, since no token is left.
func (s *Server) SetActive(username string, active bool) bool {
	found := s.EditUser(username, func(u *User) { u.Inactive = !active })
	if !active {
		s.EndSessions(username)
	}
	return found
}

// DeleteUser deletes a user, the user's sessions, of which clients are told,
// and the user's tokens.
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

// EndSessions ends the sessions of a user, as an administrator does, and
// returns how many there were. Their access tokens are deleted and their
// clients told. Refresh tokens stay valid, but new tokens name no session.
func (s *Server) EndSessions(username string) int {
	u, _ := s.User(username)
	return s.endWhere(func(one *session) bool { return u.PK != 0 && one.user == u.PK })
}

// EndSession ends the session that tokens name by a sid, as EndSessions does.
// It reports whether there is one.
func (s *Server) EndSession(sid string) bool {
	return s.endWhere(func(one *session) bool { return sidOf(one.id) == sid }) > 0
}

// CleanUp ends expired sessions and returns how many there were. authentik's
// worker does this every few minutes; until then clients are not told.
func (s *Server) CleanUp() int {
	return s.endWhere(func(one *session) bool { return !one.until.IsZero() && !s.now().Before(one.until) })
}

// endWhere ends the sessions that match and returns how many there were.
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

// Forget drops all HTTP sessions, as the loss of the database would. No client
// is told.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// EditFlow changes a flow, which may change its slug. Existing plans stay as
// they are. It reports whether there is a flow of that slug.
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

// DeleteStage deletes a stage from every flow. A plan that has not reached it
// fails when it does; a plan that is at it continues.
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
