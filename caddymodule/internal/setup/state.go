package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// The flows and scopes that a provider uses. Every new authentik has them.
const (
	authorizationFlow = "default-provider-authorization-implicit-consent"
	invalidationFlow  = "default-invalidation-flow"
	scopePrefix       = "goauthentik.io/providers/oauth2/scope-"
	scopeProxy        = "goauthentik.io/providers/proxy/scope-proxy"
)

// neededScopes are the scopes without which a sign-in does not work.
var neededScopes = []string{scopePrefix + "openid", scopePrefix + "profile", scopePrefix + "email", scopePrefix + "offline_access"}

// A State is the part of authentik's state that a plan depends on.
type State struct {
	Release admin.Release
	Known   bool // whether Release could be read
	Version string

	App      *admin.Application // the application with the slug
	Draft    *admin.Application // an application that setup has not completed
	Bindings []admin.Binding    // the bindings of App, or of Draft
	// Named is the provider with setup's name, and Client the provider with its
	// client_id.
	Named, Client *admin.Provider
	// GroupKeys are the primary keys of the wanted groups.
	GroupKeys map[string]string

	// AuthorizationFlow, InvalidationFlow and Key are primary keys; empty if there is
	// no such object.
	AuthorizationFlow, InvalidationFlow, Key string
	Scopes                                   []admin.Scope

	// Secret is the content of the file for the secret.
	Secret string
}

// Read reads the state of authentik.
func Read(ctx context.Context, c *admin.Client, w Wanted) (s State, err error) {
	if s.Version, err = c.Version(ctx); err != nil {
		return s, err
	}
	s.Release, s.Known = admin.ParseRelease(s.Version)
	if err := s.supported(); err != nil {
		return s, err
	}
	return s, errors.Join(s.readApplication(ctx, c, w), s.readProvider(ctx, c, w), s.readGroups(ctx, c, w))
}

// supported refuses releases that setup does not know.
func (s State) supported() error {
	if s.Known && s.Release.Compare(admin.Oldest) < 0 {
		return fmt.Errorf("this authentik is %s, and setup needs %s or newer; upgrade authentik, or configure it by hand", s.Version, admin.Oldest)
	}
	return nil
}

func (s *State) readApplication(ctx context.Context, c *admin.Client, w Wanted) error {
	for slug, into := range map[string]**admin.Application{w.Slug: &s.App, w.draft(): &s.Draft} {
		app, found, err := c.Application(ctx, slug)
		if err != nil {
			return err
		}
		if found {
			*into = &app
		}
	}
	target := s.App
	if target == nil {
		target = s.Draft
	}
	if target == nil {
		return nil
	}
	var err error
	s.Bindings, err = c.Bindings(ctx, target.PK)
	return err
}

func (s *State) readProvider(ctx context.Context, c *admin.Client, w Wanted) error {
	named, err := c.ProvidersNamed(ctx, w.providerName())
	if refused := (*admin.RefusedError)(nil); errors.As(err, &refused) && refused.Right != "" && !w.OpenID && !w.Removing {
		return nil // without a provider, the token does not need the right to see providers
	}
	if err != nil {
		return err
	}
	if len(named) > 0 {
		s.Named = &named[0]
	}
	if w.hasSecret() || w.Removing {
		if err := s.readSecret(w.SecretFile); err != nil {
			return err
		}
	}
	if !w.OpenID {
		return nil
	}
	clients, err := c.ProvidersOf(ctx, w.clientID())
	if err != nil {
		return err
	}
	if len(clients) > 0 {
		s.Client = &clients[0]
	}
	return s.readParts(ctx, c, w)
}

// readParts reads the objects that a provider refers to.
func (s *State) readParts(ctx context.Context, c *admin.Client, w Wanted) error {
	for slug, into := range map[string]*string{authorizationFlow: &s.AuthorizationFlow, invalidationFlow: &s.InvalidationFlow} {
		flow, _, err := c.Flow(ctx, slug)
		if err != nil {
			return err
		}
		*into = flow.PK
	}
	keys, err := c.Keys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.Name == w.Key {
			s.Key = key.PK
		}
	}
	s.Scopes, err = c.Scopes(ctx, append([]string{scopePrefix + "entitlements", scopeProxy}, neededScopes...)...)
	return err
}

// readSecret reads the file with the client secret, if there is one.
func (s *State) readSecret(file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--secret-file: %w", err)
	}
	s.Secret = strings.TrimSpace(string(text))
	return nil
}

func (s *State) readGroups(ctx context.Context, c *admin.Client, w Wanted) error {
	s.GroupKeys = map[string]string{}
	for _, name := range w.Groups {
		group, found, err := c.Group(ctx, name)
		if err != nil {
			return err
		}
		if found {
			s.GroupKeys[name] = group.PK
		}
	}
	return nil
}
