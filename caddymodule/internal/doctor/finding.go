// Package doctor is the command "caddy authentik doctor". It examines a set-up
// from the side of Caddy and from the side of authentik. Each finding says what
// was seen and what to write.
//
//   - command.go, check.go: the command line, and the order of the checks
//   - finding.go, report.go: the findings with their codes, and the report
//   - config.go, routes.go: a configuration of Caddy
//   - configured.go: what the configuration itself shows
//   - network.go, addresses.go, authentik.go, provider.go, administrator.go:
//     what authentik shows
//   - site.go, front.go: the running site, and a load balancer in front of it
//   - store.go: the session store
//   - signin.go: a sign-in
package doctor

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// A Level says how serious a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Note    Level = "note"    // something could not be examined, or is worth knowing
	Warning Level = "warning" // it works, and should be different
	Failure Level = "failure" // it does not work, or is not safe
)

// A Finding is a result of one check.
type Finding struct {
	Level Level  `json:"level"`
	Code  string `json:"code"`
	// Site is the site of the finding; empty if it is about all sites.
	Site string `json:"site,omitempty"`
	// Seen is what was seen, and Write what to write instead.
	Seen  string `json:"seen"`
	Write string `json:"write,omitempty"`
}

// levels are the codes with their levels. docs/doctor.md explains each.
var levels = map[string]Level{
	// The configuration.
	"config-invalid": Failure, "config-no-gate": Failure, "config-warning": Warning,
	"secret-in-config": Warning, "public-url-missing": Warning, "plain-http": Warning,
	"cookie-domain": Failure, "cookie-domain-neighbour": Warning, "gates-differ": Warning,
	"neighbour-unguarded": Failure, "trusted-proxies-all": Failure, "trusted-proxies-missing": Warning,
	"proxy-protocol-missing": Failure, "proxy-protocol-refused": Failure, "proxy-protocol-peers": Warning, "proxy-protocol-order": Failure, "proxy-protocol-all": Failure,
	"client-shared": Warning,
	// The way to authentik.
	"name-unresolved": Failure, "authentik-unreachable": Failure, "authentik-starting": Failure,
	"authentik-unexpected": Failure, "authentik-behind-gate": Failure, "authentik-not-set-up": Failure,
	"tls-authority": Failure, "tls-name": Failure, "tls-expired": Failure, "tls-pin": Failure, "tls-scheme": Failure, "tls-handshake": Failure,
	"address-silent": Warning, "ipv6-missing": Failure,
	"tls-expires-soon": Warning, "clock-skew": Failure, "scheme-not-seen": Failure, "host-not-seen": Failure, "address-not-seen": Warning,
	// authentik.
	"release-old": Failure, "release-new": Warning, "release-unknown": Note,
	"brand-domain": Warning, "flow-not-found": Failure, "flow-refuses": Failure,
	"application-not-found": Failure, "application-open": Warning,
	// OpenID Connect.
	"provider-missing": Failure, "issuer-mismatch": Failure, "keys-missing": Failure, "keys-unreachable": Failure,
	"client-rejected": Failure, "client-secret": Failure, "redirect-uri-rejected": Failure, "grant-types": Failure,
	"scope-missing": Warning, "token-encrypted": Failure, "logout-uri-missing": Failure,
	"backchannel-unset": Warning, "backchannel-unreachable": Warning,
	// With a token.
	"token-rejected": Failure, "token-rights": Note, "token-withheld": Warning, "token-plain-http": Warning,
	// The running site.
	"site-unreachable": Warning, "site-not-gate": Failure, "site-certificate": Warning,
	// The store.
	"store-fails": Failure, "store-slow": Warning, "store-no-notice": Failure, "store-not-tested": Note, "store-memory": Note,
	// A sign-in.
	"gate-fails": Failure, "sign-in-refused": Failure, "sign-in-stops": Note, "not-allowed": Failure,
	// The doctor itself.
	"check-timed-out": Warning,
}

// Codes returns the codes with their levels.
func Codes() map[string]Level { return levels }

// found makes a finding.
func found(code, seen, write string) Finding {
	return Finding{Level: levels[code], Code: code, Seen: seen, Write: write}
}

// fine makes the finding of a check that found no mistake.
func fine(check, seen string) Finding { return Finding{Level: OK, Code: check, Seen: seen} }

// skipped makes the finding of a check that could not examine anything.
func skipped(check, why string) Finding { return Finding{Level: Note, Code: check, Seen: why} }

// placeholder matches a text that is one placeholder and nothing else.
var placeholder = regexp.MustCompile(`^\{[^{}]+\}$`)

// secretsIn returns the secret texts in a configuration, by the names of their
// members. Each is returned as written and with placeholders replaced.
func secretsIn(raw json.RawMessage) (all []string) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		for name, value := range object {
			var text string
			if json.Unmarshal(value, &text) != nil {
				all = append(all, secretsIn(value)...)
			} else if secretName(name) {
				all = append(all, expand(text))
				if !placeholder.MatchString(text) { // a placeholder only says where the secret is
					all = append(all, text)
				}
			}
		}
		return all
	}
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // other values have no members
	for _, one := range list {
		all = append(all, secretsIn(one)...)
	}
	return all
}

func secretName(name string) bool {
	return name == "key" || strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.Contains(name, "token")
}

// hideSecrets removes secrets, and control characters that could steer a
// terminal, from a text.
func hideSecrets(text string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "[hidden]")
		}
	}
	return plain.Line(text)
}
