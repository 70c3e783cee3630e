package authentiktest

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A login is a signing in, as tokens tell of it.
type login struct {
	id     string
	at     time.Time
	method string
	second bool // a second factor was shown
}

// amr are the methods of authentication (RFC 8176), as authentik names them.
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

// A grant is what a code, a device code or a token stands for.
type grant struct {
	client   string
	user     int    // pk; 0 for a device whose user is not known yet
	session  string // id; empty where there was none
	login    login
	scopes   []string
	nonce    string
	beside   string // the code that goes out in the same answer
	hashed   bool   // the ID token vouches for the access token
	until    time.Time
	asked    string // the redirect URI of a code
	verifier verifier
	claims   object // of the ID token that was made with an access token
	refresh  bool   // it is that of a refresh token
	spent    bool   // of a refresh token: another has taken its place
}

// grants are the codes and tokens that have been given out.
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

// code looks a code up. It stays good until it is spent.
func (s *grants) code(code string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.codes[code]
	return g, found
}

// spend takes a code out. It fails if somebody was faster.
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

// spendToken marks a refresh token as used. It fails if somebody was faster.
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

// end takes out the codes and the access tokens of a session that is over, and
// returns the latter. Refresh tokens outlive it.
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

// forget takes out all tokens of a user, those of his devices included.
func (s *grants) forget(user int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := func(_ string, g grant) bool { return g.user == user }
	maps.DeleteFunc(s.tokens, of)
	maps.DeleteFunc(s.devices, of)
}

// clients are those that have access tokens in a session.
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

// newGrant is what the visitor gives to a client.
func (v *visit) newGrant(a *authorization) grant {
	l, _ := v.session.data[dataLogin].(login)
	return grant{
		client: a.provider.ClientID, user: v.user.PK, session: v.session.id, login: l, scopes: a.scopes, nonce: a.nonce,
		until: v.srv.now().Add(a.provider.CodeValidity), asked: a.redirect,
		verifier: verifier{challenge: a.challenge, method: a.method},
	}
}

// noteLogin keeps in the session when and how its user signed in.
func (v *visit) noteLogin() {
	l := login{id: rand.Text(), at: v.srv.now()}
	if v.plan != nil {
		l.method, _ = v.plan.context[contextMethod].(string)
		args, _ := v.plan.context[contextMethodArgs].(object)
		_, l.second = args["mfa_devices"]
	}
	v.session.data[dataLogin] = l
}

// alive reports whether a grant is still good: not past its time, of a user
// who may sign in and, for an access token, of a session that goes on.
func (s *Server) alive(g grant) bool {
	if !s.now().Before(g.until) {
		return false
	}
	if u := s.current(User{PK: g.user}); u.PK == 0 || u.Inactive {
		return false
	}
	return g.refresh || g.session == "" || s.goesOn(g.session)
}

// goesOn reports whether a session has not ended.
func (s *Server) goesOn(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, found := s.sessions[id]
	return found && (one.until.IsZero() || s.now().Before(one.until))
}

// random is a text of letters and digits, as long as the keys of authentik.
func random(n int) string {
	text := ""
	for len(text) < n {
		text += rand.Text()
	}
	return text[:n]
}

// must is for what cannot fail with the values it is given.
func must[T any](value T, err error) T {
	if err != nil {
		panic("authentiktest: " + err.Error())
	}
	return value
}
