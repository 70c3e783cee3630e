package caddymodule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// always are what can be required without OpenID Connect.
var always = []string{"group", "user"}

// claimName are names of claims of OpenID Connect; those of one's own are often addresses.
var claimName = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,100}$`)

func checkClaimName(name string) error {
	if !claimName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a claim; write up to 100 letters, digits and _ . : / -", name)
	}
	return nil
}

// check finds what is wrong with a rule, with OpenID Connect or without.
func (r Requirement) check(oidc bool) error {
	switch {
	case r.Claim == "mfa":
		return errors.New("mfa takes no value; write require mfa alone, in JSON require_mfa")
	case len(r.Values) == 0:
		return errors.New("it names no value; write for example: require group staff")
	}
	if err := checkClaimName(r.Claim); err != nil {
		return err
	}
	if !oidc && !slices.Contains(always, r.Claim) {
		hint := meant(r.Claim, always)
		if hint == "" {
			hint = "; write " + strings.Join(always, " or ") + ", or client_id and application too"
		}
		return fmt.Errorf("%q cannot be required without client_id%s", r.Claim, hint)
	}
	for i, value := range r.Values {
		if err := checkText(value); err != nil {
			return err
		}
		if slices.Contains(r.Values[:i], value) {
			return fmt.Errorf("%q is there twice; leave one of them out", value)
		}
	}
	return nil
}

// String is the rule as the Caddyfile has it.
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

// settle puts values in place of placeholders, and checks the rule then.
func (r *Requirement) settle(oidc bool) (wrong mistakes) {
	wrong = replaceAll("require", r.Values).and(named("require", replace(&r.Claim)))
	if wrong == nil {
		wrong = wrong.and(named(strings.TrimSpace("require "+r.Claim), r.check(oidc)))
	}
	return wrong
}

// require reads one rule. Rules add up, but the same one twice is a mistake.
func (p *parser) require(d *caddyfile.Dispenser) {
	if !d.NextArg() {
		p.wrong(d, "require names nothing; write for example: require group staff")
		p.noBlock(d, "require")
		return
	}
	r := Requirement{d.Val(), d.RemainingArgs()}
	name := "require " + r.Claim
	defer p.noBlock(d, name)
	if r.Claim == "mfa" && len(r.Values) == 0 {
		p.handler.RequireMFA = true
		p.again(d, name)
		return
	}
	if p.again(d, "require "+r.String()) {
		return
	}
	p.handler.Require = append(p.handler.Require, r)
	if hasPlaceholder(r.Claim) || slices.ContainsFunc(r.Values, hasPlaceholder) {
		return
	}
	if err := r.check(p.oidc); err != nil {
		p.wrong(d, "%s: %v", name, err)
	}
}

// requirements turns the rules into the gate's.
func (h *Handler) requirements() []proxy.Requirement {
	rules := make([]proxy.Requirement, 0, len(h.Require))
	for _, r := range h.Require {
		rules = append(rules, proxy.Requirement(r))
	}
	return rules
}
