package exchange

import "github.com/flowsidecar/caddy-authentik/proxy/rules"

// Hosts are the origins of this site that authentik may be told.
type Hosts map[string]bool

// NewHosts returns the origins of hosts, which may have ports.
func NewHosts(names []string) Hosts {
	h := make(Hosts, 2*len(names))
	for _, name := range names {
		for _, scheme := range []string{"http", "https"} {
			h[Origin(Resolved{Scheme: scheme, Host: rules.Authority(scheme, name)})] = true
		}
	}
	return h
}

// Misdirected reports whether a request would make the gate tell authentik a
// host that the operator has not named. Any client can invent a Host header,
// and authentik puts it into the links that it mails to users (CWE-644).
func (x *Exchange) Misdirected() bool { return x.PageHost && !x.Hosts[x.Origin()] }
