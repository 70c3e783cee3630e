package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

func (p *parser) headers(d *caddyfile.Dispenser) {
	if p.Repeated(d, "headers") {
		return
	}
	empty := true
	if d.NextArg() {
		p.Set(d, "headers", d.Val())
		empty = false
	}
	if d.NextArg() {
		p.Wrong(d, "headers takes one preset; write further headers in a block, each on a line of its own")
		d.RemainingArgs()
	}
	for d.NextBlock(0) {
		p.headersOption(d.NewFromNextSegment())
		empty = false
	}
	if empty {
		p.Wrong(d, "headers has no value; write headers remote, or a block with headers of your own")
	}
}

// headersOption reads one line of the block. Words in lower case that are not
// options are names of headers.
func (p *parser) headersOption(d *caddyfile.Dispenser) {
	d.Next()
	switch name := d.Val(); name {
	case "encoding", "max_size":
		p.One(d, "headers "+name)
	case "groups":
		p.groups(d)
	case "additional":
		p.additional(d)
	default:
		p.header(d)
	}
}

func (p *parser) groups(d *caddyfile.Dispenser) {
	words := p.Values(d, "headers groups only", 2, -1, "groups only app-* staff")
	if words == nil {
		return
	}
	if words[0] != "only" {
		p.Wrong(d, "headers groups: %q is not known; write groups only, and patterns such as app-*", words[0])
		return
	}
	p.handler.Headers.GroupsOnly = words[1:]
	for _, pattern := range words[1:] {
		if err := rules.GroupPattern(pattern); err != nil && !options.HasPlaceholder(pattern) {
			p.Wrong(d, "headers groups only: %v", err)
		}
	}
}

func (p *parser) additional(d *caddyfile.Dispenser) {
	names := p.Values(d, "headers additional", 1, -1, "additional X-Tenant X-Role")
	p.handler.Headers.Additional = names
	if err := p.handler.Headers.checkAdditional(p.source); err != nil {
		p.Wrong(d, "headers additional: %v", err)
	}
}

// header reads a header of the operator's own.
func (p *parser) header(d *caddyfile.Dispenser) {
	own := Header{Name: d.Val()}
	if p.Repeated(d, "headers "+strings.ToLower(own.Name)) {
		return
	}
	args := d.RemainingArgs()
	if len(args) != 1 {
		p.Wrong(d, "headers %s has %d values and takes one; put a text with blanks in quotes, as %s \"Bearer {env.TOKEN}\"",
			own.Name, len(args), own.Name)
		return
	}
	own.Value = args[0]
	p.headerBlock(d, &own)
	if err := checkHeader(own, p.source); err != nil {
		p.Wrong(d, "headers %s: %v", own.Name, err)
	}
	p.handler.Headers.Own = append(p.handler.Headers.Own, own)
}

// headerBlock reads the options of one header.
func (p *parser) headerBlock(d *caddyfile.Dispenser, own *Header) {
	for d.NextBlock(0) {
		if d.Val() != "encoding" {
			p.Wrong(d, "headers %s: unrecognized option %s; write encoding, or leave the block out", own.Name, d.Val())
			d.RemainingArgs()
			continue
		}
		args := d.RemainingArgs()
		if len(args) != 1 || own.Encoding != "" {
			p.Wrong(d, "headers %s: encoding takes one value, once; write for example: encoding latin1", own.Name)
			continue
		}
		own.Encoding = args[0]
	}
}
