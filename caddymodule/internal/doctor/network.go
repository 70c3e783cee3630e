package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Visitor is the client address that the doctor uses: one of those reserved for
// documentation (RFC 5737), so that it can be recognized at authentik.
const Visitor = "192.0.2.1"

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 1 << 20

// An answer is an answer of authentik.
type answer struct {
	*http.Response
	body []byte
}

// ask asks authentik as the gate does: it is told its public name and scheme, and
// the visitor's address.
func (x *subject) ask(ctx context.Context, method, path string, query, form url.Values) (answer, error) {
	at := x.authentik.JoinPath(path)
	at.RawQuery = query.Encode()
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return answer{}, err
	}
	req.Host = x.public.Host
	req.Header.Set("X-Forwarded-Proto", x.public.Scheme)
	req.Header.Set("X-Forwarded-Host", x.public.Host)
	req.Header.Set("X-Forwarded-For", Visitor)
	req.Header.Set("Accept", "application/json")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return x.send(req)
}

func (x *subject) send(req *http.Request) (answer, error) { return send(x.opened.Transport, req) }

// send sends a request with a transport. It follows no redirect.
func send(by http.RoundTripper, req *http.Request) (answer, error) {
	client := &http.Client{
		Transport:     by,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req) //nolint:gosec // the operator gives the address
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return answer{}, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{res, text}, errors.Join(err, res.Body.Close())
}

// json reports whether an answer is JSON.
func (a answer) json() bool {
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return kind == "application/json"
}

// connectionOnce is connection, unless the same authentik failed to answer
// before.
func (x *subject) connectionOnce(ctx context.Context) []Finding {
	key := fmt.Sprint(x.gate.URL, x.gate.public(), x.gate.Trust, x.gate.Pin, x.gate.TLSName)
	x.mu.Lock()
	known := x.dead[key]
	x.mu.Unlock()
	if known != nil {
		return known
	}
	all := x.connection(ctx)
	if !slices.ContainsFunc(all, func(f Finding) bool { return f.Level == OK }) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.dead == nil {
			x.dead = map[string][]Finding{}
		}
		x.dead[key] = all
	}
	return all
}

// connection checks the name, the connection and the certificate of authentik,
// and whether authentik answers there.
func (x *subject) connection(ctx context.Context) []Finding {
	if f, bad := resolve(ctx, "url", x.authentik.Hostname()); bad {
		return []Finding{f}
	}
	var all []Finding
	if x.public.Hostname() != x.authentik.Hostname() {
		if f, bad := resolve(ctx, "public_url", x.public.Hostname()); bad {
			f.Level = Warning // browsers may still be able to resolve it
			all = append(all, f)
		}
	}
	all = append(all, x.silent(ctx, "url", x.authentik)...)
	a, err := x.ask(ctx, http.MethodGet, "api/v3/core/brands/current/", nil, nil)
	if err != nil {
		return append(all, x.failed(ctx, err))
	}
	if f, bad := x.another(a); bad {
		if x.authentik.Scheme == "http" && x.speaksTLS(ctx) {
			f = x.failed(ctx, errors.New("malformed HTTP response"))
		}
		return append(all, f)
	}
	all = append(all, x.clock(a)...)
	if a.TLS != nil && len(a.TLS.PeerCertificates) > 0 {
		if left := a.TLS.PeerCertificates[0].NotAfter.Sub(x.Now()); left < 7*24*time.Hour {
			all = append(all, found("tls-expires-soon", fmt.Sprintf("authentik's certificate expires in %s", left.Round(time.Hour)), "renew it"))
		}
	}
	if f, bad := x.notSetUp(ctx); bad {
		all = append(all, f)
	}
	return append(all, fine("connection", "authentik answers at "+clean(x.authentik)))
}

// speaksTLS reports whether authentik's port expects HTTPS: servers answer
// plain HTTP there with an error of their own.
func (x *subject) speaksTLS(ctx context.Context) bool {
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(x.authentik.Hostname(), port(x.authentik)))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// resolve looks up a name.
func resolve(ctx context.Context, option, name string) (Finding, bool) {
	if _, err := netip.ParseAddr(name); err == nil {
		return Finding{}, false
	}
	_, err := net.DefaultResolver.LookupHost(ctx, name)
	if err == nil {
		return Finding{}, false
	}
	var failed *net.DNSError
	why := err.Error()
	if errors.As(err, &failed) {
		why = failed.Err
	}
	return found("name-unresolved", fmt.Sprintf("%s: the name %s has no address here: %s", option, name, why),
		"correct the name, or run this where Caddy runs: in its container or network"), true
}

// clean returns an address without its password.
func clean(u *url.URL) string {
	c := *u
	c.User = nil
	return c.String()
}

