package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// one reads an option with a single value, or says why it is none.
func (p *parser) one(d *caddyfile.Dispenser, name string) {
	s, found := p.settings[name]
	if !found {
		p.unknown(d, name)
		return
	}
	if p.again(d, name) {
		return
	}
	args := d.RemainingArgs()
	if len(args) != 1 {
		p.wrong(d, "%s has %d values and takes one; write for example: %s", name, len(args), s.usage)
	} else {
		p.set(d, name, args[0])
	}
	p.noBlock(d, name)
}

// set keeps the value of an option that was not given before. A value with a
// placeholder is looked at when the placeholder is known.
func (p *parser) set(d *caddyfile.Dispenser, name, value string) {
	s := p.settings[name]
	if value == "" {
		p.wrong(d, "%s is empty; write for example: %s", name, s.usage)
		return
	}
	if p.first[name] == "" {
		p.first[name] = place(d)
	}
	*s.value = value
	if hasPlaceholder(value) {
		return
	}
	if err := s.check(value); err != nil {
		p.wrong(d, "%s: %v", name, err)
	}
}

// hasPlaceholder reports whether a value may not be known before Caddy starts.
func hasPlaceholder(value string) bool { return strings.Contains(value, "{") }

// block reads an option that is nothing but a block of others.
func (p *parser) block(d *caddyfile.Dispenser, name string, option func(*caddyfile.Dispenser)) {
	if p.again(d, name) {
		return
	}
	if d.NextArg() {
		p.wrong(d, "%s takes no value; write %s { and its options on lines of their own", name, name)
		d.RemainingArgs()
	}
	empty := true
	for d.NextBlock(0) {
		inner := d.NewFromNextSegment()
		inner.Next()
		option(inner)
		empty = false
	}
	if empty {
		p.wrong(d, "%s has no options; write some of %s, or leave it out", name, strings.Join(p.options(name), ", "))
	}
}

// again reports whether the option was given before, which is a mistake: one
// of the two has no effect, and its writer believes it has.
func (p *parser) again(d *caddyfile.Dispenser, name string) bool {
	before := p.first[name]
	if before != "" {
		p.wrong(d, "%s is given twice, first at %s; keep one of them", name, before)
		return true
	}
	p.first[name] = place(d)
	return false
}

// noBlock refuses a block after an option that has none.
func (p *parser) noBlock(d *caddyfile.Dispenser, name string) {
	if d.NextBlock(0) {
		p.wrong(d, "%s takes no block; leave out the braces and what is between them", name)
	}
}

// unknown says what is known instead of an option that is not.
func (p *parser) unknown(d *caddyfile.Dispenser, name string) {
	if err := notYet(name); err != nil {
		p.wrong(d, "%v", err)
		return
	}
	outer, word, inner := strings.Cut(name, " ")
	if !inner {
		outer, word = "", name
	}
	words := p.options(outer)
	hint := meant(word, words)
	if hint == "" {
		hint = "; write one of " + strings.Join(words, ", ")
	}
	p.wrong(d, "unrecognized option %s%s", name, hint)
}

// options returns the options inside a block, or those of the directive.
func (p *parser) options(block string) []string {
	names := map[string]bool{}
	for _, name := range p.more[block] {
		names[name] = true
	}
	for name := range p.settings {
		outer, inner, nested := strings.Cut(name, " ")
		switch {
		case block == "":
			names[outer] = true
		case nested && outer == block:
			names[inner] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// wrong notes a mistake with the place where it stands.
func (p *parser) wrong(d *caddyfile.Dispenser, format string, args ...any) {
	p.mistakes = append(p.mistakes, d.WrapErr(fmt.Errorf(format, args...)))
}

// wrongAt notes a mistake that shows when the whole directive has been read, at
// the place where option stood.
func (p *parser) wrongAt(option string, err error) {
	p.mistakes = append(p.mistakes, fmt.Errorf("%w, at %s", err, p.first[option]))
}

// place tells where a token stands.
func place(d *caddyfile.Dispenser) string { return fmt.Sprintf("%s:%d", d.File(), d.Line()) }
