package authentikadmin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// Paths below /api/v3/.
const (
	pathApplications = "core/applications/"
	pathProviders    = "providers/oauth2/"
	pathProxies      = "providers/proxy/"
	pathBindings     = "policies/bindings/"
	pathGroups       = "core/groups/"
	pathFlows        = "flows/instances/"
	pathScopes       = "propertymappings/provider/scope/"
	pathKeys         = "crypto/certificatekeypairs/"
	pathEvents       = "events/events/"
	pathBrands       = "core/brands/"
)

// Version returns authentik's version, for example "2026.8.0", on one line.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v struct {
		Current string `json:"version_current"`
	}
	err := c.call(ctx, http.MethodGet, "admin/version/", nil, nil, &v)
	return plain.Line(v.Current), err
}

// Me returns the user that the token belongs to.
func (c *Client) Me(ctx context.Context) (User, error) {
	var me struct {
		User User `json:"user"`
	}
	err := c.call(ctx, http.MethodGet, "core/users/me/", nil, nil, &me)
	return me.User, err
}

// Application returns the application with a slug. If it does not exist, or the
// token may not see it, found is false.
func (c *Client) Application(ctx context.Context, slug string) (app Application, found bool, err error) {
	err = c.call(ctx, http.MethodGet, pathApplications+url.PathEscape(slug)+"/", nil, nil, &app)
	if absent(err) {
		return Application{}, false, nil
	}
	return app, err == nil, err
}

// absent reports whether an error says that there is no such object.
func absent(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) && refused.NotFound()
}

// AddApplication creates an application.
func (c *Client) AddApplication(ctx context.Context, f Fields) (app Application, err error) {
	err = c.call(ctx, http.MethodPost, pathApplications, nil, f, &app)
	return app, err
}

// ChangeApplication changes fields of an application.
func (c *Client) ChangeApplication(ctx context.Context, slug string, f Fields) error {
	return c.call(ctx, http.MethodPatch, pathApplications+url.PathEscape(slug)+"/", nil, f, nil)
}

// RemoveApplication deletes an application, and its bindings with it.
func (c *Client) RemoveApplication(ctx context.Context, slug string) error {
	return c.call(ctx, http.MethodDelete, pathApplications+url.PathEscape(slug)+"/", nil, nil, nil)
}

// providers returns the providers for which a field has a value.
func (c *Client) providers(ctx context.Context, field, value string) ([]Provider, error) {
	return list[Provider](ctx, c, pathProviders, url.Values{field: {value}})
}

// ProvidersNamed returns the OAuth2 providers with exactly this name.
func (c *Client) ProvidersNamed(ctx context.Context, name string) ([]Provider, error) {
	all, err := c.providers(ctx, "name", name)
	return slices.DeleteFunc(all, func(p Provider) bool { return p.Name != name }), err
}

// ProvidersOf returns the OAuth2 providers with exactly this client_id.
func (c *Client) ProvidersOf(ctx context.Context, clientID string) ([]Provider, error) {
	all, err := c.providers(ctx, "client_id", clientID)
	return slices.DeleteFunc(all, func(p Provider) bool { return p.ClientID != clientID }), err
}

// AddProvider creates an OAuth2 provider.
func (c *Client) AddProvider(ctx context.Context, f Fields) (p Provider, err error) {
	err = c.call(ctx, http.MethodPost, pathProviders, nil, f, &p)
	return p, err
}

// ChangeProvider changes fields of an OAuth2 provider.
func (c *Client) ChangeProvider(ctx context.Context, pk int, f Fields) error {
	return c.call(ctx, http.MethodPatch, pathProviders+strconv.Itoa(pk)+"/", nil, f, nil)
}

// RemoveProvider deletes an OAuth2 provider.
func (c *Client) RemoveProvider(ctx context.Context, pk int) error {
	return c.call(ctx, http.MethodDelete, pathProviders+strconv.Itoa(pk)+"/", nil, nil, nil)
}

// Bindings returns the bindings of an application, by its primary key.
func (c *Client) Bindings(ctx context.Context, target string) ([]Binding, error) {
	all, err := list[Binding](ctx, c, pathBindings, url.Values{"target": {target}})
	return slices.DeleteFunc(all, func(b Binding) bool { return b.Target != target }), err
}

