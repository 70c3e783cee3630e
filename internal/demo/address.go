package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// tries is how many ports are tried.
const tries = 50

// freeAddress returns the address, or the same with the next free port.
func freeAddress(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%q is not an address to listen on; write one like localhost:8080", address)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", fmt.Errorf("%q is not a port; write one like 8080", port)
	}
	for n := first; n < first+tries; n++ {
		bound, failed := bindable(ctx, host, strconv.FormatUint(n, 10))
		if failed == nil {
			return net.JoinHostPort(host, bound), nil
		}
		err = failed
	}
	return "", fmt.Errorf("no port from %d on is free: %w", first, err)
}

// bindable checks that a port is free at all addresses of a host, and returns
// it. Port 0 stands for any free port.
func bindable(ctx context.Context, host, port string) (_ string, err error) {
	for _, at := range interfaces(ctx, host) {
		listener, failed := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(at, port))
		if failed != nil {
			return "", failed
		}
		defer func() { err = errors.Join(err, listener.Close()) }()
		_, port, _ = net.SplitHostPort(listener.Addr().String())
	}
	return port, nil
}

// interfaces returns the addresses of a host. The name localhost stands for both
// loopback addresses, since browsers try either first. Not every machine has both.
func interfaces(ctx context.Context, host string) []string {
	if host != localhost {
		return []string{host}
	}
	all := []string{"127.0.0.1"}
	if listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "[::1]:0"); err == nil {
		_ = listener.Close()
		all = append(all, "::1")
	}
	return all
}

const localhost = "localhost"

// after returns an address with the next higher port.
func after(address string) string {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(port, 10, 16)
	return net.JoinHostPort(host, strconv.FormatUint(min(n+1, 65535), 10))
}

// site returns the origin, as browsers see it, of a listener's address. It has
// a name if possible, since passkeys do not work with an IP address.
func site(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = localhost
	}
	return "http://" + net.JoinHostPort(host, port)
}

func (at addresses) site() string { return site(at.gate) }

// link returns the address of a row's flow.
func (at addresses) link(r row) string { return at.site() + "/if/flow/" + r.name + "/" + r.query }

// caddyfile returns the whole configuration. It has host page, so that passkeys
// and the links in e-mails belong to this site. It also has site, since the
// site's address is only a port.
func (at addresses) caddyfile(ctx context.Context) string {
	return at.block(ctx, at.gate, "", at.application) + "\n" + at.block(ctx, at.oldGate, `
		sign_on form {
			page /login
			user username {http.auth.user.username}
			password password "`+oldPassword+`"
			cookies ledger_sid
		}
		sign_out /logout`, at.old)
}

// block returns the block of one site.
func (at addresses) block(ctx context.Context, address, options, application string) string {
	host, port, _ := net.SplitHostPort(address)
	bind := ""
	if host != "" {
		bind = "\tbind " + strings.Join(interfaces(ctx, host), " ") + "\n"
	}
	return "http://:" + port + " {\n" + bind +
		"\tauthentik http://" + at.standIn + " {\n\t\thost page\n\t\tsite " + site(address) + options + "\n\t}\n" +
		"\treverse_proxy " + application + "\n}\n"
}
