package sites

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// The names that the sites are made of.
const (
	domain = "site.test"
	secret = "only-for-the-clients"
	flow   = "default-authentication-flow"
	strong = "strong"
	wiki   = "wiki"  // an application for everyone
	files  = "files" // an application for the staff
	staff  = "staff"
)

// A gate is one directive of a site.
type gate struct {
	host        int    // which of the site's hosts
	under       string // the paths that it guards: all below this one, or all if it is empty
	open        bool   // leaves /open/* open
	flow        string
	client      string
	application string
	login       string
	group, user string // that it requires
	wide        bool   // the cookie is for both hosts
	cookie      string
	headers     string
	own         bool // sets the header X-Own too
	memory      bool // sessions are kept in memory
	debug       bool // explains decisions to the staff
	shared      bool // leaves it to the application what caches keep
	preflight   bool
	basic       bool   // lets programs in with an app password
	signOut     string // the application's path
	late        string // forms of other sites are kept there
	audit       bool
}

// A site is a Caddyfile.
type site struct {
	secure  bool // https, at a proxy in front of Caddy
	overlap [2]bool
	prefix  string
	gates   []gate
}

// A realm is what sessions of a gate are won by, and where they belong and are
// kept: two gates may share sessions only if they have the same realm.
type realm struct {
	wonBy, reach string
	memory       bool
}

func (g gate) realm() realm {
	r := realm{wonBy: "flow " + g.flow, reach: hostOf(g.host), memory: g.memory}
	if g.client != "" {
		r.wonBy = "client " + g.client
	}
	if g.wide {
		r.reach = domain
	}
	return r
}

func hostOf(i int) string { return []string{"one", "two"}[i] + "." + domain }

// randomSite is a site of one to four gates.
func randomSite(random *rand.Rand) site {
	s := site{secure: chance(random, 2), prefix: pick(random, "", "", "/.door")}
	s.overlap = [2]bool{chance(random, 3), chance(random, 3)}
	count := [2]int{1 + random.IntN(3), random.IntN(3)}
	if count[0] == 3 {
		count[1] = min(count[1], 1)
	}
	for host, n := range count {
		for i := range n {
			g := randomGate(random)
			g.host = host
			if i < n-1 {
				g.under = fmt.Sprintf("/p%d", i)
			} else {
				g.open = chance(random, 2)
			}
			s.gates = append(s.gates, g)
		}
	}
	return s
}

func randomGate(random *rand.Rand) gate {
	g := gate{
		flow: pick(random, "", flow, strong), login: pick(random, "", "", "relay"), group: pick(random, "", "", "", staff),
		user: pick(random, "", "", "", "", "ada"), cookie: pick(random, "", "", "door"), headers: pick(random, "", "", "authentik"),
		wide: chance(random, 4), memory: chance(random, 3), application: pick(random, "", "", wiki, files),
	}
	if chance(random, 2) {
		g.client, g.flow = pick(random, wiki, wiki, files), ""
		g.application = g.client
		g.login = pick(random, "", "", "relay", "redirect", "redirect")
	}
	g.debug, g.shared, g.preflight, g.audit = chance(random, 3), chance(random, 4), chance(random, 3), chance(random, 3)
	g.basic, g.signOut, g.late = chance(random, 3), pick(random, "", "", "", "/leave"), pick(random, "", "", "", "/acs")
	g.own = chance(random, 3)
	return g
}

func chance(random *rand.Rand, oneIn int) bool { return random.IntN(oneIn) == 0 }

