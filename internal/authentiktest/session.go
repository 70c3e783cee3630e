package authentiktest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Names of authentik's cookies.
const (
	cookieSession  = "authentik_session"
	cookieDevice   = "authentik_device"
	cookieCSRF     = "authentik_csrf"
	cookieLanguage = "authentik_language"
)

// A session is the HTTP session of one browser. A request works on a copy and
// writes all of it back, so that of two requests at the same time the later one
// wins, as in authentik.
type session struct {
	id       string
	user     int // pk; 0 while anonymous
	plan     *plan
	params   query // of the page, in the last request
	tries    int   // wrong passwords
	begun    bool  // a flow has been run in it, which leaves traces
	data     map[string]any
	until    time.Time // zero: until the browser is closed
	stored   bool      // it was loaded from the store, or has been saved
	modified bool
}

func (s *session) clone() *session {
	c := *s
	c.plan, c.data = s.plan.clone(), maps.Clone(s.data)
	return &c
}

// blank reports whether the session holds nothing.
func (s *session) blank() bool {
	return s.user == 0 && !s.begun && s.plan == nil && len(s.data) == 0
}

// flush deletes the session and begins a new one.
func (s *session) flush(srv *Server) {
	srv.drop(s.id)
	*s = session{id: rand.Text(), modified: true, data: map[string]any{}}
}

// cycle gives the session a new id and keeps what it holds.
func (s *session) cycle(srv *Server) {
	srv.drop(s.id)
	s.id, s.stored, s.modified = rand.Text(), false, true
}

// load returns a copy of the session of a cookie, or a new one.
func (s *Server) load(cookie string) *session {
	if claims, ok := s.verify(cookie); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		sid, _ := claims["sid"].(string)
		if found, ok := s.sessions[sid]; ok && (found.until.IsZero() || s.now().Before(found.until)) {
			return found.clone()
		}
	}
	return &session{id: rand.Text(), data: map[string]any{}}
}

// save stores a session. It reports false, and stores nothing, if the session
// has been deleted since it was loaded.
func (s *Server) save(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.sessions[one.id]; one.stored && !there {
		return false
	}
	one.stored = true
	kept := one.clone()
	kept.modified = false
	s.sessions[one.id] = kept
	return true
}

// drop ends a session. Its codes and access tokens are deleted, and the clients
// are told. It reports whether there was such a session.
func (s *Server) drop(id string) bool {
	s.mu.Lock()
	_, found := s.sessions[id]
	delete(s.sessions, id)
	s.mu.Unlock()
	for _, g := range s.grants.end(id) {
		if s.now().Before(g.until) {
			s.notify(g, id)
		}
	}
	return found
}

// signIn makes the session that of the user. Another user's session is deleted
// first; only the target of the flow is kept.
func (v *visit) signIn(u User) {
	if v.session.user != 0 && v.session.user != u.PK {
		params := v.session.params
		v.session.flush(v.srv)
		v.session.params = params
	} else {
		v.session.cycle(v.srv)
	}
	v.session.user, v.user = u.PK, u
	v.noteLogin()
	v.rotated = random(32)
}

// signOut deletes the session.
func (v *visit) signOut() {
	v.session.flush(v.srv)
	v.user = User{}
}

// cookies are the cookies of the answer, besides those of stages.
func (v *visit) cookies() []*http.Cookie {
	var set []*http.Cookie
	if v.rotated != "" {
		set = append(set, v.cookie(&http.Cookie{
			Name: cookieCSRF, Value: v.rotated, MaxAge: 31449600, SameSite: http.SameSiteLaxMode, Secure: v.secure(),
		}))
	}
	return append(set, v.sessionCookie()...)
}

func (v *visit) sessionCookie() []*http.Cookie {
	c := &http.Cookie{Name: cookieSession, SameSite: http.SameSiteLaxMode}
	if v.secure() {
		c.SameSite, c.Secure = http.SameSiteNoneMode, true
	}
	switch {
	case v.session.blank():
		if sent, err := v.request.Cookie(cookieSession); err != nil || sent.Value == "" {
			return nil
		}
		c.MaxAge, c.Expires = -1, time.Unix(0, 0)
	case !v.session.modified:
		return nil
	default:
		c.Value, c.HttpOnly = v.srv.sign(v.claims()), true
		if !v.session.until.IsZero() {
			c.MaxAge = int(v.session.until.Sub(v.srv.now()).Seconds())
		}
	}
	return []*http.Cookie{v.cookie(c)}
}

// cookie adds the path and the Expires that goes with Max-Age.
func (v *visit) cookie(c *http.Cookie) *http.Cookie {
	c.Path = v.srv.url("/")
	if c.MaxAge > 0 {
		c.Expires = v.srv.now().Add(time.Duration(c.MaxAge) * time.Second)
	}
	return c
}

// claims are in the session cookie for proxies in front of authentik. They
// describe the user of this request, who is anonymous after a failed CSRF
// check.
func (v *visit) claims() map[string]any {
	return map[string]any{
		"sid": v.session.id, "iss": "authentik", "sub": or(v.user.UID, "anonymous"),
		"authenticated": v.user.PK != 0, "acr": "goauthentik.io/core/default",
	}
}

// sign makes a JWT with the server's own key.
func (s *Server) sign(claims map[string]any) string { return signHS256(s.key, "JWT", claims) }

// signHS256 makes a JWT of that type with HS256. Secrets may be shorter than
// RFC 7518 requires.
func signHS256(key []byte, kind string, claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic("authentiktest: claims are plain values: " + err.Error())
	}
	b64 := base64.RawURLEncoding
	signed := b64.EncodeToString([]byte(`{"alg":"HS256","typ":"`+kind+`"}`)) + "." + b64.EncodeToString(payload)
	return signed + "." + b64.EncodeToString(mac(key, signed))
}

// verify reads a JWT made by sign.
func (s *Server) verify(token string) (claims map[string]any, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return nil, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || subtle.ConstantTimeCompare(sum, mac(s.key, token[:i])) == 0 {
		return nil, false
	}
	_, encoded, _ := strings.Cut(token[:i], ".")
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	return claims, err == nil && json.Unmarshal(payload, &claims) == nil
}

func mac(key []byte, signed string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(signed))
	return h.Sum(nil)
}
