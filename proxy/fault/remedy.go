package fault

import (
	"errors"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// remedies say what an operator can do about a failure. They are for the log;
// what visitors can do is on the page. A code without a remedy needs none.
var remedies = map[Code]string{
	NotAllowed:           "bind the user or a group to the application in authentik, or check require",
	StepUpRefused:        "the user needs a second factor or a newer sign-in; set a factor up at authentik, or check require mfa and max_age",
	DeniedByFlow:         "check that the flow has a user login stage and does not lead to another site",
	CookiesBlocked:       "check that the browser keeps cookies for this site, and that cookie { domain } is above its host",
	SessionLost:          "check that all Caddys of this host have the same key and store, and the same time",
	SignInLoop:           "check that all gates and Caddys of this host have the same key and store",
	TooManyAttempts:      "if all visitors are affected, check that Caddy's trusted_proxies names the proxy in front",
	Busy:                 "if it lasts, limit in front of Caddy how many requests with a large body one address may send",
	CrossSite:            "if a proxy in front changes the host, set site",
	AuthentikUnreachable: "check that Caddy reaches authentik at url",
	AuthentikTLS:         "check url, and set trust, tls_name or pin for authentik's certificate",
	AuthentikStarting:    "wait until authentik has started",
	AuthentikUnexpected:  "check that url leads to authentik, and not to a login page or another server in front of it",
	FlowNotFound:         "check flow, or the authentication flow of authentik's brand for this host",
	ApplicationNotFound:  "check application: it is the slug of an application in authentik",
	ClientRejected:       "check client_id and client_secret, and that the provider's grant types include authorization code and refresh token",
	RedirectURIRejected:  "add redirect_uri to the provider in authentik, as a strict redirect URI",
	IssuerMismatch:       "set public_url to the address of authentik that browsers use, and let proxies in front of authentik pass on Host and X-Forwarded-Proto",
	KeysUnreachable:      "check that Caddy reaches authentik, and that the provider has a signing key",
	TokenInvalid:         "check the provider's signing key, and that it has no encryption key",
	ClockSkew:            "set the clocks of Caddy and of authentik (NTP)",
	AuthentikBehindGate:  "url leads to a site behind this gate: write authentik's own address, such as http://authentik-server:9000, and leave authentik's host out of the site",
	HostUnknown:          "if visitors use this host, set site, or add the host to the addresses of the site; with forward_auth, add it there as site",
	SignOnFailed:         "check sign_on form against the login page of the application, and the user's name and password there; the error has the cause",
	LoginHostUnknown:     "check that a site at login at has login_host, and that both have the same sessions and key; with sessions memory both must be in one Caddy",
	SeveralSessions:      "another host below the same domain has set authentik's session cookie; if it lasts, find out which, or give applications that you do not trust their own domain",
	SessionsUnavailable:  "check the session store; the error has the cause",
}

// Remedy returns what an operator can do about a failure, or nothing if the
// failure is the visitor's.
func (c Code) Remedy() string { return remedies[c] }

// Remedy returns what an operator can do about this failure.
func (e *Error) Remedy() string {
	t, ok := errors.AsType[*flowclient.TLSError](e.Err)
	if e.Code != AuthentikTLS || !ok {
		return e.Code.Remedy()
	}
	switch t.Reason {
	case flowclient.TLSUnknownAuthority:
		return "set trust to a PEM file with the authority that has signed the certificate; if it signs itself, check that it is authentik's and set pin " + t.PinSHA256
	case flowclient.TLSWrongName:
		names := slices.DeleteFunc(slices.Clone(t.Names), func(name string) bool { return t.OnlyCommonName || name == "*" })
		if len(names) == 0 {
			return "check that the certificate is authentik's and set pin " + t.PinSHA256 + "; or give authentik a certificate for the host of url"
		}
		return "set tls_name to one of the names in authentik's certificate (" + strings.Join(names, ", ") + "), or url to a host that the certificate names"
	case flowclient.TLSExpired:
		return "renew authentik's certificate, and check the clock of this server"
	case flowclient.TLSWrongPin:
		return "if authentik has a new key, set pin " + t.PinSHA256 + "; otherwise another server answers at url"
	case flowclient.TLSServerSpeaksHTTP:
		return "write http:// in url, or the port where authentik speaks HTTPS"
	case flowclient.TLSServerSpeaksTLS:
		return "write https:// in url, or the port where authentik speaks plain HTTP"
	default:
		return e.Code.Remedy()
	}
}
