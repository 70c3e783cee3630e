package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sidecar compares nginx that asks the gate about each request with nginx that asks
// for an answer that is always 200: with the headers of the verdict, which nginx and
// the application have to read, and without. All are sites of one Caddy.
func sidecar(ctx context.Context, s *stage, _ options) ([]contender, error) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		return nil, errors.New("nginx is not installed; install the package of that name")
	}
	asked := s.gate("gate", "\t\tforward_auth {\n\t\t\tfrom 127.0.0.1 nginx\n\t\t\tsite 127.0.0.1\n\t\t}\n")
	headers := site{"headers", "\theader Remote-User " + username + "\n\theader Remote-Name \"Jane Doe\"\n" +
		"\theader Remote-Email jane@example.com\n\theader Remote-Groups staff,wiki\n\theader Cache-Control no-store\n\trespond 200\n"}
	p, at, err := s.start("\tadmin off\n", asked, headers, site{name: "yes", before: "\trespond 200\n"})
	if err != nil {
		return nil, err
	}
	all := []contender{
		{name: "nginx, asking the gate", process: p},
		{name: "nginx, asking for 200 and headers", process: p, base: true},
		{name: "nginx, asking for 200", process: p, base: true},
	}
	config, addresses := "", []string(nil)
	for _, name := range []string{"gate", "headers", "yes"} {
		address, err := free(s.untilClose)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
		config += fmt.Sprintf(behindNginx, name, at[name], address, s.application)
	}
	file := filepath.Join(s.directory, "nginx.conf")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(nginxConfig, s.directory, config)), 0o600); err != nil {
		return nil, err
	}
	if _, err := s.launch(nil, addresses, nginx, "-p", s.directory, "-e", "stderr", "-c", file, "-g", "daemon off;"); err != nil {
		return nil, err
	}
	cookie, err := signIn(ctx, http.DefaultTransport, "http://"+addresses[0], username)
	if err != nil {
		return nil, fmt.Errorf("signing in: %w", err)
	}
	if err := expect(ctx, addresses[0], "Cookie: none=none", http.StatusUnauthorized, ""); err != nil {
		return nil, fmt.Errorf("the gate without a cookie: %w", err)
	}
	for i, user := range []string{username + ".", username + ".", ""} {
		if err := expect(ctx, addresses[i], cookie, http.StatusOK, "hello "+user); err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].name, err)
		}
		all[i].work = exchange{address: addresses[i], request: request(addresses[i], cookie), status: "200"}.work
	}
	return all, nil
}

// nginxConfig is the configuration of nginx, with its directory and its sites.
const nginxConfig = `worker_processes 2;
pid %s/nginx.pid;
events {}
http {
	access_log off;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	keepalive_requests 1000000;
%s}
`

// behindNginx is a site, with its name, what is asked about it, its address and the
// application.
var behindNginx = strings.ReplaceAll(`	upstream NAME { server %[2]s; keepalive 64; }
	upstream app-NAME { server %[4]s; keepalive 64; }
	server {
		listen %[3]s;
		location / {
			auth_request /.authentik/forward;
			auth_request_set $cookie $upstream_http_cookie;
			auth_request_set $user $upstream_http_remote_user;
			auth_request_set $name $upstream_http_remote_name;
			auth_request_set $email $upstream_http_remote_email;
			auth_request_set $groups $upstream_http_remote_groups;
			error_page 401 = @refused;
			proxy_pass http://app-NAME;
			proxy_set_header Connection "";
			proxy_set_header Cookie $cookie;
			proxy_set_header Remote-User $user;
			proxy_set_header Remote-Name $name;
			proxy_set_header Remote-Email $email;
			proxy_set_header Remote-Groups $groups;
		}
		location = /.authentik/forward {
			internal;
			proxy_pass http://NAME/.authentik/forward;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
			proxy_set_header Connection "";
			proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
			proxy_set_header X-Original-Method $request_method;
			proxy_set_header X-Forwarded-For $remote_addr;
		}
		location @refused {
			rewrite ^ /.authentik/forward/refused? break;
			proxy_pass http://NAME;
			proxy_set_header Connection "";
			proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
			proxy_set_header X-Original-Method $request_method;
			proxy_set_header X-Forwarded-For $remote_addr;
		}
		location /.authentik/ {
			proxy_pass http://NAME;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_set_header X-Forwarded-For $remote_addr;
		}
	}
`, "NAME", "%[1]s")
