package authentiktest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server is one authentik. It is safe for concurrent use. It stores nothing
// outside the value.
type Server struct {
	statics map[string]static
	dialect dialect
	base    string // of every path, without the last slash
	now     func() time.Time
	key     []byte        // signs cookies
	code    func() string // makes codes for messages; replays set it
	duo     Duo
	grants  *grants
	ring    *keyring
	outbox  *outbox

	mu       sync.Mutex
	flows    []*Flow // values are replaced, not changed
	brands   []Brand
	apps     []Application
	spare    []Provider
	agreed   map[consentKey]consent
	groups   map[string]Group
	users    map[int]User
	tokens   map[string]string
	sessions map[string]*session
	gone     map[Stage]bool
	keys     map[Stage]string // primary keys, of the stages that were asked for
	lastPK   int
	requests int
	mail     []Mail
	invites  map[string]Invitation  // by their tokens in the shortest form
	plans    map[string]flowToken   // by their keys
	resent   map[string][]time.Time // times of mails on request, by address
	texts    []Text
	scores   map[standing]int
	sources  []Source
	links    map[linked]int // to the pk of the user
}

// New makes an authentik that is set up as cfg says. The error names everything
// that is wrong with cfg.
func New(cfg Config) (*Server, error) {
	cfg.Release, cfg.Path = or(cfg.Release, Release202608), or(cfg.Path, "/")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	d, _ := dialectOf(cfg.Release)
	s := &Server{
		dialect:  d,
		base:     strings.TrimSuffix(cfg.Path, "/"),
		now:      cfg.Now,
		key:      []byte(rand.Text() + rand.Text()),
		groups:   map[string]Group{},
		users:    map[int]User{},
		tokens:   maps.Clone(cfg.Tokens),
		sessions: map[string]*session{},
		gone:     map[Stage]bool{},
		invites:  map[string]Invitation{},
		plans:    map[string]flowToken{},
		resent:   map[string][]time.Time{},
		keys:     map[Stage]string{},
		code:     newCode,
		duo:      cfg.Duo,
		apps:     slices.Clone(cfg.Applications),
		spare:    slices.Clone(cfg.Providers),
		agreed:   map[consentKey]consent{},
		grants:   newGrants(),
		ring:     newKeyring(cfg.SigningKey),
		outbox:   newOutbox(cfg),
		scores:   map[standing]int{},
		sources:  slices.Clone(cfg.Sources),
		links:    map[linked]int{},
	}
	s.statics = staticFiles(s.dialect)
	s.fill(cfg)
	return s, nil
}

// fill adds what cfg lists, and what every new authentik has.
func (s *Server) fill(cfg Config) {
	for _, f := range append(slices.Clone(cfg.Flows), defaultFlows()...) {
		if _, there := s.flow(f.Slug); !there {
			f.pk = rand.Text()
			s.flows = append(s.flows, &f)
		}
	}
	s.brands = slices.Clone(cfg.Brands)
	if !slices.ContainsFunc(s.brands, func(b Brand) bool { return b.Default }) {
		s.brands = append(s.brands, defaultBrand())
	}
	for _, g := range cfg.Groups {
		s.groups[g.Name] = g
	}
	for _, u := range cfg.Users {
		s.AddUser(u)
	}
	for _, i := range cfg.Invitations {
		s.AddInvitation(i)
	}
}

// identify gives keys to a user, and to the user's devices and groups.
func (s *Server) identify(u *User) {
	if u.PK == 0 {
		s.lastPK++
		u.PK = s.lastPK
	}
	s.lastPK = max(s.lastPK, u.PK)
	if u.UID == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d-%s", u.PK, s.key))
		u.UID = hex.EncodeToString(sum[:])
	}
	for i := range u.Devices {
		if u.Devices[i].UID == 0 {
			s.lastPK++
			u.Devices[i].UID = s.lastPK
		}
	}
	for _, name := range u.Groups {
		s.identifyGroup(name)
	}
}

// identifyGroup gives keys to a group and its parents.
func (s *Server) identifyGroup(name string) {
	g := s.groups[name]
	if g.PK == "" {
		g.Name, g.PK = name, uuid()
		s.groups[name] = g
	}
	if above := s.groups[g.Parent]; g.Parent != "" && above.PK == "" {
		s.identifyGroup(g.Parent)
	}
}

// url is the path of a view, web.path included.
func (s *Server) url(path string) string { return s.base + path }

var validHost = regexp.MustCompile(`^([a-z0-9.-]+|\[[a-f0-9]*:[a-f0-9.:]+\])(:[0-9]+)?$`)

// serveCore answers as authentik's core. An invalid host is answered before
// anything else looks at the request.
func (s *Server) serveCore(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	if !validHost.MatchString(strings.ToLower(r.Host)) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	v := s.visit(r)
	v.write(w, v.route())
}

// A visit is one request to authentik, with the session it belongs to.
type visit struct {
	srv     *Server
	request *http.Request
	id      string // of the request
	args    map[string]string
	session *session
	user    User // zero for an anonymous request
	brand   Brand
	lang    string // of the Content-Language header
	tongue  string // of the texts; a brand may override the header's
	rotated string // the new CSRF token

	flow    *Flow
	plan    *plan
	binding *Binding
}

func (s *Server) visit(r *http.Request) *visit {
	v := &visit{srv: s, request: r, id: uuidHex(), brand: s.brandOf(r.Host)}
	v.session = s.load(v.sent(cookieSession))
	if u := s.current(User{PK: v.session.user}); !u.Inactive {
		v.user = u
	}
	v.speak()
	return v
}

// sent is the value of a cookie of the request.
func (v *visit) sent(name string) string {
	if c, err := v.request.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// query is a parameter of the address.
func (v *visit) query(name string) string {
	value, _ := parseQuery(v.request.URL.RawQuery).last(name)
	return value
}

// secure reports whether the request counts as HTTPS.
func (v *visit) secure() bool {
	proto, _, _ := strings.Cut(v.request.Header.Get("X-Forwarded-Proto"), ",")
	return v.request.TLS != nil || strings.TrimSpace(proto) == "https"
}

// address makes an absolute address of a path.
func (v *visit) address(path string) string {
	scheme := "http://"
	if v.secure() {
		scheme = "https://"
	}
	return scheme + v.request.Host + path
}

// A route is a view and its path. Placeholders match one segment.
type route struct {
	pattern string
	view    func(*visit) *response
}

func routes() []route {
	return slices.Concat(
		executorRoutes(), sourceRoutes(), samlRoutes(), adminRoutes(), apiRoutes(), deviceRoutes(), duoRoutes(), pageRoutes(), oidcRoutes(),
	)
}

// route finds the view by the exact path: a missing slash is not added.
func (v *visit) route() *response {
	if v.strays() {
		return v.evict()
	}
	path, inside := strings.CutPrefix(v.request.URL.Path, v.srv.base+"/")
	for _, r := range routes() {
		if args, ok := match(r.pattern, "/"+path); ok && inside {
			v.args = args
			return r.view(v)
		}
	}
	return v.notFound()
}

func match(pattern, path string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	args := map[string]string{}
	for i, part := range want {
		name, found := strings.CutPrefix(part, "{")
		switch {
		case found && have[i] != "":
			args[strings.TrimSuffix(name, "}")] = have[i]
		case part != have[i]:
			return nil, false
		}
	}
	return args, true
}

func uuidHex() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func uuid() string {
	h := uuidHex()
	return strings.Join([]string{h[:8], h[8:12], "4" + h[13:16], "8" + h[17:20], h[20:]}, "-")
}
