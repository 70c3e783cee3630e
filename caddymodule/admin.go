package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

func init() {
	caddy.RegisterModule(Admin{})
}

// sessionsPath is where Caddy's admin API has the sessions of all gates.
const sessionsPath = "/authentik/sessions"

// Admin lists and ends sessions through Caddy's admin API. Who may use that, Caddy decides.
// Nothing of it is served on a site.
//
//	GET    /authentik/sessions?user=<name>       the live sessions of a user
//	GET    /authentik/sessions                   those that this process remembers
//	DELETE /authentik/sessions?user=<name>       ends all of a user
//	DELETE /authentik/sessions/<id>?user=<name>  ends one; without user, one that this process remembers
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.authentik", New: func() caddy.Module { return new(Admin) }}
}

// Routes returns the addresses.
func (a Admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: sessionsPath, Handler: caddy.AdminHandlerFunc(a.serve)},
		{Pattern: sessionsPath + "/", Handler: caddy.AdminHandlerFunc(a.serve)},
	}
}

// told is what the admin API says.
type told struct {
	Sessions []proxy.Entry `json:"sessions"`
	// Remembered says that the list is not of all sessions, but of those that this
	// process has let in and remembers. Where they came from it does not remember.
	Remembered bool `json:"remembered,omitempty"`
	// Ended says that these sessions were ended just now.
	Ended bool `json:"ended,omitempty"`
}

func (Admin) serve(w http.ResponseWriter, r *http.Request) error {
	user, id, err := parameters(r)
	if err != nil {
		return refusal(err)
	}
	running := allGates()
	if len(running) == 0 {
		return refusal(errNoGate)
	}
	all := make([]gate, 0, len(running))
	for g := range running {
		all = append(all, g)
	}
	says, err := obey(r.Context(), all, r.Method, user, id)
	if err != nil {
		return refusal(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(says)
}

// A gate is what an operator can ask of one; *proxy.Gate is one.
type gate interface {
	SessionsOf(ctx context.Context, user string) ([]proxy.Entry, error)
	Cached() []proxy.Entry
	EndAll(ctx context.Context, user string) ([]proxy.Entry, error)
	EndOne(ctx context.Context, user, id string) (proxy.Entry, error)
}

var (
	errNoGate    = errors.New("no gate runs in this Caddy; write the directive authentik into its configuration")
	errMethod    = errors.New("sessions are listed with GET and ended with DELETE")
	errWhose     = errors.New("whose sessions are to end is not said; add ?user=<name>, or /<id> for one")
	errUnknown   = errors.New("there is only one parameter, and it has one value: user=<name>")
	errNoUser    = errors.New("no session is known of a user of this name; write the name as authentik does, with its capitals")
	errNoSession = errors.New("no such session is alive; list those of a user, and say the user too: only what this process " +
		"remembers is found without")
	errList = errors.New("sessions are listed by user; write ?user=<name>")
)

// parameters reads a request. What it does not know it refuses: a misspelt user must not become
// everybody.
func parameters(r *http.Request) (user, id string, err error) {
	query := r.URL.Query()
	if query.Has("user") {
		user = query.Get("user")
		if user == "" || len(query["user"]) > 1 {
			return "", "", errUnknown
		}
		query.Del("user")
	}
	if len(query) > 0 {
		return "", "", errUnknown
	}
	return user, strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, sessionsPath), "/"), nil
}

// obey does what was asked for.
func obey(ctx context.Context, all []gate, method, user, id string) (told, error) {
	switch {
	case method == http.MethodGet && id != "":
		return told{}, errList
	case method == http.MethodGet && user != "":
		found, err := gather(all, func(g gate) ([]proxy.Entry, error) { return g.SessionsOf(ctx, user) })
		return told{Sessions: found}, err
	case method == http.MethodGet:
		found, err := gather(all, func(g gate) ([]proxy.Entry, error) { return g.Cached(), nil })
		return told{Sessions: found, Remembered: true}, err
	case method == http.MethodDelete && id != "":
		ended, err := gather(all, func(g gate) ([]proxy.Entry, error) {
			one, err := g.EndOne(ctx, user, id)
			return []proxy.Entry{one}, err
		})
		return told{Sessions: ended, Ended: true}, err
	case method == http.MethodDelete && user != "":
		ended, err := gather(all, func(g gate) ([]proxy.Entry, error) { return g.EndAll(ctx, user) })
		return told{Sessions: ended, Ended: true}, err
	case method == http.MethodDelete:
		return told{}, errWhose
	}
	return told{}, errMethod
}

// gather asks every gate. Several of one store know the same sessions, which are named once. That
// one gate does not know somebody says nothing while another does; that one fails is said.
func gather(all []gate, ask func(gate) ([]proxy.Entry, error)) ([]proxy.Entry, error) {
	byID := make(map[string]proxy.Entry)
	var absent, failed error
	known := false
	for _, g := range all {
		found, err := ask(g)
		switch {
		case errors.Is(err, proxy.ErrNoUser) || errors.Is(err, proxy.ErrNoSession):
			absent = err
			continue
		case err != nil:
			failed = errors.Join(failed, err)
			continue
		}
		known = true
		for _, e := range found {
			byID[e.ID] = e
		}
	}
	if failed == nil && !known {
		failed = absent
	}
	return newestFirst(byID), failed
}

func newestFirst(byID map[string]proxy.Entry) []proxy.Entry {
	list := slices.AppendSeq(make([]proxy.Entry, 0, len(byID)), maps.Values(byID))
	slices.SortFunc(list, func(a, b proxy.Entry) int {
		if order := b.Begun.Compare(a.Begun); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// refusal is an error in the words and the status that the admin API answers with. An
// operator may know why a store fails.
func refusal(err error) error {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, proxy.ErrNoUser):
		status, err = http.StatusNotFound, errNoUser
	case errors.Is(err, proxy.ErrNoSession):
		status, err = http.StatusNotFound, errNoSession
	case errors.Is(err, errNoGate):
		status = http.StatusNotFound
	case errors.Is(err, errMethod):
		status = http.StatusMethodNotAllowed
	default:
		if failure, is := errors.AsType[*proxy.Error](err); is {
			status, err = failure.Status, fmt.Errorf("%w: %w", failure, failure.Err)
		}
	}
	return caddy.APIError{HTTPStatus: status, Err: err}
}

// Interface guard.
var _ caddy.AdminRouter = Admin{}
