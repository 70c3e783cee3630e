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

// Config says where authentik is and how to reach it.
type Config struct {
	// URL is where the client reaches authentik, sub-path included. Required.
	URL *url.URL
	// PublicURL is where browsers reach authentik. authentik is told its scheme
	// and host: it makes links with them, and chooses its brand by them.
	// Default: URL.
	PublicURL *url.URL
	// Transport sends the requests. Default: a clone of http.DefaultTransport.
	Transport http.RoundTripper
	// TLSServerName is the name for which authentik's certificate is verified,
	// and that the server is told in the handshake. Default: the host of URL.
	// If that is an IP address, a certificate for the host of PublicURL is
	// accepted as well.
	TLSServerName string
	// PinSHA256 accepts exactly the certificates with this public key, no matter who has
	// signed them and whatever their names and dates are. It is the SHA-256 of the
	// certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4) in hexadecimal
	// digits, with or without colons; it stays the same if a certificate is renewed
	// with the same key. Default: certificates are verified as usual.
	PinSHA256 string
	// Timeout is the maximum duration of one call of a method, with all the
	// requests that it makes. Default: 15 s. An answer that waits for a push
	// may take 90 s.
	Timeout time.Duration
	// Logger receives one record for each request, at debug level. Default: none.
	Logger *slog.Logger
}

// Client talks to one authentik. It keeps no state of visitors. It is safe for
// concurrent use.
type Client struct {
	url, public *url.URL
	base        string // the path of URL and PublicURL, without the final slash
	transport   http.RoundTripper
	timeout     time.Duration
	log         *slog.Logger
	circuit     *circuit
	large       chan struct{} // has a place for each large answer that is being read
}

// New returns a client, or an error with all mistakes in the configuration.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	transport, err := cfg.transport()
	if err != nil {
		return nil, err
	}
	c := &Client{
		url: cfg.URL, public: cfg.public(),
		base:      strings.TrimRight(cfg.URL.EscapedPath(), "/"),
		transport: transport, timeout: cfg.Timeout, log: cfg.Logger,
		circuit: &circuit{now: time.Now}, large: make(chan struct{}, maxLarge),
	}
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// public returns PublicURL or its default.
func (cfg Config) public() *url.URL {
	if cfg.PublicURL != nil {
		return cfg.PublicURL
	}
	return cfg.URL
}

func (cfg Config) check() error {
	errs := []error{checkURL("URL", cfg.URL), cfg.checkTLS()}
	if cfg.PublicURL != nil {
		errs = append(errs, checkURL("PublicURL", cfg.PublicURL))
	}
	if cfg.URL != nil && cfg.PublicURL != nil &&
		strings.TrimRight(cfg.URL.EscapedPath(), "/") != strings.TrimRight(cfg.PublicURL.EscapedPath(), "/") {
		errs = append(errs, errors.New("flowclient: URL and PublicURL must have the same path: authentik has only one"))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, errors.New("flowclient: Timeout must not be negative; write 0 for the default of 15 s"))
	}
	return errors.Join(errs...)
}

func checkURL(name string, u *url.URL) error {
	if u == nil {
		return fmt.Errorf("flowclient: %s is required, for example https://auth.example.com", name)
	}
	var errs []error
	if u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("flowclient: %s must begin with http:// or https://", name))
	}
	if !hosts.MatchString(u.Host) {
		errs = append(errs, fmt.Errorf("flowclient: %s must name a host", name))
	}
	if u.User != nil {
		errs = append(errs, fmt.Errorf("flowclient: %s must not contain a user name or a password", name))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, fmt.Errorf("flowclient: %s must end with its path", name))
	}
	return errors.Join(errs...)
}

// hosts matches the values that a Host header may have.
var hosts = regexp.MustCompile(`^([-._a-zA-Z0-9]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)

// Visitor is the person on whose behalf authentik is asked.
type Visitor struct {
	// Cookies are those of the last step. They are empty for a new visitor.
	Cookies Cookies
	// Addr is the visitor's address. authentik counts failed attempts by it and may
	// bind a session to it, so every call should have it. None is sent if it is not
	// valid.
	Addr netip.Addr
	// UserAgent is shown to users in authentik's list of their sessions.
	UserAgent string
	// Language is an Accept-Language header. authentik's texts are in that language.
	Language string
	// Host is the host in the visitor's browser that authentik is told.
	// Passkeys and links in mails belong to it. Default: the host of PublicURL.
	Host string
	// Scheme belongs to Host: "http" or "https". Other values are an error.
	// Default: the scheme of PublicURL.
	Scheme string
}

// LogValue shows the visitor's address and the names of the cookies.
func (v Visitor) LogValue() slog.Value {
	return slog.GroupValue(slog.String("addr", v.Addr.String()), slog.Any("cookies", v.Cookies))
}

// host returns the host that authentik is told.
func (c *Client) host(v Visitor) string {
	if v.Host != "" {
		return v.Host
	}
	return c.public.Host
}

// scheme returns the scheme that authentik is told. authentik's cookies, the
// origins of passkeys and of CSRF, and the links in its mails depend on it.
func (c *Client) scheme(v Visitor) string {
	if v.Scheme != "" {
		return v.Scheme
	}
	return c.public.Scheme
}

// origin returns the origin that authentik is told for this visitor.
func (c *Client) origin(v Visitor) string { return c.scheme(v) + "://" + c.host(v) }

// root returns authentik's public address as this visitor sees it.
func (c *Client) root(v Visitor) string { return c.origin(v) + c.base + "/" }

// Root returns authentik's public address with its sub-path and a final slash.
func (c *Client) Root() string { return c.root(Visitor{}) }

// PublicURL resolves a reference that authentik sent, such as a link or a picture,
// against its public address. It returns false if the result is not an http or
// https address.
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
