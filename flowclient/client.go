package flowclient

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Config says where authentik is and how patient to be with it.
type Config struct {
	// URL is where the client reaches authentik, sub-path included. Required.
	URL *url.URL
	// PublicURL is where browsers reach authentik. authentik is told its scheme and
	// host, from which it makes links and tells its brands apart. Default: URL.
	PublicURL *url.URL
	// Transport sends the requests. Default: a clone of http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds one request with its answer. Default: 15 s. An answer that waits
	// for a push to a telephone gets 90 s.
	Timeout time.Duration
	// MaxBytes bounds one answer of authentik, decompressed. Default: 8 MiB.
	MaxBytes int64
	// Logger is told of each exchange at debug level. Default: none.
	Logger *slog.Logger
}

const (
	defaultTimeout  = 15 * time.Second
	pushTimeout     = 90 * time.Second
	defaultMaxBytes = 8 << 20
	maxHeaderBytes  = 256 << 10
)

// Client talks to one authentik. It keeps no state of visitors and may be used by
// any number of goroutines at once.
type Client struct {
	url, public *url.URL
	base        string // path of both, without the final slash
	transport   http.RoundTripper
	timeout     time.Duration
	maxBytes    int64
	log         *slog.Logger
}

// New returns a client, or everything that is wrong with the configuration.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{
		url: cfg.URL, public: cfg.PublicURL,
		timeout: cfg.Timeout, maxBytes: cfg.MaxBytes, log: cfg.Logger,
	}
	if c.public == nil {
		c.public = c.url
	}
	c.base = strings.TrimRight(c.url.EscapedPath(), "/")
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	if c.maxBytes == 0 {
		c.maxBytes = defaultMaxBytes
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.transport = transport(cfg.Transport)
	return c, nil
}

func transport(given http.RoundTripper) http.RoundTripper {
	if given != nil {
		return given
	}
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = maxHeaderBytes
	// More than the standard two idle connections to a host: all requests go to
	// one.
	t.MaxIdleConnsPerHost = 64
	return t
}

func (cfg Config) check() error {
	errs := []error{checkURL("URL", cfg.URL)}
	if cfg.PublicURL != nil {
		errs = append(errs, checkURL("PublicURL", cfg.PublicURL))
	}
	if cfg.URL != nil && cfg.PublicURL != nil &&
		strings.TrimRight(cfg.URL.EscapedPath(), "/") != strings.TrimRight(cfg.PublicURL.EscapedPath(), "/") {
		errs = append(errs, errors.New("flowclient: URL and PublicURL must have the same path: authentik knows only one"))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, errors.New("flowclient: Timeout must not be negative"))
	}
	if cfg.MaxBytes < 0 {
		errs = append(errs, errors.New("flowclient: MaxBytes must not be negative"))
	}
	return errors.Join(errs...)
}

func checkURL(name string, u *url.URL) error {
	if u == nil {
		return fmt.Errorf("flowclient: %s is required", name)
	}
	var errs []error
	if u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("flowclient: %s must begin with http:// or https://", name))
	}
	if !hosts.MatchString(u.Host) {
		errs = append(errs, fmt.Errorf("flowclient: %s must name a host", name))
	}
	if u.User != nil {
		errs = append(errs, fmt.Errorf("flowclient: %s must not hold a user name or a password", name))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, fmt.Errorf("flowclient: %s must end with its path", name))
	}
	return errors.Join(errs...)
}

// hosts is what may stand in a Host header.
var hosts = regexp.MustCompile(`^([-._a-zA-Z0-9]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)

// Visitor is the person in whose name authentik is asked.
type Visitor struct {
	// Cookies are those of the last step.
	Cookies Cookies
	// Addr is the visitor's address. authentik counts failures by it and may bind a
	// session to it, so it must be the same kind of address in every call. None is
	// sent where it is not valid.
	Addr netip.Addr
	// UserAgent is shown to users in authentik's list of their sessions.
	UserAgent string
	// Language is an Accept-Language header, in which authentik then speaks.
	Language string
	// Host is told to authentik in place of PublicURL's, for pages that have passkeys
	// and mailed links of their own. Default: PublicURL's.
	Host string
	// Scheme goes with Host: "http" or "https", told to authentik in place of
	// PublicURL's. Nothing is asked with any other word. Default: PublicURL's.
	Scheme string
}

// LogValue tells the visitor's address and nothing else.
func (v Visitor) LogValue() slog.Value {
	return slog.GroupValue(slog.String("addr", v.Addr.String()), slog.Any("cookies", v.Cookies))
}

// host is what authentik is told, and thinks it is called.
func (c *Client) host(v Visitor) string {
	if v.Host != "" {
		return v.Host
	}
	return c.public.Host
}

// scheme is what authentik thinks it is asked by. Its cookies, the origins of
// passkeys and of CSRF, and its mailed links all depend on it.
func (c *Client) scheme(v Visitor) string {
	if v.Scheme != "" {
		return v.Scheme
	}
	return c.public.Scheme
}

// origin is authentik's as it sees itself when this visitor asks.
func (c *Client) origin(v Visitor) string { return c.scheme(v) + "://" + c.host(v) }

// root is authentik's public address as this visitor is told it.
func (c *Client) root(v Visitor) string { return c.origin(v) + c.base + "/" }

// Root is authentik's public address, with the sub-path that it lies below and a slash at its end.
func (c *Client) Root() string { return c.root(Visitor{}) }

// PublicURL resolves a reference that authentik emitted, such as a link or a
// picture, against its public address. It is false for anything but http and
// https.
func (c *Client) PublicURL(ref string) (string, bool) {
	u, err := parseRef(ref)
	if err != nil {
		return "", false
	}
	home := &url.URL{Scheme: c.public.Scheme, Host: c.public.Host, Path: "/"}
	u = home.ResolveReference(u)
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return "", false
	}
	return u.String(), true
}
