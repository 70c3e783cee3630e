package flowclient

// A Login says which flow has signed a user in to a session at authentik. A
// caller that demands a certain flow needs it: a user who is already signed in
// may run that flow without answering its questions, since authentik skips them
// or ends the flow at once. The zero Login means that the session has not
// changed.
type Login struct {
	// Flow is the slug of the flow that has signed a user in to an anonymous
	// session.
	Flow string `json:"flow,omitempty"`
	// Other is true if the user was signed in by other means than a flow, if
	// another user was signed in before, or if no user is signed in any more.
	Other bool `json:"other,omitempty"`
}

// By reports whether exactly this flow has signed the user in.
func (l Login) By(flow string) bool { return flow != "" && l.Flow == flow && !l.Other }

// Then combines two logins of one session, of which l was the first. If users
// were signed in to the session twice, the result has no Flow, and Other is
// true.
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

// Login compares these cookies with those after a request to the executor of a
// flow. For any other request the slug is empty.
//
// Only a session with a new key counts. authentik gives the session a new key
// with every sign-in. What a cookie says about its user is not enough: it also
// changes if a request was refused.
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

// Begun compares the cookies of one request with those after authentik's
// answer. If these cookies have a session that cannot be read, ok is false, and
// the answer proves nothing.
//
// With every sign-in authentik also gives the browser a new token against
// forged requests; when a user sets a password it does not. The token is needed
// since the cookies may hide the user: authentik gives a client whose request
// it refuses a cookie of the same session that names no user.
func (c Cookies) Begun(after Cookies) (b Begun, ok bool) {
	before, known := c.claims()
	now, ok := after.claims()
	if !ok || !now.Authenticated || now.Sub == "" || now.SID == before.SID || after[csrfCookie] == c[csrfCookie] || !known && c[sessionCookie] != "" {
		return Begun{}, false
	}
	b.SID, ok = after.Session()
	b.UID, b.Again = now.Sub, before.Authenticated && before.Sub == now.Sub
	return b, ok
}
