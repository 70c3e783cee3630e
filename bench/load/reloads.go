package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// reloads compare what Caddy needs for another configuration, with a gate before
// each site, with Caddy's own directives before each that sign visitors in or ask
// authentik's outpost, and with nothing.
func reloads(_ context.Context, s *stage, o options) ([]contender, error) {
	var all []contender
	for _, before := range []struct{ name, text string }{
		{"gates", "\tauthentik http://" + s.authentik + "\n"},
		{"forward_auth", "\tforward_auth " + s.authentik + " {\n\t\turi /outpost.goauthentik.io/auth/caddy\n" +
			"\t\tcopy_headers X-Authentik-Username X-Authentik-Groups X-Authentik-Email\n\t}\n"},
		{"basic_auth", "\tbasic_auth {\n\t\tada $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t}\n"},
		{"nothing", ""},
	} {
		c, err := s.reloaded(o, before.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", before.name, err)
		}
		c.name, c.base = fmt.Sprintf("%d sites with %s", o.sites, before.name), before.text == ""
		all = append(all, c)
	}
	return all, nil
}

// reloaded starts a Caddy with many sites, which is given its configuration again
// and again.
func (s *stage) reloaded(o options, before string) (contender, error) {
	admin, err := free(s.untilClose)
	if err != nil {
		return contender{}, err
	}
	listen, err := free(s.untilClose)
	if err != nil {
		return contender{}, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "{\n\tadmin %s\n\tpersist_config off\n\tauto_https off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n", admin)
	_, port, _ := strings.Cut(listen, ":")
	for i := range o.sites {
		fmt.Fprintf(&text, "http://site%d.example:%s {\n\tbind 127.0.0.1\n%s\treverse_proxy %s\n}\n", i, port, before, s.application)
	}
	file := filepath.Join(s.directory, fmt.Sprintf("Caddyfile-%d", len(s.processes)))
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return contender{}, err
	}
	p, err := s.launch(nil, []string{admin, listen}, s.caddy, "run", "--adapter", "caddyfile", "--config", file)
	if err == nil { // the first request makes the key, without which a gate is only checked
		err = knock(s.untilClose, listen)
	}
	work := func(ctx context.Context, o options, d time.Duration) (n int, err error) {
		for ends := time.Now().Add(d); n == 0 || time.Now().Before(ends) && n < o.requests; n++ {
			if err := reload(ctx, admin, text.String()); err != nil {
				return n, err
			}
		}
		return n, nil
	}
	return contender{process: p, work: work}, err
}

// knock sends a request to the first site.
func knock(ctx context.Context, listen string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+"/", nil)
	if err != nil {
		return err
	}
	r.Host = "site0.example"
	_, _, err = do(http.DefaultClient, r)
	return err
}

// reload gives a Caddy a configuration that it takes for another one. Its admin
// interface is replaced as well, and may be between the two.
func reload(ctx context.Context, admin, caddyfile string) (err error) {
	for range 100 {
		var status int
		var body string
		if status, body, err = post(ctx, "http://"+admin+"/load", caddyfile); err == nil {
			if status != http.StatusOK {
				return fmt.Errorf("reloading: %d %.200q", status, body)
			}
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return err
}

func post(ctx context.Context, address, caddyfile string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(caddyfile))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "text/caddyfile")
	r.Header.Set("Cache-Control", "must-revalidate")
	r.Close = true
	return do(http.DefaultClient, r)
}
