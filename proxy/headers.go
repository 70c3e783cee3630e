package proxy

import (
	"fmt"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
)

// HeaderPreset names a set of headers that tell the application who the
// visitor is.
type HeaderPreset string

// The presets.
const (
	// HeadersRemote sets Remote-User, Remote-Name, Remote-Email and Remote-Groups.
	HeadersRemote = HeaderPreset(headers.Remote)
	// HeadersAuthentik sets the names that authentik's own proxy outpost sends.
	HeadersAuthentik = HeaderPreset(headers.Authentik)
	// HeadersOff sets none.
	HeadersOff = HeaderPreset(headers.Off)
)

// HeaderConfig says what the application is told. Whatever it says, headers of
// all presets that a client has sent never reach the application.
type HeaderConfig struct {
	// Preset is the set to begin with. Default: HeadersRemote, or HeadersOff if Own
	// has rules.
	Preset HeaderPreset
	// Own adds headers to the preset, or replaces some of it.
	Own []HeaderRule
}

// A HeaderRule makes one header.
type HeaderRule struct {
	// Name is the header's name.
	Name string
	// Claim is what is known of the user: username, name, email, uid, groups, id,
	// session, attributes.<key>, access_token, or another claim of OpenID Connect
	// by its name there. Several values are separated by commas, or by bars if the
	// claim ends with one: groups|.
	Claim string
	// Value makes the header's value anew for each request, instead of Claim.
	Value func(*http.Request, Session) string
}

// options converts the configuration for package headers. The session of a
// request is in its context when headers are set.
func (c HeaderConfig) options() headers.Options {
	o := headers.Options{Preset: headers.Preset(c.Preset)}
	for _, own := range c.Own {
		rule := headers.Rule{Name: own.Name, Claim: own.Claim}
		if own.Value != nil {
			rule.Value = func(r *http.Request) string {
				s, _ := SessionFrom(r.Context())
				return own.Value(r, s)
			}
		}
		o.Rules = append(o.Rules, rule)
	}
	return o
}

func (c HeaderConfig) check() (errs []error) {
	for _, err := range c.options().Check() {
		errs = append(errs, fmt.Errorf("proxy: %w", err))
	}
	return errs
}
