package signin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// deviceTries is how often a save is tried again after a conflict.
const deviceTries = 3

// deviceCookies are the cookies by which authentik recognizes a device, for any
// user.
var deviceCookies = []string{"authentik_device", "authentik_mfa"}

// devices stores, for each browser, the cookies by which authentik remembers the
// device. Every visit begins with them.
type devices struct {
	store  store.Store
	key    seal.Key
	issuer string // authentik's public address
	now    func() time.Time
	logger *slog.Logger
}

// box returns the box of a browser's device cookies. They belong to one authentik
// and, as the browser's own cookie does, to one host.
func (d devices) box(s seal.Secret, host string) seal.Box {
	return d.key.Box(seal.KindBrowser, d.issuer+"\x00"+session.Hostname(host), s)
}

// recall returns the device cookies of a browser. A visit works without them:
// authentik only asks for the second factor again.
func (d devices) recall(ctx context.Context, s seal.Secret, host string) flowclient.Cookies {
	box := d.box(s, host)
	kept, found, err := d.store.Load(ctx, box.Name())
	if err != nil {
		d.logger.WarnContext(ctx, "remembered device: cannot be read", "error", err)
	}
	if !found || err != nil {
		return nil
	}
	var cookies flowclient.Cookies
	if err := box.Open(kept.Value, &cookies); err != nil {
		return nil
	}
	return lasting(cookies)
}

// remember saves the device cookies of a browser. If two tabs do so at once the
// later one wins, and both are right.
func (d devices) remember(ctx context.Context, s seal.Secret, host string, cookies flowclient.Cookies) error {
	box := d.box(s, host)
	sealed, err := box.Seal(lasting(cookies))
	if err != nil {
		return err
	}
	for range deviceTries {
		kept, _, loadErr := d.store.Load(ctx, box.Name())
		if loadErr != nil {
			return loadErr
		}
		_, err = d.store.Save(ctx, box.Name(), store.Record{
			Value: sealed, Expiry: d.now().Add(exchange.BrowserLife), Version: kept.Version,
		})
		if err == nil || !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}

// lasting returns the cookies that outlive a visit.
func lasting(cookies flowclient.Cookies) flowclient.Cookies {
	kept := flowclient.Cookies{}
	for _, name := range deviceCookies {
		if value, ok := cookies[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

// device returns what authentik remembers of the request's browser.
func (h *Handler) device(x *exchange.Exchange) flowclient.Cookies {
	s, ok := x.Browser()
	if !ok {
		return nil
	}
	return h.devices.recall(x.Context(), s, x.At.Host)
}

// Recall returns what authentik remembers of a browser at a host.
func (h *Handler) Recall(ctx context.Context, browser seal.Secret, host string) flowclient.Cookies {
	return h.devices.recall(ctx, browser, host)
}
