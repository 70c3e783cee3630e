package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
)

// Config says which proxies may ask, and about which sites.
type Config struct {
	// From are the proxies that may ask. Required.
	From []Peer
	// Sites are the sites that they may ask about. Required.
	Sites []Site
	// Prefix is the prefix of the gates' own addresses. Default: /.authentik.
	Prefix string
	// Prepare adds to a described request what the server in front adds to
	// every request, for example values in its context. Default: nothing is
	// added.
	Prepare func(*http.Request) *http.Request
	// Writer returns the writer for an answer, from the writer that ServeHTTP was
	// given. Default: the writer of ServeHTTP.
	Writer func(http.ResponseWriter) http.ResponseWriter
	// Logger logs what the sidecar refuses itself. Default: nothing is logged.
	Logger *slog.Logger
}

// A Site is a host that another proxy serves, and its gate.
type Site struct {
	// Host is a name such as wiki.example.com, with a port if browsers show
	// one. With *. at its beginning it matches all names that have one more
	// label, and all these servers must be trusted. A name takes precedence
	// over a pattern.
	Host string
	// Gate returns the gate. In the gate's Config, Described must be true and
	// Resolve must be [Resolve].
	Gate func(context.Context) (*proxy.Gate, error)
}

// A Sidecar answers other proxies. It is safe for concurrent use.
type Sidecar struct {
	peers  peers
	sites  sites
	prefix string // the prefix of own addresses, without a slash at its end
	asked  string // the address of verdicts
	cfg    Config
}

// New returns a sidecar, or reports everything that is wrong with its
// configuration.
func New(cfg Config) (*Sidecar, error) {
	if errs := cfg.Check(); errs != nil {
		return nil, fmt.Errorf("sidecar: %w", errors.Join(errs...))
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "/.authentik"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Prepare == nil {
		cfg.Prepare = func(r *http.Request) *http.Request { return r }
	}
	if cfg.Writer == nil {
		cfg.Writer = func(w http.ResponseWriter) http.ResponseWriter { return w }
	}
	prefix := strings.TrimSuffix(cfg.Prefix, "/")
	return &Sidecar{peers: newPeers(cfg.From), sites: newSites(cfg.Sites), prefix: prefix, asked: prefix + "/forward", cfg: cfg}, nil
}

// Mistakes of a configuration as a whole.
var (
	ErrNoPeer = errors.New("from is missing, and no proxy may ask; write the address and the kind of a proxy: from 10.0.0.2 nginx")
	ErrNoSite = errors.New("site is missing, and no proxy may ask about any; write the hosts that it serves: site wiki.example.com")
)

// Check returns everything that is wrong with the configuration.
func (cfg Config) Check() (errs []error) {
	if len(cfg.From) == 0 {
		errs = append(errs, ErrNoPeer)
	}
	if len(cfg.Sites) == 0 {
		errs = append(errs, ErrNoSite)
	}
	return append(append(errs, checkPeers(cfg.From)...), checkSites(cfg.Sites)...)
}

// ServeHTTP answers a proxy that asks about a request, and requests for the
// gates' own addresses that it passes on. Other requests are refused: the
// sidecar guards no application itself.
func (s *Sidecar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{sidecar: s, ResponseWriter: s.cfg.Writer(w), from: s.peers.dialect(r), peer: r.RemoteAddr}
	intake.Bound(c.ResponseWriter, r)
	below, forward := s.forward(r)
	switch {
	case c.from == nil:
		c.refuse(r, fault.NotFound, errPeer)
	case forward:
		c.verdict(r, below)
	case strings.HasPrefix(r.URL.Path, s.prefix+"/"):
		c.passOn(r)
	default:
		c.refuse(r, fault.NotFound, errNoApplication)
	}
}

// forward reports whether a request asks for a verdict, and returns its path below
// the address of verdicts.
func (s *Sidecar) forward(r *http.Request) (below string, is bool) {
	below, is = strings.CutPrefix(r.URL.Path, s.asked)
	return below, is && (below == "" || below[0] == '/')
}

var (
	errPeer          = errors.New("this peer is not listed in from")
	errNoApplication = errors.New("there is no application here; the other proxy asks at the address that ends with /forward")
	errAsApplication = errors.New("a client has asked for a verdict, since the request has the host of a site; let the other proxy ask with another Host, and not pass /forward on")
	errOwnAddress    = errors.New("the other proxy asks about one of the gate's own addresses; let it pass them on without asking")
)

// passOn lets a gate answer a request for its own addresses. The other proxy
// describes it in the same way in all dialects: the host is in Host, the scheme
// in X-Forwarded-Proto, and the client in X-Forwarded-For.
func (c *call) passOn(r *http.Request) {
	own, code, err := c.passedOn(r)
	if err != nil {
		c.refuse(r, code, err)
		return
	}
	_ = c.gate.Guard(c.ResponseWriter, own, func(http.ResponseWriter, *http.Request) error {
		c.refuse(r, fault.NotFound, errNoApplication)
		return nil
	})
}

// passedOn returns a request for a gate's own addresses in the form that the
// gate gets, and notes the gate. If there is no gate, the error has a code that
// says why.
func (c *call) passedOn(r *http.Request) (*http.Request, fault.Code, error) {
	c.whole = true // the answer is for the browser, even if it is a refusal
	at := description{method: r.Method, host: r.Host, uri: r.RequestURI}
	err := at.readConnection(r.Header)
	if err == nil {
		err = at.contradicted(r.Header, named)
	}
	if err != nil {
		return nil, fault.BadRequest, err
	}
	gate, code, err := c.gateOf(r, at.host)
	if err != nil {
		return nil, code, err
	}
	c.gate = gate
	return at.resolving(r, r.URL), "", nil
}

// gateOf returns the gate of a host. If the host has no gate, the error has a
// code that says why.
func (c *call) gateOf(r *http.Request, host string) (*proxy.Gate, fault.Code, error) {
	site, ok := c.sidecar.sites.at(host)
	if !ok {
		return nil, fault.HostUnknown, fmt.Errorf("no site is %q", host)
	}
	gate, err := site.Gate(r.Context())
	if err != nil {
		return nil, fault.SessionsUnavailable, err
	}
	return gate, "", nil
}
