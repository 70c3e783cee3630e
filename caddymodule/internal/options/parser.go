package options

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Parser reads one directive, or the block of one module, and collects its
// mistakes. A mistake in one option does not hide mistakes in the next.
type Parser struct {
	// Instead returns what to write instead of an option of another program, or
	// nil for an unknown option. The function itself may be nil.
	Instead func(option string) error
	// Related is called after Instead, for an option that is not a misspelt one
	// either. It may be nil.
	Related func(option string) error

	settings []Setting
	others   map[string][]string // options without a Setting, by block
	first    map[string]string   // the place of each option's first line
	mistakes Mistakes
}

// NewParser returns a parser of these settings. The options in others have no
// Setting and are read by the caller; the key is their block, or empty.
func NewParser(settings []Setting, others map[string][]string) *Parser {
	return &Parser{settings: settings, others: others, first: make(map[string]string)}
}

// setting returns the setting of a name. A directive has few options, so a map
// would cost more than it saves.
func (p *Parser) setting(name string) (s Setting, found bool) {
	i := slices.IndexFunc(p.settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return p.settings[i], true
}

// Start notes the place of the directive itself, under the name "".
func (p *Parser) Start(d *caddyfile.Dispenser) { p.first[""] = place(d) }

// Given reports whether an option was given.
func (p *Parser) Given(option string) bool { return p.first[option] != "" }

// Failed reports whether there are mistakes.
func (p *Parser) Failed() bool { return len(p.mistakes) > 0 }

// Err returns all mistakes, or nil.
func (p *Parser) Err() error { return p.mistakes.Err() }

// Add collects mistakes that another reader has found.
func (p *Parser) Add(mistakes ...error) { p.mistakes = append(p.mistakes, mistakes...) }

// One reads an option with one value, or says that it is unknown.
func (p *Parser) One(d *caddyfile.Dispenser, name string) {
	s, found := p.setting(name)
	if !found {
		p.unknown(d, name)
		return
	}
	if p.Repeated(d, name) {
		return
	}
	args := d.RemainingArgs()
	if len(args) != 1 {
		p.Wrong(d, "%s has %d values and takes one; write for example: %s", name, len(args), s.Example)
	} else {
		p.Set(d, name, args[0])
	}
	p.NoBlock(d, name)
}

// Set keeps the value of an option. It checks the value, unless the value has a
// placeholder: Setting.Expand checks it then.
func (p *Parser) Set(d *caddyfile.Dispenser, name, value string) {
	s, _ := p.setting(name)
	if value == "" {
		p.Wrong(d, "%s is empty; write for example: %s", name, s.Example)
		return
	}
	if p.first[name] == "" {
		p.first[name] = place(d)
	}
	*s.Value = value
	if HasPlaceholder(value) {
		return
	}
	if err := s.Check(value); err != nil {
		p.Wrong(d, "%s: %v", name, err)
	}
}

// Values reads an option with at least and at most so many values; most -1
// means any number. It returns nil after a mistake.
func (p *Parser) Values(d *caddyfile.Dispenser, name string, least, most int, example string) []string {
	if p.Repeated(d, name) {
		return nil
	}
	args := d.RemainingArgs()
	defer p.NoBlock(d, name)
	if len(args) < least || most >= 0 && len(args) > most {
		p.Wrong(d, "%s has %d values; write for example: %s", name, len(args), example)
		return nil
	}
	return args
}

// Block reads an option that has no value, only a block of options.
func (p *Parser) Block(d *caddyfile.Dispenser, name string, option func(*caddyfile.Dispenser)) {
	if p.Repeated(d, name) {
		return
	}
	if d.NextArg() {
		p.Wrong(d, "%s takes no value; write %s { and its options on separate lines", name, name)
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
		p.Wrong(d, "%s has no options; write some of %s, or leave it out", name, strings.Join(p.options(name), ", "))
	}
}

// Repeated notes that an option was given and reports whether it was given
// before. That is a mistake: one of the two would have no effect.
func (p *Parser) Repeated(d *caddyfile.Dispenser, name string) bool {
	before := p.first[name]
	if before != "" {
		p.Wrong(d, "%s is given twice, first at %s; keep one of them", name, before)
		return true
	}
	p.first[name] = place(d)
	return false
}

// NoBlock refuses a block after an option that cannot have one.
func (p *Parser) NoBlock(d *caddyfile.Dispenser, name string) {
	if d.NextBlock(0) {
		p.Wrong(d, "%s takes no block; leave out the braces and what is between them", name)
	}
}

// unknown refuses an option and says what to write instead.
func (p *Parser) unknown(d *caddyfile.Dispenser, name string) {
	if p.Instead != nil {
		if err := p.Instead(name); err != nil {
			p.Wrong(d, "%v", err)
			return
		}
	}
	outer, word, inner := strings.Cut(name, " ")
	if !inner {
		outer, word = "", name
	}
	known := p.options(outer)
	hint := rules.Suggest(word, known)
	if hint == "" && p.Related != nil {
		if err := p.Related(name); err != nil {
			p.Wrong(d, "%v", err)
			return
		}
	}
	if hint == "" {
		hint = "; write one of " + strings.Join(known, ", ")
	}
	p.Wrong(d, "unrecognized option %s%s", name, hint)
}

// options returns the names of the options in a block, or of the directive.
func (p *Parser) options(block string) []string {
	names := map[string]bool{}
	for _, name := range p.others[block] {
		names[name] = true
	}
	for _, s := range p.settings {
		outer, inner, nested := strings.Cut(s.Name, " ")
		switch {
		case block == "":
			names[outer] = true
		case nested && outer == block:
			names[inner] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Wrong collects a mistake at the place of the current token.
func (p *Parser) Wrong(d *caddyfile.Dispenser, format string, args ...any) {
	p.mistakes = append(p.mistakes, d.WrapErr(fmt.Errorf(format, args...)))
}

// WrongAt collects a mistake that is found after everything was read, at the
// place of an option.
func (p *Parser) WrongAt(option string, err error) {
	p.mistakes = append(p.mistakes, fmt.Errorf("%w, at %s", err, p.first[option]))
}

// place returns the file and line of the current token.
func place(d *caddyfile.Dispenser) string { return fmt.Sprintf("%s:%d", d.File(), d.Line()) }