// AddBinding creates a binding.
func (c *Client) AddBinding(ctx context.Context, f Fields) error {
	return c.call(ctx, http.MethodPost, pathBindings, nil, f, nil)
}

// ChangeBinding changes fields of a binding.
func (c *Client) ChangeBinding(ctx context.Context, pk string, f Fields) error {
	return c.call(ctx, http.MethodPatch, pathBindings+url.PathEscape(pk)+"/", nil, f, nil)
}

// RemoveBinding deletes a binding.
func (c *Client) RemoveBinding(ctx context.Context, pk string) error {
	return c.call(ctx, http.MethodDelete, pathBindings+url.PathEscape(pk)+"/", nil, nil, nil)
}

// Group returns the group with exactly this name.
func (c *Client) Group(ctx context.Context, name string) (g Group, found bool, err error) {
	all, err := list[Group](ctx, c, pathGroups, url.Values{"name": {name}, "include_users": {"false"}})
	i := slices.IndexFunc(all, func(g Group) bool { return g.Name == name })
	if err != nil || i < 0 {
		return Group{}, false, err
	}
	return all[i], true, nil
}

// Flow returns the flow with a slug.
func (c *Client) Flow(ctx context.Context, slug string) (f Flow, found bool, err error) {
	all, err := list[Flow](ctx, c, pathFlows, url.Values{"slug": {slug}})
	i := slices.IndexFunc(all, func(f Flow) bool { return f.Slug == slug })
	if err != nil || i < 0 {
		return Flow{}, false, err
	}
	return all[i], true, nil
}

// Scopes returns the scope mappings that authentik itself manages under these
// names. Those that do not exist are left out.
func (c *Client) Scopes(ctx context.Context, managed ...string) ([]Scope, error) {
	all, err := list[Scope](ctx, c, pathScopes, url.Values{"managed": managed})
	return slices.DeleteFunc(all, func(s Scope) bool { return !slices.Contains(managed, s.Managed) }), err
}

// Keys returns the certificates that have a private key.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	return list[Key](ctx, c, pathKeys, url.Values{"has_key": {"true"}})
}

// Proxies returns the proxy providers.
func (c *Client) Proxies(ctx context.Context) ([]Proxy, error) {
	return list[Proxy](ctx, c, pathProxies, url.Values{"ordering": {"name"}})
}

// Events returns the newest events with an action and a username.
func (c *Client) Events(ctx context.Context, action, username string) ([]Event, error) {
	var one page[Event]
	err := c.call(ctx, http.MethodGet, pathEvents, url.Values{
		"action": {action}, "username": {username}, "ordering": {"-created"}, "page_size": {"5"},
	}, nil, &one)
	return one.Results, err
}

// A Kind is a kind of object that can be created.
type Kind string

// The kinds of objects that can be created.
const (
	KindApplication Kind = pathApplications
	KindProvider    Kind = pathProviders
	KindBinding     Kind = pathBindings
)

// MayAdd returns an error that names the missing right if the token may not
// create objects of a kind. It sends an object without its required fields:
// authentik checks rights before fields, and creates nothing.
func (c *Client) MayAdd(ctx context.Context, kind Kind) error {
	err := c.call(ctx, http.MethodPost, string(kind), nil, Fields{}, nil)
	var refused *RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return nil
	}
	return err
}

// unreadable is a text that is not JSON.
var unreadable = []byte("{")

// MayChange returns an error that names the missing right if the token may not
// change an object. The object is named as in the paths of its kind: an
// application by its slug. MayChange sends a text that is not JSON, which can
// change nothing: authentik looks for the object and checks rights before it
// reads the body.
func (c *Client) MayChange(ctx context.Context, kind Kind, name string) error {
	err := c.send(ctx, http.MethodPatch, string(kind)+url.PathEscape(name)+"/", nil, unreadable, nil)
	var refused *RefusedError
	if errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.NotFound()) {
		return nil // a later change reports that the object is gone
	}
	return err
}

// AnyApplication returns the slug of an application that the token may see.
func (c *Client) AnyApplication(ctx context.Context) (slug string, found bool, err error) {
	var one page[Application]
	err = c.call(ctx, http.MethodGet, pathApplications, url.Values{"page_size": {"1"}}, nil, &one)
	if err != nil || len(one.Results) == 0 {
		return "", false, err
	}
	return one.Results[0].Slug, true, nil
}
