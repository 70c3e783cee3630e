package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/matchers"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/routes"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Rule demands more of some requests, or leaves them open.
type Rule struct {
	// The requests that the rule applies to. A rule that demands something also
	// applies to requests that matched before they were rewritten, and to requests
	// whose address servers read in different ways. Required.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Whether these requests are open to everyone. It has no effect on a request
	// for which another rule, or the handler's own `require`, `require_mfa` or
	// `max_age`, demands something. Default: they are not open.
	Open bool `json:"open,omitempty"`

	// Rules about who may pass. All of them must hold. Default: none.
	Require []Requirement `json:"require,omitempty"`

	// Whether visitors must have signed in with a second factor. Needs
	// `client_id`, or `login_at` and a login host with `step_up`. Default: no
	// second factor is demanded.
	RequireMFA bool `json:"require_mfa,omitempty"`

	// How old a sign-in at authentik may be, for example `1h`; at least `1m`.
	// Needs `client_id` or `login_at`. Default: no limit.
	MaxAge string `json:"max_age,omitempty"`

	name string // the rule as it is written in the Caddyfile
	sets matchers.Sets
}

// demands reports whether the rule demands anything.
func (r *Rule) demands() bool { return len(r.Require) > 0 || r.RequireMFA || r.MaxAge != "" }

var (
	errRuleEmpty = errors.New("it demands nothing and opens nothing; write require, max_age or open in its block")
	errRuleBoth  = errors.New("it demands something and is open; write two rules, or leave one of them out")
	errRuleLost  = errors.New("open has no effect beside a require or max_age of the whole site; move those into separate rules")
	errRuleAll   = errors.New("it names no request; write a matcher, such as on @admin or on /admin/*")
)

// check returns the mistakes in a rule. The handler's client_id may be given
// without a valid value.
func (r *Rule) check(h *Handler, openID bool) (wrong options.Mistakes) {
	given := rules.Given{ClientID: openID, Application: true, LoginAt: h.LoginAt != "", LoginPage: h.pageOr() != "", RequireMFA: r.RequireMFA, MaxAge: r.MaxAge != ""}
	for _, c := range given.Conflicts() {
		wrong = append(wrong, c.Err)
	}
	switch {
	case !r.demands() && !r.Open:
		wrong = append(wrong, errRuleEmpty)
	case r.demands() && r.Open:
		wrong = append(wrong, errRuleBoth)
	case r.Open && (len(h.Require) > 0 || h.RequireMFA || h.MaxAge != ""):
		wrong = append(wrong, errRuleLost)
	}
	if len(r.MatcherSetsRaw) == 0 {
		wrong = append(wrong, errRuleAll)
	}
	return wrong
}

// expand replaces the placeholders in a rule and checks the result.
func (r *Rule) expand(h *Handler) (wrong options.Mistakes) {
	source := h.source()
	for i := range r.Require {
		wrong = append(wrong, r.Require[i].expand(source)...)
	}
	age := r.age()
	wrong = wrong.And(options.In("max_age", age.Expand()))
	return append(wrong, r.check(h, source.OpenID)...)
}

// age returns the setting of max_age.
func (r *Rule) age() options.Setting {
	return options.Setting{Name: "max_age", Value: &r.MaxAge, Example: "max_age 1h", Check: checkMaxAge}
}

// loadMatchers loads the matchers of the handler and of its rules.
func (h *Handler) loadMatchers(ctx caddy.Context) error {
	closed, err := matchers.Load(ctx, h, "MatcherSetsRaw", h.MatcherSetsRaw)
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	opened, err := matchers.Load(ctx, h, "OpenRaw", h.OpenRaw)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for i, r := range h.On {
		if r.sets, err = matchers.Load(ctx, r, "MatcherSetsRaw", r.MatcherSetsRaw); err != nil {
			return fmt.Errorf("on %d: %w", i+1, err)
		}
		if r.Open {
			opened = append(opened, r.sets...)
		}
	}
	h.openness = matchers.Openness{Closed: closed, Opened: opened}
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	h.openness.Warn(h.log, routes.ForErrors(server))
	return nil
}

