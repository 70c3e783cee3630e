package flowclient

// A Login says by which flow a session at authentik has come to be that of its user.
// Callers that demand a certain flow need it: a flow that a user runs who is signed
// in already may skip what it asks others, or end at once. The zero Login says that
// nothing has changed.
type Login struct {
	// Flow is the slug of the flow that has turned an anonymous session into that of
	// a user.
	Flow string `json:"flow,omitempty"`
	// Other is true if the session has come by its user in another way, or had
	// another user before, or none any more.
	Other bool `json:"other,omitempty"`
}

// By reports whether exactly this flow has signed the user in.
func (l Login) By(flow string) bool { return flow != "" && l.Flow == flow && !l.Other }

// Then returns what has happened in all, if later came after l. A session that was
// signed in to twice counts as neither.
func (l Login) Then(later Login) Login {
	switch {
	case later == Login{}:
		return l
	case l == Login{}:
		return later
	default:
		return Login{Other: true}
	}
}

// Login compares these cookies with those after a request of the executor of a flow.
// For a request of anything else the slug is empty.
//
// Only a session with a new key counts. authentik gives it one with every sign-in,
// while what a cookie says of its user also changes if a request was refused.
func (c Cookies) Login(after Cookies, slug string) Login {
	before, _ := c.claims()
	now, ok := after.claims()
	switch {
	case !ok || now.SID == before.SID, !before.Authenticated && !now.Authenticated:
		return Login{}
	case before.Authenticated && now.Authenticated && before.Sub == now.Sub && now.Sub != "":
		return Login{} // authentik renews the session of a user who sets a password
	case before.Authenticated || slug == "":
		return Login{Other: true}
	default:
		return Login{Flow: slug}
	}
}

// A Begun is a session at authentik that has just become that of a user.
type Begun struct {
	// SID is its identifier, as Session returns it.
	SID string
	// UID is the user, as the session cookie names them.
	UID string
	// Again says that the session was that of the same user before, with another key.
	// authentik gives a session a new key with every sign-in, and also when its user
	// sets a password.
	Again bool
}

// Begun compares the cookies of one request with those after authentik's answer. If
// these cookies have a session that cannot be read, ok is false: then the answer says
// nothing.
func (c Cookies) Begun(after Cookies) (b Begun, ok bool) {
	before, known := c.claims()
	now, ok := after.claims()
	if !ok || !now.Authenticated || now.Sub == "" || now.SID == before.SID || !known && c[sessionCookie] != "" {
		return Begun{}, false
	}
	b.SID, ok = after.Session()
	b.UID, b.Again = now.Sub, before.Authenticated && before.Sub == now.Sub
	return b, ok
}
