package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/walk"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// ExplainPath is the path in Caddy's admin API at which decisions are
// explained.
const ExplainPath = "/authentik/explain"

// maxQuestion is the maximum size of a question, in bytes.
const maxQuestion = 256 << 10

// A question is a request to explain. It is sent in the body, and not in the
// address, since addresses are logged.
type question struct {
	// Method is the request's method. Default: GET.
	Method string `json:"method,omitempty"`
	URL    string `json:"url"`
	// Headers are lines such as "Cookie: a=b".
	Headers []string `json:"headers,omitempty"`
	// Client is the address from which the request comes. Default: 127.0.0.1.
	Client string `json:"client,omitempty"`
}

// An Explained is the answer.
type Explained struct {
	Request string          `json:"request"`
	Gates   []ExplainedGate `json:"gates"`
	// NotRun are handlers that the request would meet, and that were not run.
	NotRun []string `json:"not_run,omitempty"`
	// Reaches is the handler that gets the request after the gates.
	Reaches string   `json:"reaches,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// An ExplainedGate is a gate that the request meets.
type ExplainedGate struct {
	About
	proxy.Explanation
}

// About is what the configuration says about a gate.
type About struct {
	Authentik   string   `json:"authentik"`
	Application string   `json:"application,omitempty"`
	Flow        string   `json:"flow,omitempty"`
	ClientID    string   `json:"client_id,omitempty"`
	Hosts       []string `json:"hosts,omitempty"`
	Prefix      string   `json:"prefix,omitempty"`
}

// A Gate is a running gate, or several that decide about requests that other
// proxies describe.
type Gate struct {
	About
	// Explain explains a decision, and names the gate that decides. It is nil
	// before the first request.
	Explain func(*http.Request) (About, proxy.Explanation)
}

// An Explainer explains decisions. It returns the gate of a handler, if the
// handler is a gate.
type Explainer func(caddyhttp.MiddlewareHandler) (Gate, bool)

var (
	errQuestion = errors.New(`a question is sent with POST, as JSON: {"method": "GET", "url": "https://wiki.example.com/", "headers": ["Cookie: a=b"]}`)
	errNoServer = errors.New("this Caddy serves no site")
)

// Serve answers a question of the admin API.
func (gateOf Explainer) Serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: errQuestion}
	}
	var q question
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&q) != nil { // the parser's error could quote a cookie
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errQuestion}
	}
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	served, ok := app.(*caddyhttp.App)
	if err != nil || !ok {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errNoServer}
	}
	if err := gates.Wake(r.Context()); err != nil {
		return apiError(fault.New(fault.SessionsUnavailable, err))
	}
	answer, err := q.answer(r.Context(), served, gateOf)
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(answer)
}

// answer follows the request through the server that listens on its port. There
// may be none, since a proxy in front of Caddy may have another port. Then
// answer tries all servers until one has a gate for the request.
func (q question) answer(ctx context.Context, app *caddyhttp.App, gateOf Explainer) (Explained, error) {
	r, port, err := walk.Asked{Method: q.Method, URL: q.URL, Headers: q.Headers, Client: q.Client}.Request(ctx)
	if err != nil {
		return Explained{}, err
	}
	said := Explained{Request: r.Method + " " + q.URL, Gates: []ExplainedGate{}}
	names := slices.Sorted(maps.Keys(app.Servers))
	at := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !listensOn(app.Servers[name], port) })
	if len(at) == 0 {
		said.Notes = append(said.Notes, fmt.Sprintf("no server of this Caddy listens on port %d; all of them were tried", port))
		at = names
	}
	for _, name := range at {
		one := said
		one.Notes = slices.Clone(said.Notes)
		if err := one.follow(app.Servers[name], r.Clone(ctx), gateOf); err != nil {
			return Explained{}, err
		}
		if len(one.Gates) > 0 || one.Reaches != "" || len(one.Notes) > len(said.Notes) {
			return one, nil
		}
	}
	said.Notes = append(said.Notes, "no site of this Caddy answers this address")
	return said, nil
}

// listensOn reports whether a server listens on a port.
func listensOn(s *caddyhttp.Server, port int) bool {
	return slices.ContainsFunc(s.Listen, func(listen string) bool {
		addr, err := caddy.ParseNetworkAddress(listen)
		return err == nil && !addr.IsUnixNetwork() && uint(port) >= addr.StartPort && uint(port) <= addr.EndPort //nolint:gosec // a port
	})
}

// follow explains the decision of each gate that the request meets.
func (e *Explained) follow(s *caddyhttp.Server, r *http.Request, gateOf Explainer) error {
	way, err := walk.Follow(s, r, func(h caddyhttp.MiddlewareHandler, r *http.Request) (known, ends bool) {
		gate, ok := gateOf(h)
		switch {
		case !ok:
			return false, false
		case gate.Explain == nil:
			e.Notes = append(e.Notes, "the gate of "+gate.Authentik+" has not started: it does with its first request, which creates its key. Open the site once, then ask again")
			return true, true
		}
		about, explanation := gate.Explain(r)
		found := ExplainedGate{about, explanation}
		e.Gates = append(e.Gates, found)
		return true, found.Decision != "pass" && found.Decision != "open"
	})
	if err != nil {
		return fmt.Errorf("following the routes of the site: %w", err)
	}
	e.NotRun, e.Reaches = way.NotRun, way.Reached
	if len(e.Gates) == 0 && e.Reaches != "" {
		e.Notes = append(e.Notes, "the request meets no gate on its way: write authentik into the route, too, or into the site")
	}
	return nil
}
