//go:build !noredis

package redis

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/advice"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
)

// UnmarshalCaddyfile sets up the module from Caddyfile tokens:
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
// Several addresses are nodes of a cluster, or Sentinels if master is given. A
// bare tls trusts the authorities of the system.
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	encrypted := new(TLS)
	p := options.NewParser(append(m.settings(), encrypted.settings()...), map[string][]string{
		"redis": {"address", "tls"}, "tls": {"ca", "cert"},
	})
	p.Instead = advice.OtherStore
	d.Next()
	p.Block(d, "redis", func(d *caddyfile.Dispenser) {
		switch name := d.Val(); name {
		case "address":
			m.Addresses = p.Values(d, "redis address", 1, -1, "address redis:6379")
		case "tls":
			m.TLS = encrypted
			encrypted.parse(p, d)
		default:
			p.One(d, "redis "+name)
		}
	})
	for _, c := range m.conflicts() {
		p.WrongAt(c.Option, c.Err)
	}
	return p.Err()
}

func (t *TLS) parse(p *options.Parser, d *caddyfile.Dispenser) {
	if p.Repeated(d, "redis tls") {
		return
	}
	if d.NextArg() {
		p.Wrong(d, "tls takes no value; write a bare tls, or tls { and its options on separate lines")
		d.RemainingArgs()
	}
	for d.NextBlock(0) {
		inner := d.NewFromNextSegment()
		inner.Next()
		switch name := inner.Val(); name {
		case "ca":
			t.CA = p.Values(inner, "tls ca", 1, -1, "ca /etc/ssl/redis-ca.pem")
		case "cert":
			if files := p.Values(inner, "tls cert", 2, 2, "cert /etc/ssl/caddy.pem /etc/ssl/caddy-key.pem"); files != nil {
				t.Certificate, t.Key = files[0], files[1]
			}
		default:
			p.One(inner, "tls "+name)
		}
	}
}
