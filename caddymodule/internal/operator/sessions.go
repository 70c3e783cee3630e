package operator

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

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// SessionsPath is the path in Caddy's admin API of the sessions of all gates.
const SessionsPath = "/authentik/sessions"

// A List is the response of the admin API.
type List struct {
	Sessions []proxy.Entry `json:"sessions"`
	// Remembered says that the list has only the sessions that this process has
	// in memory. The list then has no addresses.
	Remembered bool `json:"remembered,omitempty"`
	// Ended says that the request has ended these sessions.
	Ended bool `json:"ended,omitempty"`
}

// ServeSessions lists and ends sessions.
func ServeSessions(w http.ResponseWriter, r *http.Request) error {
	user, id, err := parameters(r)
	if err != nil {
		return apiError(err)
	}
	if err := gates.Wake(r.Context()); err != nil {
		return apiError(fault.New(fault.SessionsUnavailable, err))
	}
	running, configured := gates.Running()
	if !configured {
		return apiError(errNoGate)
	}
	all := []operator{noGateYet{}}
	for g := range running {
		all = append(all, g.Operator())
	}
	list, err := execute(r.Context(), all, r.Method, user, id)
	if err != nil {
		return apiError(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(list)
}

// An operator lists the sessions of a gate and ends them. proxy.Operator
// implements it.
type operator interface {
	SessionsOf(ctx context.Context, user string) ([]proxy.Entry, error)
	Cached() []proxy.Entry
	EndAll(ctx context.Context, user string) ([]proxy.Entry, error)
	EndOne(ctx context.Context, user, id string) (proxy.Entry, error)
}

// noGateYet is for gates that start with their first request, with any Caddy that
// shares their storage, and have no sessions before.
type noGateYet struct{}

func (noGateYet) SessionsOf(context.Context, string) ([]proxy.Entry, error) {
	return nil, proxy.ErrNoUser
}

func (noGateYet) Cached() []proxy.Entry { return nil }

func (noGateYet) EndAll(context.Context, string) ([]proxy.Entry, error) { return nil, proxy.ErrNoUser }

func (noGateYet) EndOne(context.Context, string, string) (proxy.Entry, error) {
	return proxy.Entry{}, proxy.ErrNoSession
}

var (
	errNoGate    = errors.New("no gate runs in this Caddy; write the directive authentik into its configuration")
	errMethod    = errors.New("sessions are listed with GET and ended with DELETE")
	errWhose     = errors.New("the request does not say whose sessions are to end; add ?user=<name>, or /<id> for one session")
	errUnknown   = errors.New("there is only one parameter, and it has one value: user=<name>")
	errNoUser    = errors.New("no user of this name has a session; write the name as authentik does, with its capitals")
	errNoSession = errors.New("there is no live session with this id; list a user's sessions to see their ids, and give the user too: without a user " +
		"only sessions in this process's memory are found")
	errList = errors.New("sessions are listed by user; write ?user=<name>")
)

// parameters reads a request. It refuses an unknown parameter: a misspelt user
// must not mean every user.
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
	return user, strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, SessionsPath), "/"), nil
}

// execute carries out a request at all gates.
func execute(ctx context.Context, all []operator, method, user, id string) (List, error) {
	switch {
	case method == http.MethodGet && id != "":
		return List{}, errList
	case method == http.MethodGet && user != "":
		found, err := collect(all, func(o operator) ([]proxy.Entry, error) { return o.SessionsOf(ctx, user) })
		return List{Sessions: found}, err
	case method == http.MethodGet:
		found, err := collect(all, func(o operator) ([]proxy.Entry, error) { return o.Cached(), nil })
		return List{Sessions: found, Remembered: true}, err
	case method == http.MethodDelete && id != "":
		ended, err := collect(all, func(o operator) ([]proxy.Entry, error) {
			one, err := o.EndOne(ctx, user, id)
			return []proxy.Entry{one}, err
		})
		return List{Sessions: ended, Ended: true}, err
	case method == http.MethodDelete && user != "":
		ended, err := collect(all, func(o operator) ([]proxy.Entry, error) { return o.EndAll(ctx, user) })
		return List{Sessions: ended, Ended: true}, err
	case method == http.MethodDelete:
		return List{}, errWhose
	}
	return List{}, errMethod
}

// collect asks every gate. Gates with the same store know the same sessions;
// each is listed once. It returns that a user or session is unknown only if no
// gate knows it. Any other error is always returned.
func collect(all []operator, ask func(operator) ([]proxy.Entry, error)) ([]proxy.Entry, error) {
	byID := make(map[string]proxy.Entry)
	var unknown, failed error
	known := false
	for _, o := range all {
		found, err := ask(o)
		switch {
		case errors.Is(err, proxy.ErrNoUser) || errors.Is(err, proxy.ErrNoSession):
			unknown = err
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
		failed = unknown
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

// apiError returns an error with the text and status of the admin API. An
// operator, unlike a visitor, is told why a store fails.
func apiError(err error) error {
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
		if failure, ok := errors.AsType[*proxy.Error](err); ok {
			status, err = failure.Status, fmt.Errorf("%w: %w", failure, failure.Err)
		}
	}
	return caddy.APIError{HTTPStatus: status, Err: err}
}
