package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile sets up the store from Caddyfile tokens:
//
//	sessions redis {
//	    address  <host:port>...
//	    master   <name>
//	    username <name>
//	    password <secret>
//	    sentinel_username <name>
//	    sentinel_password <secret>
//	    database <n>
//	    prefix   <text>
//	    tls {
//	        ca          <pem-file>...
//	        server_name <name>
//	        cert        <pem-file> <pem-file-of-the-key>
//	    }
//	    timeout <duration>
//	}
//
// Several addresses are nodes of a cluster, or with master those of Sentinels. tls
// alone trusts the authorities of the system.
func (r *Redis) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	p := &parser{settings: make(map[string]setting), first: make(map[string]string), more: map[string][]string{
		"redis": {"address", "tls"}, "tls": {"ca", "cert"},
	}}
	encrypted := new(RedisTLS)
	for _, s := range append(r.settings(), encrypted.settings()...) {
		p.settings[s.name] = s
	}
	d.Next()
	p.block(d, "redis", func(d *caddyfile.Dispenser) {
		switch name := d.Val(); name {
		case "address":
			r.Addresses = p.values(d, "redis address", 1, -1, "address redis:6379")
		case "tls":
			r.TLS = encrypted
			p.redisTLS(d, encrypted)
		default:
			p.one(d, "redis "+name)
		}
	})
	for _, c := range r.contradictions() {
		p.wrongAt(c.option, c.err)
	}
	return p.mistakes.or()
}

func (p *parser) redisTLS(d *caddyfile.Dispenser, t *RedisTLS) {
	if p.again(d, "redis tls") {
		return
	}
	if d.NextArg() {
		p.wrong(d, "tls takes no value; write tls alone, or tls { and its options on lines of their own")
		d.RemainingArgs()
	}
	for d.NextBlock(0) {
		inner := d.NewFromNextSegment()
		inner.Next()
		switch name := inner.Val(); name {
		case "ca":
			t.CA = p.values(inner, "tls ca", 1, -1, "ca /etc/ssl/redis-ca.pem")
		case "cert":
			if files := p.values(inner, "tls cert", 2, 2, "cert /etc/ssl/caddy.pem /etc/ssl/caddy-key.pem"); files != nil {
				t.Certificate, t.Key = files[0], files[1]
			}
		default:
			p.one(inner, "tls "+name)
		}
	}
}

// values reads an option with several values, at least and at most so many; -1 is any number.
func (p *parser) values(d *caddyfile.Dispenser, name string, least, most int, usage string) []string {
	if p.again(d, name) {
		return nil
	}
	args := d.RemainingArgs()
	defer p.noBlock(d, name)
	if len(args) < least || most >= 0 && len(args) > most {
		p.wrong(d, "%s has %d values; write for example: %s", name, len(args), usage)
		return nil
	}
	return args
}