// another reports whether a server other than authentik answers, or an
// authentik that is starting.
func (x *subject) another(a answer) (Finding, bool) {
	switch {
	case a.Header.Get(flowclient.GateHeader) != "" || strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "authentik login_url="):
		return found("authentik-behind-gate", "url leads to a site that a gate guards: "+clean(x.authentik),
			"write authentik's own address, for example url http://authentik-server:9000, and give its host a site without the directive"), true
	case a.StatusCode == http.StatusServiceUnavailable || a.StatusCode == http.StatusBadGateway && !a.json():
		return found("authentik-starting", fmt.Sprintf("authentik answers %d: it is starting, or a proxy in front of it cannot reach it", a.StatusCode),
			"wait a minute and run this again; if it stays so, look at authentik's own log"), true
	case strings.HasPrefix(a.Header.Get("Location"), "https://") && x.authentik.Scheme == "http":
		return found("tls-scheme", fmt.Sprintf("%s answers %d and leads to %.100q", clean(x.authentik), a.StatusCode, a.Header.Get("Location")),
			"write https:// in url if that is authentik, or the port where authentik speaks plain HTTP"), true
	case a.StatusCode != http.StatusOK || !a.json():
		return found("authentik-unexpected", fmt.Sprintf("%s answers %d with %q, which authentik does not", clean(x.authentik), a.StatusCode, a.Header.Get("Content-Type")),
			"write the address of authentik itself, not that of another server or of a login page in front of it"), true
	}
	return Finding{}, false
}

// notSetUp reports whether authentik waits for its first administrator.
func (x *subject) notSetUp(ctx context.Context) (Finding, bool) {
	a, err := x.ask(ctx, http.MethodGet, "/", nil, nil)
	if err != nil || a.StatusCode/100 != 3 {
		return Finding{}, false
	}
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil || strings.TrimSuffix(to.Path, "/") != strings.TrimSuffix(x.authentik.Path, "/")+"/setup" {
		return Finding{}, false
	}
	return found("authentik-not-set-up", "authentik is new and waits for its first administrator", "open "+clean(x.public)+"/ in a browser and finish its set-up"), true
}

// failed returns the finding for a connection that failed.
func (x *subject) failed(ctx context.Context, err error) Finding {
	var t *flowclient.TLSError
	var header tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &t) && t.Reason == flowclient.TLSWrongPin:
		return found("tls-pin", t.Error(), "write pin "+t.PinSHA256+" if that is the right server")
	case errors.As(err, &t) && t.Reason == flowclient.TLSWrongName:
		return found("tls-name", t.Error(), `write tls_name with one of these names, except "*" and a common name, or pin `+t.PinSHA256)
	case errors.As(err, &authority):
		return found("tls-authority", x.about(authority.Cert)+" is signed by "+issuer(authority.Cert)+", which this machine does not trust",
			"write trust <file> with the certificate of that authority (PEM), or pin <sha256>")
	case errors.As(err, &name):
		return found("tls-name", fmt.Sprintf("%s, and not for %s", x.about(name.Certificate), name.Host), "write tls_name with one of its names, or a url with one of them")
	case errors.As(err, &invalid):
		code := "tls-handshake"
		if invalid.Reason == x509.Expired {
			code = "tls-expired"
		}
		return found(code, fmt.Sprintf("%s: %s", x.about(invalid.Cert), invalid.Error()), "renew authentik's certificate, and look at this machine's clock")
	case errors.As(err, &header) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return found("tls-scheme", clean(x.authentik)+" speaks plain HTTP", "write http:// in url, or the port where authentik speaks HTTPS")
	case strings.Contains(err.Error(), "malformed HTTP response"):
		return found("tls-scheme", clean(x.authentik)+" speaks HTTPS", "write https:// in url, or the port where authentik speaks plain HTTP")
	case errors.Is(err, syscall.ECONNREFUSED):
		return found("authentik-unreachable", "nothing listens at "+clean(x.authentik), "start authentik, or correct the port in url")
	case onlyIPv6(ctx, x.authentik, err):
		return found("ipv6-missing", x.authentik.Hostname()+" has only IPv6 addresses, and this machine has no way to them: "+cause(err).Error(),
			"give this machine or its container IPv6 (Docker: a network with enable_ipv6), or write a url that has an IPv4 address")
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return found("authentik-unreachable", clean(x.authentik)+" gives no answer in time", "check a firewall between here and authentik, and authentik's own log")
	}
	return found("authentik-unreachable", clean(x.authentik)+": "+err.Error(), "check url, and that Caddy may connect to it")
}

// about describes the certificate.
func (x *subject) about(c *x509.Certificate) string {
	if c == nil {
		return "authentik's certificate"
	}
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	return "authentik's certificate is for " + strings.Join(names, ", ")
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return "an authority"
	}
	return fmt.Sprintf("%q", c.Issuer.String())
}

// The difference of clocks that the gate does not tolerate, and the difference
// at which one of the clocks must be wrong.
const (
	maxSkew  = time.Minute
	someSkew = 10 * time.Second
)

// clock compares the clocks.
func (x *subject) clock(a answer) []Finding {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return nil
	}
	skew := x.Now().Sub(date).Round(time.Second)
	if skew.Abs() <= someSkew {
		return nil
	}
	f := found("clock-skew", fmt.Sprintf("this machine's clock differs by %s from authentik's", skew), "set both clocks with NTP")
	if skew.Abs() <= maxSkew {
		f.Level = Warning
	}
	return []Finding{f}
}
