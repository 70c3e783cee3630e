package setup

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// A Step is one change to make.
type Step interface {
	// Describe returns what the step does, on one line or more, without
	// secrets.
	Describe() string
	do(ctx context.Context, m *made) error
}

// made are the keys of objects that earlier steps have created.
type made struct {
	client      *admin.Client
	provider    int
	application string
}

type (
	// addProvider creates the provider.
	addProvider struct{ fields admin.Fields }
	// changeProvider changes fields of the provider.
	changeProvider struct {
		pk       int
		name     string
		was, now admin.Fields
	}
	// removeProvider deletes the provider.
	removeProvider struct {
		pk   int
		name string
	}
	// addApplication creates an application. If bindings follow, it gets the
	// slug of a draft.
	addApplication struct {
		slug, name   string
		fields       admin.Fields
		withProvider bool
	}
	// changeApplication changes fields of an application.
	changeApplication struct {
		slug         string
		was, now     admin.Fields
		withProvider bool // the provider that an earlier step has created
	}
	// finishApplication gives a draft its final slug.
	finishApplication struct{ draft, slug string }
	// removeApplication deletes an application.
	removeApplication struct{ slug string }
	// addBinding lets a group use the application.
	addBinding struct{ group, groupKey string }
	// mendBinding makes a binding of setup effective again.
	mendBinding struct{ pk, whom string }
	// removeBinding removes a group's access.
	removeBinding struct{ pk, whom, why string }
	// writeSecret writes the file with the client secret.
	writeSecret struct{ file, secret string }
	// removeSecret deletes the file with the client secret.
	removeSecret struct{ file string }
)

// Describe implements Step.
func (s addProvider) Describe() string {
	text := fmt.Sprintf("create OAuth2 provider %q", s.fields["name"])
	for _, field := range []string{"client_id", "client_type", "redirect_uris", "grant_types", "logout_uri"} {
		if value, given := s.fields[field]; given {
			text += fmt.Sprintf("\n%-14s %s", field, shown(field, value))
		}
	}
	return text
}

func (s addProvider) do(ctx context.Context, m *made) error {
	p, err := m.client.AddProvider(ctx, s.fields)
	m.provider = p.PK
	return err
}

// Describe implements Step.
func (s changeProvider) Describe() string {
	return fmt.Sprintf("change OAuth2 provider %q", s.name) + differences(s.was, s.now)
}

func (s changeProvider) do(ctx context.Context, m *made) error {
	return m.client.ChangeProvider(ctx, s.pk, s.now)
}

// Describe implements Step.
func (s removeProvider) Describe() string { return fmt.Sprintf("delete OAuth2 provider %q", s.name) }

func (s removeProvider) do(ctx context.Context, m *made) error {
	return m.client.RemoveProvider(ctx, s.pk)
}

// Describe implements Step.
func (s addApplication) Describe() string {
	return fmt.Sprintf("create application %q (%s)\n%-14s %s", s.slug, s.name, "launch URL", s.fields["meta_launch_url"])
}

func (s addApplication) do(ctx context.Context, m *made) error {
	fields := maps.Clone(s.fields)
	if s.withProvider {
		fields["provider"] = m.provider
	}
	app, err := m.client.AddApplication(ctx, fields)
	m.application = app.PK
	return err
}

// Describe implements Step.
func (s changeApplication) Describe() string {
	text := fmt.Sprintf("change application %q", s.slug) + differences(s.was, s.now)
	if s.withProvider {
		text += fmt.Sprintf("\n%-14s the one above", "provider")
	}
	return text
}

func (s changeApplication) do(ctx context.Context, m *made) error {
	fields := maps.Clone(s.now)
	if s.withProvider {
		fields["provider"] = m.provider
	}
	return m.client.ChangeApplication(ctx, s.slug, fields)
}

// Describe implements Step.
func (s finishApplication) Describe() string {
	return fmt.Sprintf("give application %q its slug: it is called %q until its bindings are there", s.slug, s.draft)
}

func (s finishApplication) do(ctx context.Context, m *made) error {
	return m.client.ChangeApplication(ctx, s.draft, admin.Fields{"slug": s.slug})
}

// Describe implements Step.
func (s removeApplication) Describe() string {
	return fmt.Sprintf("delete application %q and its bindings", s.slug)
}

func (s removeApplication) do(ctx context.Context, m *made) error {
	return m.client.RemoveApplication(ctx, s.slug)
}

// Describe implements Step.
func (s addBinding) Describe() string {
	return fmt.Sprintf("bind group %q: its members may pass", s.group)
}

func (s addBinding) do(ctx context.Context, m *made) error {
	return m.client.AddBinding(ctx, admin.Fields{"target": m.application, "group": s.groupKey, "order": bindingOrder})
}

// Describe implements Step.
func (s mendBinding) Describe() string {
	return fmt.Sprintf("make the binding of %s effective: it is disabled or negated", s.whom)
}

func (s mendBinding) do(ctx context.Context, m *made) error {
	return m.client.ChangeBinding(ctx, s.pk, admin.Fields{"enabled": true, "negate": false})
}

// Describe implements Step.
func (s removeBinding) Describe() string {
	return fmt.Sprintf("remove the binding of %s: %s", s.whom, s.why)
}

func (s removeBinding) do(ctx context.Context, m *made) error {
	return m.client.RemoveBinding(ctx, s.pk)
}

// Describe implements Step.
func (s writeSecret) Describe() string { return "write the client secret to " + s.file }

// The file is written before authentik gets the secret, so that an interrupted
// run does not lose it. It is never overwritten.
func (s writeSecret) do(context.Context, *made) error {
	f, err := os.OpenFile(s.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the client secret: %w; name another file with --secret-file", err)
	}
	_, err = f.WriteString(s.secret + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Describe implements Step.
func (s removeSecret) Describe() string { return "delete " + s.file + ", which has the client secret" }

func (s removeSecret) do(context.Context, *made) error { return os.Remove(s.file) }

// differences returns the present and the wanted values of fields, as text.
func differences(was, now admin.Fields) (text string) {
	for _, field := range slices.Sorted(maps.Keys(now)) {
		text += fmt.Sprintf("\n%-14s %s -> %s", field, shown(field, was[field]), shown(field, now[field]))
	}
	return text
}

// shown returns the value of a field as text, on one line. A secret is hidden.
func shown(field string, value any) string {
	switch {
	case field == "client_secret":
		return "(not shown)"
	case value == nil || value == "":
		return "(none)"
	}
	switch value := value.(type) {
	case []any:
		texts := make([]string, len(value))
		for i, one := range value {
			texts[i] = shownItem(one)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case string:
		return plain.Line(value)
	}
	return plain.Line(fmt.Sprint(value))
}

func shownItem(one any) string {
	if address, ok := one.(map[string]any); ok {
		text := fmt.Sprint(address["url"])
		if address["redirect_uri_type"] == "logout" {
			text += " (logout)"
		}
		return plain.Line(text)
	}
	return plain.Line(fmt.Sprint(one))
}
