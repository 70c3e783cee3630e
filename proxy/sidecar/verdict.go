package sidecar

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
)

// refusedPath is the path, below the address of verdicts, where a proxy that
// passes on only the status gets the complete refusal.
const refusedPath = "/refused"

// verdict answers a proxy that asks about a request.
func (c *call) verdict(r *http.Request, below string) {
	if c.from.codes && below == "" {
		// nginx announces a body here that it does not send, unless its
		// configuration prevents it.
		intake.Leave(c.ResponseWriter, r)
	}
	asked, code, err := c.described(r, below)
	if err != nil {
		c.refuse(r, code, err)
		return
	}
	_ = c.gate.Guard(c, c.sidecar.cfg.Prepare(asked), c.pass)
}

// described returns the request that a request for a verdict describes, and
// notes its gate. If there is no gate, the error has a code that says why.
func (c *call) described(r *http.Request, below string) (*http.Request, fault.Code, error) {
	s := c.sidecar
	c.whole = c.from.codes && below == refusedPath
	if code, err := c.misused(r, below); err != nil {
		return nil, code, err
	}
	d, err := c.from.describe(r, s.asked)
	if err == nil {
		err = d.contradicted(r.Header, all)
	}
	if err != nil {
		return nil, fault.BadRequest, err
	}
	c.scheme, c.host = d.scheme, d.host
	gate, code, err := c.gateOf(r, d.host)
	if err != nil {
		return nil, code, err
	}
	asked, err := d.request(r)
	if err != nil {
		return nil, fault.BadRequest, err
	}
	if rest, below := strings.CutPrefix(asked.URL.Path, s.prefix); below && (rest == "" || rest[0] == '/') {
		return nil, fault.NotFound, errOwnAddress
	}
	c.gate, c.names = gate, namesOf(asked.Header)
	return asked, "", nil
}

// misused returns an error if a request for a verdict is not one that proxies
// of this kind make. A request with the host of a site was made by a client,
// and passed on like requests for the gates' own addresses. It is refused,
// since a verdict may contain secrets.
func (c *call) misused(r *http.Request, below string) (fault.Code, error) {
	_, ours := c.sidecar.sites.at(r.Host)
	switch {
	case c.from.itself:
		return "", nil
	case ours:
		return fault.NotFound, errAsApplication
	case below != "" && !c.whole:
		return fault.NotFound, errBelow
	case r.Method != http.MethodGet:
		return fault.MethodNotAllowed, fmt.Errorf("the other proxy asks with %s, and not with GET", r.Method)
	}
	return "", nil
}

func namesOf(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	return names
}

// pass tells the other proxy to let the request pass, and what to change in it:
// the identity headers, and the cookies and the credential that the application
// may get.
func (c *call) pass(_ http.ResponseWriter, r *http.Request) error {
	gone, err := c.gone(r.Header)
	switch {
	case err != nil:
		c.refuse(r, fault.BadRequest, err)
		return nil
	case c.whole: // only refusals are asked for here; the visitor has signed in meanwhile
		c.refuse(r, fault.Busy, errPasses)
		return nil
	}
	h := c.Header()
	var set []string
	for name, lines := range r.Header {
		if !carried(name) && !c.gate.IsIdentityHeader(name) {
			continue
		}
		h[name] = lines
		if name == "Cookie" && len(lines) > 1 {
			h[name] = []string{strings.Join(lines, "; ")}
		}
		if c.from.sets != "" {
			set = append(set, name)
		}
	}
	if c.from.sets != "" {
		h.Set(c.from.sets, strings.Join(set, ","))
	}
	if c.from.removes != "" && len(gone) > 0 {
		h.Set(c.from.removes, strings.Join(gone, ","))
	}
	h.Set("Cache-Control", "no-store")
	c.ResponseWriter.WriteHeader(http.StatusOK)
	return nil
}

var (
	errPasses = errors.New("the request passes now")
	errBelow  = errors.New("the address has a path after /forward, which only envoy has")
)

// carried reports whether a verdict has a header with the value that the
// application should get.
func carried(name string) bool { return name == "Cookie" || name == "Authorization" }

// gone returns the headers that the application must not get: those that the
// gate has removed from the request, and identity headers that this request
// does not have. It returns an error if the other proxy cannot be told to
// remove one of them.
func (c *call) gone(left http.Header) (gone []string, err error) {
	told := c.gate.IdentityHeaders()
	for _, name := range c.names {
		if _, there := left[name]; there {
			continue
		}
		if err := c.removable(name, told); err != nil {
			return nil, err
		}
		gone = append(gone, name)
	}
	if c.from.removes == "" {
		return nil, nil
	}
	for _, name := range append(told, "Cookie", "Authorization") {
		if _, there := left[name]; !there && !slices.Contains(gone, name) {
			gone = append(gone, name)
		}
	}
	return gone, nil
}

// removable returns an error if the other proxy cannot be told to remove a
// header that the gate has removed. told are the names of identity headers,
// which the proxy's own configuration has.
func (c *call) removable(name string, told []string) error {
	if c.from.removes != "" || carried(name) || slices.Contains(told, name) {
		return nil
	}
	return fmt.Errorf("a client has sent %q, which no application may get, and the other proxy cannot be told to remove it", name)
}

// A call is a request at the sidecar. As a writer, it gets the gate's answer to
// a request that does not pass.
type call struct {
	http.ResponseWriter
	sidecar *Sidecar
	from    *dialect
	peer    string
	gate    *proxy.Gate
	// scheme and host are those of the described request.
	scheme, host string
	names        []string // the headers that the described request had
	whole        bool     // the browser gets the answer as it is
	wrote        bool
}
