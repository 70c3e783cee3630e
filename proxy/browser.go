package proxy

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// browserLife is how long a browser is known again.
const browserLife = 365 * 24 * time.Hour

// remembered are the cookies by which authentik knows a device again, whoever
// signs in on it.
var remembered = []string{"authentik_device", "authentik_mfa"}

// browsers keep, for each browser, what lets authentik remember the device:
// every visit begins with it, although visits know nothing of each other.
type browsers struct {
	cfg  Config
	keys seal.Key
}

// box is where a browser's cookies are kept. They belong to one authentik and,
// as the browser's own cookie does, to one host.
func (b *browsers) box(s seal.Secret, at Resolved) seal.Box {
	issuer, _ := b.cfg.Client.PublicURL("/")
	return b.keys.Box(seal.KindBrowser, issuer+"\x00"+hostname(at.Host), s)
}

// recall returns what is remembered of a browser. Without it a visit
// goes on all the same: authentik asks for the second factor once more.
func (b *browsers) recall(ctx context.Context, s seal.Secret, at Resolved) flowclient.Cookies {
	box := b.box(s, at)
	stored, found, err := b.cfg.Store.Load(ctx, box.Name())
	if err != nil {
		b.cfg.Logger.WarnContext(ctx, "a browser's remembered device cannot be read", "error", err)
	}
	if !found || err != nil {
		return nil
	}
	var cookies flowclient.Cookies
	if err := box.Open(stored.Value, &cookies); err != nil {
		return nil
	}
	return lasting(cookies)
}

// remember keeps what authentik has set for a browser. Two tabs that do so at
// once are both right: the later one wins.
func (b *browsers) remember(ctx context.Context, s seal.Secret, at Resolved, cookies flowclient.Cookies) error {
	box := b.box(s, at)
	sealed, err := box.Seal(lasting(cookies))
	if err != nil {
		return err
	}
	for range 3 {
		stored, _, loadErr := b.cfg.Store.Load(ctx, box.Name())
		if loadErr != nil {
			return loadErr
		}
		_, err = b.cfg.Store.Save(ctx, box.Name(), Record{
			Value: sealed, Expiry: b.cfg.Now().Add(browserLife), Version: stored.Version,
		})
		if err == nil || !isConflict(err) {
			return err
		}
	}
	return err
}

// lasting picks the cookies that outlive a visit.
func lasting(cookies flowclient.Cookies) flowclient.Cookies {
	kept := flowclient.Cookies{}
	for _, name := range remembered {
		if value, ok := cookies[name]; ok {
			kept[name] = value
		}
	}
	return kept
}
