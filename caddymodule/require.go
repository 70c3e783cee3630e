package caddymodule

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Requirement is a rule about who may pass. A visitor passes if one of the
// values is true for that user.
type Requirement struct {
	// What the rule is about: `group` for the name of a group, `user` for the
	// username, or, with `client_id`, a claim of OpenID Connect.
	Claim string `json:"claim"`

	// The values, one of which is enough. They are compared exactly; case matters.
	Values []string `json:"values"`
}

// check returns the mistakes in a requirement.
func (r Requirement) check(source rules.Source) error {
	if len(r.Values) == 0 && slices.Contains([]string{"2fa", "totp", "otp", "webauthn", "second_factor"}, strings.ToLower(r.Claim)) {
		return errors.New("write require mfa for a second factor")
	}
	if r.Claim == "mfa" {
		return errors.New("mfa takes no value; write require mfa without one, in JSON require_mfa")
	}
	for _, value := range r.Values {
		if err := options.Text(value); err != nil {
			return err
		}
	}
	return source.Requirement(r.Claim, r.Values)
}

// String returns the requirement as it is written in a Caddyfile.
func (r Requirement) String() string {
	words := []string{r.Claim}
	for _, value := range r.Values {
		if strings.ContainsAny(value, " \t\n\"") {
			value = strconv.Quote(value)
		}
		words = append(words, value)
	}
	return strings.Join(words, " ")
}

// expand replaces the placeholders in a requirement and checks the result.
func (r *Requirement) expand(source rules.Source) options.Mistakes {
	wrong := options.ExpandAll("require", r.Values).And(options.In("require", options.Expand(&r.Claim)))
	if wrong != nil {
		return wrong
	}
	return wrong.And(options.In(strings.TrimSpace("require "+r.Claim), r.check(source)))
}

// require reads one requirement. All requirements must hold; giving the same
// one twice is a mistake.
func (p *parser) require(d *caddyfile.Dispenser) {
	p.requireOf(d, "", &p.handler.Require, &p.handler.RequireMFA)
}

// requireOf reads a requirement of the directive, or of a rule with a name.
func (p *parser) requireOf(d *caddyfile.Dispenser, rule string, all *[]Requirement, mfa *bool) {
	option := strings.TrimSpace(rule + " require")
	if !d.NextArg() {
		p.Wrong(d, "%s names nothing; write for example: require group staff", option)
		p.NoBlock(d, option)
		return
	}
	r := Requirement{d.Val(), d.RemainingArgs()}
	name := option + " " + r.Claim
	defer p.NoBlock(d, name)
	if r.Claim == "mfa" && len(r.Values) == 0 {
		*mfa = true
		p.Repeated(d, name)
		return
	}
	if p.Repeated(d, option+" "+r.String()) {
		return
	}
	*all = append(*all, r)
	if options.HasPlaceholder(r.Claim) || slices.ContainsFunc(r.Values, options.HasPlaceholder) {
		return
	}
	if err := r.check(p.source); err != nil {
		p.Wrong(d, "%s: %v", name, err)
	}
}

// requirements returns the requirements for the gate.
func (h *Handler) requirements() []proxy.Requirement {
	all := make([]proxy.Requirement, 0, len(h.Require))
	for _, r := range h.Require {
		all = append(all, proxy.Requirement(r))
	}
	return all
}

// warnOfCommas warns of a value that looks like several: other programs
// separate names with commas, and no user would pass. Names of LDAP have commas
// too, and an equals sign.
func (h *Handler) warnOfCommas() {
	all := slices.Clone(h.Require)
	for _, rule := range h.On {
		all = append(all, rule.Require...)
	}
	for _, r := range all {
		for _, value := range r.Values {
			if strings.Contains(value, ",") && !strings.Contains(value, "=") {
				h.log.Warn("require: a value has a comma, and is compared whole; if it is several values, write blanks between them", "require", r.String())
				break
			}
		}
	}
}
