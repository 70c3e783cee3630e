package pin

import (
	_ "github.com/chromedp/chromedp"
	_ "github.com/caddyserver/caddy/v2/caddytest"
	_ "github.com/coreos/go-oidc/v3/oidc"
	_ "github.com/go-jose/go-jose/v4"
	_ "github.com/go-webauthn/webauthn/webauthn"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/patrickmn/go-cache"
	_ "github.com/pquerna/otp/totp"
	_ "golang.org/x/net/html"
	_ "golang.org/x/oauth2"
	_ "golang.org/x/sync/singleflight"
	_ "golang.org/x/text/language"
	_ "rsc.io/qr"
	_ "go.uber.org/zap/exp/zapslog"
	_ "github.com/prometheus/client_golang/prometheus"
)
