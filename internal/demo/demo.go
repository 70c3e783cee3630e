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
	_ "github.com/caddyserver/caddy/v2/modules/standard" // registers the modules in the demonstration's configuration

	"github.com/flowsidecar/caddy-authentik/examples/legacy/ledger"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest/adminapi"
)

// A demonstration is the gate with everything around it.
type demonstration struct {
	listen, authentik string
	domains           bool // whether it has two applications on two domains, with one sign-in
	out               io.Writer
	in                io.Reader
	approvalDelay     time.Duration // how long an approval with Duo takes

	ready func(address string) // receives the gate's address; may be nil
}

// run runs the demonstration until ctx is done. It leaves no files behind.
func (d *demonstration) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	directory, err := os.MkdirTemp("", "caddy-authentik-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	// Caddy keeps the id of the instance there, whatever its storage is.
	if err := os.Setenv("XDG_DATA_HOME", directory); err != nil {
		return err
	}
	begin := d.begin
	if d.domains {
		begin = d.beginDomains
	}
	at, server, rows, err := begin(ctx, directory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	if d.ready != nil {
		d.ready(at.gate)
	}
	go d.printMessages(ctx, server)
	go d.printCodes(server, rows, time.Now)
	<-ctx.Done()
	return nil
}

// begin starts everything around one application and one older application.
func (d *demonstration) begin(ctx context.Context, directory string) (at addresses, server *authentiktest.Server, rows []row, err error) {
	if at, err = startSites(ctx); err != nil {
		return at, nil, nil, err
	}
	groups := groups(at.elsewhere)
	phones := phone{after: d.approvalDelay}
	if server, err = authentiktest.New(setUp(groups, at.elsewhere, phones.duo())); err != nil {
		return at, nil, nil, err
	}
	if at, err = d.startAuthentik(ctx, at, server); err != nil {
		return at, nil, nil, err
	}
	if at.oldGate, err = freeAddress(ctx, after(at.gate)); err != nil {
		return at, nil, nil, err
	}
	if err = start(at.caddyfile(ctx), directory); err != nil {
		return at, nil, nil, err
	}
	d.announce(ctx, at, groups)
	return at, server, people(groups), nil
}

// addresses are the addresses on which the parts of the demonstration listen:
// the gate of the application, and the gate of an older one with its own login.
type addresses struct{ gate, standIn, application, elsewhere, oldGate, old string }

// oldPassword is the password that the older application asks each of its users
// for.
const oldPassword = "from 1987"

// startSites starts the applications and the site elsewhere.
func startSites(ctx context.Context) (at addresses, err error) {
	users := map[string]string{}
	for _, p := range people(groups("")) {
		users[p.name] = oldPassword
	}
	if at.old, err = serve(ctx, "127.0.0.1:0", ledger.New(users)); err != nil {
		return at, fmt.Errorf("starting the old application: %w", err)
	}
	if at.application, err = serve(ctx, "127.0.0.1:0", app(words{Title: "Stock ledger"})); err != nil {
		return at, fmt.Errorf("starting the application: %w", err)
	}
	address, err := serve(ctx, "127.0.0.1:0", elsewhere())
	if err != nil {
		return at, fmt.Errorf("starting the site elsewhere: %w", err)
	}
	at.elsewhere = "http://" + address
	return at, nil
}

// startAuthentik starts the stand-in for authentik and finds addresses for the gate.
func (d *demonstration) startAuthentik(ctx context.Context, at addresses, server *authentiktest.Server) (_ addresses, err error) {
	if at.standIn, err = serve(ctx, d.authentik, adminapi.New(server)); err != nil {
		return at, fmt.Errorf("starting the stand-in for authentik: %w", err)
	}
	at.gate, err = freeAddress(ctx, d.listen)
	return at, err
}

// serve serves at an address until ctx is done, and returns the address.
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

// global has the global options: Caddy stores its data in a directory that is
// removed at the end, has no admin API, and logs little besides the gate.
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
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	return nil
}