func pick[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// addresses are what stands in a Caddyfile besides the site.
type addresses struct{ port, admin, storage, authentikURL, applicationURL string }

// logSuffix makes the name of Caddy's log of that of its storage.
const logSuffix = ".log"

// caddyfile is the site for Caddy. load makes the text of each load another.
func (s site) caddyfile(at addresses, load int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tpersist_config off\n\tauto_https off\n\tstorage file_system %q\n\tlog {\n\t\tlevel ERROR\n\t\toutput file %s\n\t}\n", at.admin, at.storage, at.storage+logSuffix)
	b.WriteString("\tservers {\n\t\tprotocols h1 h2c\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}\n}\n")
	for host := range 2 {
		gates := s.of(host)
		if len(gates) == 0 {
			continue
		}
		fmt.Fprintf(&b, "http://%s:%s {\n\tbind 127.0.0.1\n\theader X-Load %d\n", hostOf(host), at.port, load)
		for _, g := range gates {
			switch {
			case s.overlap[host] && g.under != "":
				fmt.Fprintf(&b, "\tauthentik %s/* %s\n", g.under, s.options(g, at, "\t"))
			case s.overlap[host]:
				fmt.Fprintf(&b, "\t@closed not path /open/*\n\tauthentik %s%s\n", matcher(g), s.options(g, at, "\t"))
			case g.under != "":
				fmt.Fprintf(&b, "\thandle %s/* {\n\t\tauthentik %s\n\t\treverse_proxy %s\n\t}\n", g.under, s.options(g, at, "\t\t"), at.applicationURL)
			default:
				fmt.Fprintf(&b, "\t@closed not path /open/*\n\thandle {\n\t\tauthentik %s%s\n\t\treverse_proxy %s\n\t}\n", matcher(g), s.options(g, at, "\t\t"), at.applicationURL)
			}
		}
		if s.overlap[host] {
			fmt.Fprintf(&b, "\treverse_proxy %s\n", at.applicationURL)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func matcher(g gate) string {
	if g.open {
		return "@closed "
	}
	return ""
}

// options are the rest of the directive of a gate.
func (s site) options(g gate, at addresses, indent string) string {
	lines := []string{at.authentikURL + " {"}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, "\t"+name+" "+value)
		}
	}
	add("flow", g.flow)
	add("application", g.application)
	if g.client != "" {
		add("client_id", g.client)
		add("client_secret", secret)
	}
	add("login", g.login)
	add("prefix", s.prefix)
	if g.own {
		add("headers", cmp.Or(g.headers, "remote")+" {\n"+indent+"\t\tX-Own uid\n"+indent+"\t}")
	} else {
		add("headers", g.headers)
	}
	if g.group != "" {
		add("require group", g.group)
	}
	if g.user != "" {
		add("require user", g.user)
	}
	add("sign_out", g.signOut)
	add("late_forms", g.late)
	for line, on := range map[string]bool{
		"sessions memory": g.memory, "debug " + staff: g.debug, "cache off": g.shared, "preflight": g.preflight, "clients basic": g.basic, "audit": g.audit,
	} {
		if on {
			lines = append(lines, "\t"+line)
		}
	}
	if g.wide {
		add("cookie", "{\n"+indent+"\t\tdomain "+domain+"\n"+indent+"\t}")
	} else if g.cookie != "" {
		add("cookie", "{\n"+indent+"\t\tname "+g.cookie+"\n"+indent+"\t}")
	}
	return strings.Join(append(lines, "}"), "\n"+indent)
}

// of returns the gates of a host, in the order of the Caddyfile.
func (s site) of(host int) (gates []gate) {
	for _, g := range s.gates {
		if g.host == host {
			gates = append(gates, g)
		}
	}
	return gates
}

// origin is where browsers find a host.
func (s site) origin(host int, port string) string {
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	return scheme + "://" + hostOf(host) + ":" + port
}

// ownPath is an address of the gates themselves.
func (s site) ownPath(path string) string {
	if s.prefix == "" {
		return "/.authentik" + path
	}
	return s.prefix + path
}

// answering is the gate that gets the requests for the gates' own addresses.
func (s site) answering(host int) gate {
	gates := s.of(host)
	if s.overlap[host] {
		return gates[0]
	}
	return gates[len(gates)-1]
}

// covering returns the gates that a request passes on its way to the
// application, of which closed are those that must have let it in.
func (s site) covering(host int, path string) (passed, closed []gate) {
	path = strings.ToLower(path)
	for _, g := range s.of(host) {
		below := g.under == "" || strings.HasPrefix(path, g.under+"/")
		if !s.overlap[host] && !below {
			continue
		}
		passed = append(passed, g)
		if below && (!g.open || !strings.HasPrefix(path, "/open/")) {
			closed = append(closed, g)
		}
		if !s.overlap[host] {
			break
		}
	}
	return passed, closed
}

// admits reports whether a user may pass a gate.
func (g gate) admits(u user) bool {
	isStaff := slices.Contains(u.groups, staff)
	switch {
	case g.application == files && !isStaff, g.group != "" && !isStaff:
		return false
	default:
		return g.user == "" || g.user == u.name
	}
}

// A user is an account at authentik, and what applications are told about it.
type user struct {
	name, full, email string
	groups            []string
}

var users = []user{
	{"ada", "Ada Lovelace", "ada@example.com", []string{staff}},
	{"bob", "Bob", "bob@example.com", []string{"guests"}},
	{"cleo", "Cleo", "cleo@example.com", []string{"admins", staff}},
}

func userNamed(name string) (user, bool) {
	i := slices.IndexFunc(users, func(u user) bool { return u.name == name })
	if i < 0 {
		return user{}, false
	}
	return users[i], true
}

// appPassword is what a program of a user shows.
func appPassword(name string) string { return "the app password of " + name }

func password(name string) string { return "the password of " + name }
