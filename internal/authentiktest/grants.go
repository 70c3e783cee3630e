package authentiktest

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A login is a sign-in as tokens describe it.
type login struct {
	id     string
	at     time.Time
	method string
	second bool // a second factor was used
}

// amr are the authentication methods (RFC 8176), with authentik's names.
func (l login) amr() (methods []string) {
	switch l.method {
	case "password":
		methods = append(methods, "pwd")
	case methodPasskey:
		methods = append(methods, "user")
	}
	if l.second {
		methods = append(methods, "mfa")
	}
	return methods
}

// A grant is what was granted to the holder of a code, a device code or a
// token.
type grant struct {
	client   string
	user     int    // pk; 0 for a device whose user is not known yet
	session  string // id; empty without a session
	login    login
	scopes   []string
	nonce    string
	beside   string // the code in the same response
	hashed   bool   // the ID token has a hash of the access token
	until    time.Time
	asked    string // the redirect URI of a code
	verifier verifier
	claims   object // of the ID token that was issued with an access token
	refresh  bool   // it belongs to a refresh token
	spent    bool   // of a refresh token: it has been replaced
}

// grants are the codes and tokens that have been issued.
type grants struct {
	mu      sync.Mutex
	codes   map[string]grant
	tokens  map[string]grant
	devices map[string]grant  // by device code
	entered map[string]string // user code to device code
}

func newGrants() *grants {
	return &grants{
		codes: map[string]grant{}, tokens: map[string]grant{}, devices: map[string]grant{}, entered: map[string]string{},
	}
}

// keepCode makes an authorization code.
func (s *grants) keepCode(g grant) string {
	code := uuidHex()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = g
	return code
}

// code finds a code. It stays valid until it is spent.
func (s *grants) code(code string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.codes[code]
	return g, found
}

// spend removes a code. It fails if another request was faster.
func (s *grants) spend(code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.codes[code]
	delete(s.codes, code)
	return found
}

func (s *grants) keepToken(token string, g grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = g
}

func (s *grants) token(token string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.tokens[token]
	return g, found
}

// spendToken marks a refresh token as used. It fails if another request was
// faster.
func (s *grants) spendToken(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.tokens[token]
	if !found || g.spent {
		return false
	}
	g.spent = true
	s.tokens[token] = g
	return true
}

// drop revokes the tokens that match.
func (s *grants) drop(match func(token string, g grant) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, g := range s.tokens {
		if match(token, g) {
			delete(s.tokens, token)
		}
	}
}

// end removes the codes and the access tokens of a session that has ended, and
// returns the access tokens. Refresh tokens stay.
func (s *grants) end(session string) (access []grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.codes, func(_ string, g grant) bool { return g.session == session })
	for token, g := range s.tokens {
		if g.session == session && !g.refresh {
			access = append(access, g)
			delete(s.tokens, token)
		}
	}
	slices.SortFunc(access, func(a, b grant) int { return strings.Compare(a.client, b.client) })
	return access
}

// forget removes all tokens of a user, including those of devices.
func (s *grants) forget(user int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := func(_ string, g grant) bool { return g.user == user }
	maps.DeleteFunc(s.tokens, of)
	maps.DeleteFunc(s.devices, of)
}

// clients are the clients that have access tokens of a session.
func (s *grants) clients(session string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, g := range s.tokens {
		if g.session == session && !g.refresh && !slices.Contains(names, g.client) {
			names = append(names, g.client)
		}
	}
	slices.Sort(names)
	return names
}

// newGrant is a grant of the visitor to a client.
func (v *visit) newGrant(a *authorization) grant {
	l, _ := v.session.data[dataLogin].(login)
	return grant{
		client: a.provider.ClientID, user: v.user.PK, session: v.session.id, login: l, scopes: a.scopes, nonce: a.nonce,
		until: v.srv.now().Add(a.provider.CodeValidity), asked: a.redirect,
		verifier: verifier{challenge: a.challenge, method: a.method},
	}
}

// noteLogin records in the session when and how its user signed in.
func (v *visit) noteLogin() {
	l := login{id: rand.Text(), at: v.srv.now()}
	if v.plan != nil {
		l.method, _ = v.plan.context[contextMethod].(string)
		args, _ := v.plan.context[contextMethodArgs].(object)
		_, l.second = args["mfa_devices"]
	}
	v.session.data[dataLogin] = l
}

// alive reports whether a grant is still valid: it has not expired, its user is
// active and, for an access token, its session has not ended.
func (s *Server) alive(g grant) bool {
	if !s.now().Before(g.until) {
		return false
	}
	if u := s.current(User{PK: g.user}); u.PK == 0 || u.Inactive {
		return false
	}
	return g.refresh || g.session == "" || s.goesOn(g.session)
}

// goesOn reports whether a session exists and has not expired.
func (s *Server) goesOn(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, found := s.sessions[id]
	return found && (one.until.IsZero() || s.now().Before(one.until))
}

// random is a random text of letters and digits.
func random(n int) string {
	text := ""
	for len(text) < n {
		text += rand.Text()
	}
	return text[:n]
}

// must returns the value of a call that cannot fail with its arguments.
func must[T any](value T, err error) T {
	if err != nil {
		panic("authentiktest: " + err.Error())
	}
	return value
}
