package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The bounds for trying the addresses of a name.
const (
	maxAddresses = 8
	dialTime     = 5 * time.Second
)

// silent tries each address of a name that has several. If only some answer,
// connections may wait for the others first.
func (x *subject) silent(ctx context.Context, of string, at *url.URL) []Finding {
	if local := strings.ToLower(at.Hostname()); local == "localhost" || strings.HasSuffix(local, ".localhost") || throughProxy(at) {
		return nil
	}
	all := lookup(ctx, at.Hostname())
	if len(all) < 2 {
		return nil
	}
	all = all[:min(len(all), maxAddresses)]
	failed := make([]error, len(all))
	var running sync.WaitGroup
	for i, address := range all {
		running.Go(func() { failed[i] = dial(ctx, net.JoinHostPort(address.String(), port(at))) })
	}
	running.Wait()
	if !slices.Contains(failed, nil) {
		return nil // another check reports that no address answers
	}
	var found []Finding
	for i, err := range failed {
		// Without a route to such addresses, this machine does not wait for
		// them.
		if err != nil && !noWay(err) {
			found = append(found, addressSilent(of, at, all, all[i], err))
		}
	}
	return found
}

func addressSilent(of string, at *url.URL, all []netip.Addr, address netip.Addr, err error) Finding {
	record, kind := "A", "IPv4"
	if address.Is6() {
		record, kind = "AAAA", "IPv6"
	}
	return found("address-silent", fmt.Sprintf("%s: %s has %d addresses here, and %s (%s) gives no answer at port %s: %v", of, at.Hostname(), len(all), address, kind, port(at), cause(err)),
		"let it answer there, or take the "+record+" record with that address out of the DNS")
}

// onlyIPv6 reports whether a connection failed because a name has only IPv6
// addresses and this machine has no route to them.
func onlyIPv6(ctx context.Context, at *url.URL, err error) bool {
	all := lookup(ctx, at.Hostname())
	return noWay(err) && len(all) > 0 && !slices.ContainsFunc(all, func(a netip.Addr) bool { return !a.Is6() })
}

// lookup returns the addresses of a name. The text may also be an address
// itself.
func lookup(ctx context.Context, name string) []netip.Addr {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil // another check reports the error
	}
	for i := range all {
		all[i] = all[i].Unmap()
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// dial opens a connection and closes it.
func dial(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}

// noWay reports whether a connection failed because this machine has no route
// to an address, or no own address for the route.
func noWay(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// cause returns an error without the address that is repeated in it.
func cause(err error) error {
	var failed *net.OpError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// throughProxy reports whether connections to an address use a proxy from the
// environment.
func throughProxy(at *url.URL) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: at})
	return err == nil && proxy != nil
}

// port returns the port of an address.
func port(at *url.URL) string {
	switch {
	case at.Port() != "":
		return at.Port()
	case at.Scheme == "https":
		return "443"
	}
	return "80"
}
