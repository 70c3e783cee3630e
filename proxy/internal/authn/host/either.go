package host

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// An Either is the source of a gate whose visitors sign in on its own page, or
// at a login host if authentik wants something that the page cannot do. The
// record of each session says which.
type Either struct {
	authn.Source // the source of the page
	// Host is the source of the login host.
	Host *Source
}

// Recheck implements [authn.Source].
func (e Either) Recheck(ctx context.Context, rec *session.Record) (session.Proof, error) {
	if rec.Rest != "" {
		return e.Host.Recheck(ctx, rec)
	}
	return e.Source.Recheck(ctx, rec)
}

// SignOut implements [authn.Source].
func (e Either) SignOut(ctx context.Context, rec *session.Record) error {
	if rec.Rest != "" {
		return e.Host.SignOut(ctx, rec)
	}
	return e.Source.SignOut(ctx, rec)
}

// Lend is [Source.Lend] for a session that began at the login host. The records
// of other sessions have authentik's cookies themselves.
func (e Either) Lend(ctx context.Context, rec *session.Record) (*session.Record, error) {
	if rec.Rest != "" {
		return e.Host.Lend(ctx, rec)
	}
	return rec, nil
}