// rulesOf returns the rules that demand something, for the gate.
func (h *Handler) rulesOf() (all []proxy.Rule) {
	for _, r := range h.On {
		if !r.demands() {
			continue
		}
		one := proxy.Rule{Name: "on " + r.sets.String(), Match: r.sets.Concern, RequireMFA: r.RequireMFA, MaxAge: duration(r.MaxAge)}
		for _, need := range r.Require {
			one.Require = append(one.Require, proxy.Requirement(need))
		}
		all = append(all, one)
	}
	return all
}

// open reads matchers of requests that need no sign-in.
func (p *parser) open(d *caddyfile.Dispenser) {
	if p.Repeated(d, "open") {
		return
	}
	p.handler.OpenRaw = append(p.handler.OpenRaw, p.matchers(d, "open", "open /healthz /assets/*")...)
	p.NoBlock(d, "open")
}

// only reads matchers. Only requests that match them need a sign-in.
func (p *parser) only(d *caddyfile.Dispenser) {
	if p.Repeated(d, "only") {
		return
	}
	if p.matched {
		p.Wrong(d, "only: the directive has a matcher already; keep only one of them")
	}
	p.handler.MatcherSetsRaw = append(p.handler.MatcherSetsRaw, p.matchers(d, "only", "only /admin/*")...)
	p.NoBlock(d, "only")
}

// on reads a rule.
func (p *parser) on(d *caddyfile.Dispenser) {
	const example = "on @admin { require group admins }"
	r := &Rule{MatcherSetsRaw: p.matchers(d, "on", example)}
	r.name = strings.Join(p.words, " ")
	if p.Repeated(d, r.name) {
		return
	}
	for d.NextBlock(0) {
		p.ruleOption(d.NewFromNextSegment(), r.name, r)
	}
	if len(r.MatcherSetsRaw) > 0 { // then matchers has reported the mistake
		p.handler.On = append(p.handler.On, r)
	}
}

func (p *parser) ruleOption(d *caddyfile.Dispenser, rule string, r *Rule) {
	d.Next()
	option := d.Val()
	name := rule + " " + option
	switch option {
	case "open":
		r.Open = true
		if d.NextArg() {
			p.Wrong(d, "%s takes no value; name the requests after on", name)
			d.RemainingArgs()
		}
		p.Repeated(d, name)
		p.NoBlock(d, name)
	case "require":
		p.requireOf(d, rule, &r.Require, &r.RequireMFA)
	case "max_age":
		args := p.Values(d, name, 1, 1, "max_age 1h")
		if args == nil {
			return
		}
		r.MaxAge = args[0]
		if age := r.age(); !options.HasPlaceholder(args[0]) {
			if err := age.Check(args[0]); err != nil {
				p.Wrong(d, "%s: %v", name, err)
			}
		}
	default:
		p.Wrong(d, "unrecognized option %s; write one of max_age, open, require", name)
		d.RemainingArgs()
	}
}

// matchers reads the arguments of an option as matchers: paths, which make one
// matcher together, and named matchers of the site.
func (p *parser) matchers(d *caddyfile.Dispenser, name, example string) (sets caddyhttp.RawMatcherSets) {
	p.words = []string{name}
	var paths []string
	for d.NextArg() {
		p.words = append(p.words, d.Val())
		switch word := d.Val(); {
		case strings.HasPrefix(word, "/"), word == "*":
			paths = append(paths, word)
		case strings.HasPrefix(word, "@") && p.named != nil:
			set, err := p.named(word)
			if err != nil {
				p.Wrong(d, "%s: %v", name, err)
				continue
			}
			sets = append(sets, set)
		default:
			p.Wrong(d, "%s: %q is not a matcher; write a path, such as /healthz, or a matcher of this site, such as @public", name, word)
		}
	}
	if len(paths) > 0 {
		sets = append(caddyhttp.RawMatcherSets{caddy.ModuleMap{"path": caddyconfig.JSON(paths, nil)}}, sets...)
	}
	if len(sets) == 0 && !p.Failed() {
		p.Wrong(d, "%s names no request; write for example: %s", name, example)
	}
	return slices.Clip(sets)
}
