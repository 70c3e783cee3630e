package authentiktest

import (
	"net/http"
	"net/http/httptest"
	"strings"
)

// A held has the tokens of a client from before the recorded requests: where the
// recording shows them, and when to issue them.
type held struct {
	client          string
	before          int             // the exchange before which it is given
	at              int             // an exchange of the session it is given in
	session         func() *session // instead of at
	access, refresh int             // exchanges that show the tokens; 0 if none does
	hint            int             // an exchange whose address has the ID token; 0 if none has
}

// holds gives a client its tokens.
func (r *replay) holds(h held) {
	r.before(exchangeNo(h.before), func() {
		if h.session == nil {
			h.session = func() *session { return r.sessionOf(r.recording.Exchanges[h.at]) }
		}
		old := r.tokensOf(h)
		given, refresh := r.give(h.client, h.session(), old.claims)
		if old.id != "" {
			r.live.learn("token", old.id, given.id)
		}
		if old.access != "" {
			r.live.learn("token", old.access, given.access)
		}
		if old.refresh != "" {
			r.live.learn("refresh_token", old.refresh, refresh)
		}
	})
}

// tokensShown are recorded tokens, and what the access token says.
type tokensShown struct {
	access, refresh, id string
	claims              map[string]any
}

// tokensOf finds recorded tokens. Of a refresh token alone it is known what the
// next access token says.
func (r *replay) tokensOf(h held) tokensShown {
	old := tokensShown{claims: map[string]any{"scope": "openid"}}
	if h.refresh > 0 {
		e := r.recording.Exchanges[h.refresh]
		body, _ := e.Request.Body.(map[string]any)
		old.refresh, _ = body["refresh_token"].(string)
		if answer, ok := e.Response.JSON.(map[string]any); ok {
			next, _ := answer["access_token"].(string)
			old.claims, _ = numbers(payloadOf(next)).(map[string]any)
		}
	}
	if h.access > 0 {
		old.access = strings.TrimPrefix(r.recording.Exchanges[h.access].Request.Headers["Authorization"], "Bearer ")
		old.claims, _ = numbers(payloadOf(old.access)).(map[string]any)
	}
	if h.hint > 0 {
		old.id = idTokenHint(r.recording.Exchanges[h.hint])
	}
	return old
}

// idTokenHint is the ID token in the address of an exchange.
func idTokenHint(e exchange) string {
	_, params, _ := strings.Cut(e.Request.Path, "?")
	hint, _ := parseQuery(params).last("id_token_hint")
	return hint
}

// give makes tokens with the scopes and the nonce of recorded claims.
func (r *replay) give(clientID string, s *session, claims map[string]any) (given issued, refresh string) {
	p, app, found := r.client(clientID)
	if !found || claims == nil {
		r.t.Fatalf("client %s: want a provider to issue tokens, got none", clientID)
	}
	v := r.visit(httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, "https://auth.example.com/", http.NoBody))
	g := grant{client: clientID, user: s.user, session: s.id}
	g.login, _ = s.data[dataLogin].(login)
	g.nonce, _ = claims["nonce"].(string)
	scope, _ := claims["scope"].(string)
	g.scopes = strings.Fields(scope)
	given = v.issue(p, app, g)
	return given, v.keepRefresh(p, app, g, given.access)
}

// sessionOf is the session that an exchange belongs to in this run.
func (r *replay) sessionOf(e exchange) *session {
	fake := http.Request{Header: http.Header{"Cookie": {e.Request.Headers["Cookie"]}}}
	c, err := fake.Cookie(cookieSession)
	if err != nil {
		r.t.Fatalf("exchange %q: got no session: %v", e.Note, err)
	}
	r.enter(e)
	return r.load(r.live.within(c.Value))
}

// cancels drops the plan of an exchange's session before the exchange. The
// recording does not show who did, but its answers are those of a session
// without a plan, although an exchange before has left one there.
func (r *replay) cancels(at int) {
	r.before(exchangeNo(at), func() {
		s := r.sessionOf(r.recording.Exchanges[at])
		s.plan, s.params = nil, nil
		r.save(s)
	})
}

// ends has the session of an exchange end before another.
func (r *replay) ends(before, at int) {
	r.before(exchangeNo(before), func() { r.drop(r.sessionOf(r.recording.Exchanges[at]).id) })
}

// sessionEnds has eight causes for a session or a user to end.
func sessionEnds(r *replay) Config {
	for _, browser := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9} {
		r.signedIn(browser, "oi-eve")
	}
	for _, h := range []held{
		{before: 0, at: 0, access: 6, refresh: 8},
		{before: 9, at: 9, access: 14, refresh: 16},
		{before: 20, at: 20, access: 23, refresh: 25},
		{before: 27, at: 27, access: 29},
		{before: 29, at: 31, access: 34, refresh: 36},
		{before: 39, at: 40, access: 43, refresh: 45},
		{before: 46, at: 48, access: 51, refresh: 53},
	} {
		h.client = "oi-ends"
		r.holds(h)
	}
	const list = "the list of one's sessions belongs to authentik's own user interface"
	r.skip("the user's own list of sessions", list)
	r.skip("3. the user deletes his own session through the API", list)
	r.ends(2, 0)
	r.ends(18, 18)
	r.ends(27, 27)
	setPassword := func(to string) func() {
		return func() { r.EditUser("oi-eve", func(u *User) { u.Password = to }) }
	}
	bind := func(p ...Policy) func() {
		return func() { r.EditApplication("oi-ends", func(a *Application) { a.Policies = p }) }
	}
	r.by("1. the administrator deletes the session", func() {})
	r.by("4. the administrator sets a new password", setPassword("another one"))
	r.by("back to the old password", setPassword(oidcPassword))
	r.by("6. the user is deactivated", func() { r.SetActive("oi-eve", false) })
	r.by("activated again", func() { r.SetActive("oi-eve", true) })
	r.by("7. access to the application is taken away", bind(says(false, "Only on Sundays.")))
	r.by("access given back", bind())
	r.by("8. the user is deleted", func() { r.DeleteUser("oi-eve") })
	return Config{Users: []User{member("oi-eve")}, Applications: []Application{relying("oi-ends", r.scopesAsStored)}}
}
