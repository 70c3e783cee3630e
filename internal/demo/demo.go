package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the demonstration's configuration uses them

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A demo is the gate with everything around it that it needs.
type demo struct {
	listen, authentik string
	out               io.Writer
	in                io.Reader
	patience          time.Duration // how long somebody with Duo needs

	ready func(address string) // is told where the gate is; nil: nobody asks
}

// run shows the demonstration until ctx is done, and leaves nothing behind.
func (d *demo) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	directory, err := os.MkdirTemp("", "caddy-authentik-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	// Caddy keeps the number of the instance there, whatever its storage is.
	if err := os.Setenv("XDG_DATA_HOME", directory); err != nil {
		return err
	}
	at, err := surround(ctx)
	if err != nil {
		return err
	}
	groups := groups(at.elsewhere)
	phones := telephone{after: d.patience}
	server, err := authentiktest.New(setUp(groups, at.elsewhere, phones.duo()))
	if err != nil {
		return err
	}
	at, err = d.place(ctx, at, server)
	if err != nil {
		return err
	}
	if err := start(at.caddyfile(ctx), directory); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	d.announce(ctx, at, groups)
	if d.ready != nil {
		d.ready(at.gate)
	}
	go d.tellMessages(ctx, server)
	go d.tellCodes(server, people(groups), time.Now)
	<-ctx.Done()
	return nil
}

// addresses are where everything of the demonstration listens.
type addresses struct{ gate, standIn, application, elsewhere string }

// surround starts the sites that the gate and authentik lead to.
func surround(ctx context.Context) (at addresses, err error) {
	if at.application, err = serve(ctx, "127.0.0.1:0", app()); err != nil {
		return at, fmt.Errorf("starting the application: %w", err)
	}
	address, err := serve(ctx, "127.0.0.1:0", elsewhere())
	if err != nil {
		return at, fmt.Errorf("starting the site elsewhere: %w", err)
	}
	at.elsewhere = "http://" + address
	return at, nil
}

// place starts the stand-in for authentik, and finds a place for the gate.
func (d *demo) place(ctx context.Context, at addresses, server *authentiktest.Server) (_ addresses, err error) {
	if at.standIn, err = serve(ctx, d.authentik, server); err != nil {
		return at, fmt.Errorf("starting the stand-in for authentik: %w", err)
	}
	at.gate, err = free(ctx, d.listen)
	return at, err
}

// serve answers at an address until ctx is done, and returns the address.
func serve(ctx context.Context, address string, handler http.Handler) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return listener.Addr().String(), nil
}

// global is what surrounds the site here: Caddy keeps what it must keep in a
// directory that is removed at the end, has no door for anybody who would change
// its configuration, and logs what the gate does and little else.
const global = `{
	admin off
	persist_config off
	auto_https off
	storage file_system %q
	log {
		level WARN
		exclude admin http
	}
	log gate {
		include http.handlers.authentik http.log.error
	}
}
`

// start runs Caddy in this process.
func start(site, directory string) error {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(fmt.Appendf(nil, global+"%s", directory, site), nil)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}
