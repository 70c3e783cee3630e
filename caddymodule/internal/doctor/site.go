package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// site sends requests to the site itself, over the network as browsers do.
func (x *subject) site(ctx context.Context) (all []Finding) {
	if x.gate.Origin == "" {
		return []Finding{skipped("site", "the name of the site is not known; add site <origin> to have it examined")}
	}
	a, certificate, err := x.visit(ctx, http.MethodGet, "/session", nil)
	if certificate != nil {
		all = append(all, found("site-certificate", "the certificate of "+x.gate.Origin+" is not one that this machine trusts: "+certificate.Error(),
			"if it is not meant to be Caddy's internal one, look at Caddy's log for the reason"))
	}
	if f, bad := x.behindBalancer(ctx, a, err); bad {
		return append(all, f)
	}
	if err != nil {
		return append(all, found("site-unreachable", x.gate.Origin+" gives no answer from here: "+err.Error(), "start Caddy; check the name of the site and its port from where visitors are"))
	}
	if !gates(a) {
		seen := fmt.Sprintf("%s%s/session answers %d, and it is not the gate that answers", x.gate.Origin, x.gate.prefix(), a.StatusCode)
		if a.Header.Get("WWW-Authenticate") != "" {
			return append(all, found("site-not-gate", seen+": another sign-in asks first, such as basic_auth", "remove that sign-in, or leave "+x.gate.prefix()+"/* out of it"))
		}
		return append(all, found("site-not-gate", seen, "check that the running Caddy has this configuration, and that these paths are routed to the directive"))
	}
	all = append(all, x.front(a)...)
	if at, err := url.Parse(x.gate.Origin); err == nil {
		all = append(all, x.silent(ctx, "site", at)...)
	}
	if x.gate.ClientID != "" {
		all = append(all, x.notices(ctx)...)
	}
	return append(all, fine("site", "the gate answers at "+x.gate.Origin))
}

// gates reports whether an answer comes from a gate.
func gates(a answer) bool {
	var says struct {
		Code string `json:"code"`
	}
	return json.Unmarshal(a.body, &says) == nil && says.Code != ""
}

// visit sends a request to the gate's addresses at the running site. The error
// for a bad certificate is returned together with the answer.
func (x *subject) visit(ctx context.Context, method, path string, form url.Values) (a answer, certificate, err error) {
	for _, insecure := range []bool{false, true} {
		a, err = x.visitOnce(ctx, method, path, form, insecure)
		var unverified *tls.CertificateVerificationError
		var authority x509.UnknownAuthorityError
		if insecure || !errors.As(err, &unverified) && !errors.As(err, &authority) {
			return a, certificate, err
		}
		certificate = err
	}
	return a, certificate, err
}

func (x *subject) visitOnce(ctx context.Context, method, path string, form url.Values, insecure bool) (answer, error) {
	return x.visitAt(ctx, method, path, form, &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}, //nolint:gosec // nothing secret is sent
	})
}

// marks are headers that a proxy in front of Caddy adds.
var marks = []string{"Cf-Ray", "X-Amz-Cf-Id", "X-Served-By", "X-Varnish", "Fly-Request-Id", "X-Azure-Ref"}

// front looks for a proxy in front of Caddy that Caddy does not trust.
func (x *subject) front(a answer) []Finding {
	name := ""
	for _, mark := range marks {
		if a.Header.Get(mark) != "" {
			name = mark
		}
	}
	if via := a.Header.Get("Via"); via != "" && !strings.Contains(strings.ToLower(via), "caddy") {
		name = "Via: " + via
	}
	if name == "" || x.server().proxied {
		return nil
	}
	return []Finding{found("trusted-proxies-missing", "a proxy is in front of Caddy ("+name+"), and Caddy does not trust it: all visitors seem to have its address",
		"write in the global options: servers { trusted_proxies static <its addresses> }")}
}

// notices sends an invalid logout token to the address for logout tokens.
func (x *subject) notices(ctx context.Context) []Finding {
	a, _, err := x.visit(ctx, http.MethodPost, "/backchannel-logout", url.Values{"logout_token": {"doctor"}})
	if err == nil && a.StatusCode == http.StatusBadRequest {
		return nil
	}
	seen := "gives no answer"
	if err == nil {
		seen = fmt.Sprintf("answers %d", a.StatusCode)
	}
	return []Finding{found("backchannel-unreachable", x.gate.Origin+x.gate.prefix()+"/backchannel-logout "+seen+" to a message from here",
		"let POST requests of authentik's worker reach this address; without them the end of a session is noticed only at the next recheck")}
}
