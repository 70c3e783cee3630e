// Package devices stores the cookies by which authentik recognizes a browser,
// sealed for each browser. It knows no visits and no requests.
package devices

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// tries is how often a save is retried after a conflict.
const tries = 3

// lasting are the names of the cookies by which authentik recognizes a device,
// for any user.
var lasting = []string{"authentik_device", "authentik_mfa"}

// Devices stores, for each browser, the cookies by which authentik remembers
// the device. Every visit begins with them.
type Devices struct {
	Store  store.Store
	Key    seal.Key
	Issuer string        // authentik's public address
	Life   time.Duration // the lifetime of the browser's own cookie
	Now    func() time.Time
	Logger *slog.Logger
}

// box returns the box of a browser's device cookies. They belong to one
// authentik and, like the browser's own cookie, to one host.
func (d Devices) box(s seal.Secret, host string) seal.Box {
	return d.Key.Box(seal.KindBrowser, d.Issuer+"\x00"+session.Hostname(host), s)
}

// Recall returns the device cookies of a browser. Without them a visit works
// too: authentik only asks for the second factor again.
func (d Devices) Recall(ctx context.Context, s seal.Secret, host string) flowclient.Cookies {
	box := d.box(s, host)
	kept, found, err := d.Store.Load(ctx, box.Name())
	if err != nil {
		d.Logger.WarnContext(ctx, "remembered device: cannot be read", "error", err)
	}
	if !found || err != nil {
		return nil
	}
	var cookies flowclient.Cookies
	if err := box.Open(kept.Value, &cookies); err != nil {
		return nil
	}
	return Lasting(cookies)
}

// Remember saves the device cookies of a browser. If two tabs save at once, the
// later one wins, and both are valid.
func (d Devices) Remember(ctx context.Context, s seal.Secret, host string, cookies flowclient.Cookies) error {
	box := d.box(s, host)
	sealed, err := box.Seal(Lasting(cookies))
	if err != nil {
		return err
	}
	for range tries {
		kept, _, loadErr := d.Store.Load(ctx, box.Name())
		if loadErr != nil {
			return loadErr
		}
		_, err = d.Store.Save(ctx, box.Name(), store.Record{
			Value: sealed, Expiry: d.Now().Add(d.Life), Version: kept.Version,
		})
		if err == nil || !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}

// Forget deletes the device cookies of a browser that has got another secret.
func (d Devices) Forget(ctx context.Context, s seal.Secret, host string) error {
	return d.Store.Delete(ctx, d.box(s, host).Name())
}

// Lasting returns the cookies that outlive a visit.
func Lasting(cookies flowclient.Cookies) flowclient.Cookies {
	kept := flowclient.Cookies{}
	for _, name := range lasting {
		if value, ok := cookies[name]; ok {
			kept[name] = value
		}
	}
	return kept
}
