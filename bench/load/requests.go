package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
)

// requests compare the request of a signed-in visitor. Each is tried once, so that
// nothing is measured but what was meant.
func requests(ctx context.Context, s *stage, o options) ([]contender, error) {
	headers := site{"headers", "\trequest_header Remote-User " + username + "\n\trequest_header Remote-Name \"Jane Doe\"\n" +
		"\trequest_header Remote-Email jane@example.com\n\trequest_header Remote-Groups staff,wiki\n"}
	p, at, err := s.start("\tadmin off\n", s.gate("gate", ""), headers, site{name: "plain"})
	if err != nil {
		return nil, err
	}
	cookie, err := signIn(ctx, http.DefaultTransport, "http://"+at["gate"], username)
	if err != nil {
		return nil, fmt.Errorf("signing in: %w", err)
	}
	if err := expect(ctx, at["gate"], "Cookie: none=none", http.StatusUnauthorized, ""); err != nil {
		return nil, fmt.Errorf("the gate without a cookie: %w", err)
	}
	all := []contender{{name: "gate", process: p}, {name: "request_header", process: p, base: true}, {name: "only reverse_proxy", process: p, base: true}}
	for i, name := range []string{"gate", "headers", "plain"} {
		user := ""
		if name != "plain" {
			user = username + "."
		}
		if err := expect(ctx, at[name], cookie, http.StatusOK, "hello "+user); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[i].work = exchange{address: at[name], request: request(at[name], cookie), status: "200"}.work
	}
	return s.beside(ctx, o, all, func(address, header string) exchange {
		return exchange{address: address, request: request(address, header), status: "200"}
	})
}

// beside adds the Caddy that is compared with, if there is one: before the plain
// one, and as a base.
func (s *stage) beside(ctx context.Context, o options, all []contender, of func(address, header string) exchange) ([]contender, error) {
	if o.against == "" {
		return all, nil
	}
	p, address, err := s.other(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.against, err)
	}
	header := o.header
	if header == "" && expect(ctx, address, "", http.StatusOK, "hello ") != nil {
		if header, err = signIn(ctx, http.DefaultTransport, "http://"+address, username); err != nil {
			return nil, fmt.Errorf("%s: signing in: %w", o.against, err)
		}
	}
	if header == "" {
		header = "Cookie: theme=dark"
	}
	last := len(all) - 1
	return append(all[:last:last], contender{name: o.against, base: true, process: p, work: of(address, header).work}, all[last]), nil
}

// sheet is the address of the style sheet in a page.
var sheet = regexp.MustCompile(`href="(/\.authentik/assets/style\.css[^"]*)"`)

// pages compare the first page of a sign-in with a request that is passed on.
func pages(ctx context.Context, s *stage, o options) ([]contender, error) {
	const path = "/.authentik/login?to=/some/page"
	p, at, err := s.start("\tadmin off\n", s.gate("gate", ""), site{name: "plain"})
	if err != nil {
		return nil, err
	}
	page, err := visit(ctx, http.DefaultClient, "http://"+at["gate"]+path, nil)
	if err != nil {
		return nil, err
	}
	style := sheet.FindStringSubmatch(page)
	if style == nil {
		return nil, errors.New("the page has no style sheet")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at["gate"]+style[1], nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	gate := at["gate"]
	one := func(name string, e exchange) contender { return contender{name: name, process: p, work: e.work} }
	all := []contender{
		one("sign-in page", exchange{address: gate, request: load("GET", gate, path), status: "200"}),
		one("its head", exchange{address: gate, request: load("HEAD", gate, path), status: "200", head: true}),
		one("its style, known", exchange{
			address: gate, request: load("GET", gate, style[1], "Accept-Encoding: gzip\r\nIf-None-Match: "+mark(res)+"\r\n"), status: "304", head: true,
		}),
		one("page load, led there", exchange{address: gate, request: load("GET", gate, "/some/page"), status: "303", head: true}),
		one("only reverse_proxy", exchange{address: at["plain"], request: request(at["plain"], "Cookie: theme=dark"), status: "200"}),
	}
	all[len(all)-1].base = true
	return s.beside(ctx, o, all, func(address, _ string) exchange {
		return exchange{address: address, request: load("GET", address, path), status: "200"}
	})
}

// mark is the ETag of a response, as for a client that takes gzip.
func mark(res *http.Response) string { return res.Header.Get("ETag") }
