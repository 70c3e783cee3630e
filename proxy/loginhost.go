package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/loginhost"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// registerAfter is how long after its start a gate registers in the store: one
// that is only checked and closed again leaves nothing behind.
const registerAfter = time.Second

// originOf returns an origin in the one spelling that requests have as well.
func originOf(u *url.URL) string {
	return exchange.Origin(Resolved{Scheme: u.Scheme, Host: rules.Authority(u.Scheme, u.Host)})
}

// atLoginHost returns the login host of this gate's visitors, and this gate as
// that host knows it.
func (g *Gate) atLoginHost(key seal.Key) *signin.LoginHost {
	cfg := g.cfg
	records := host.Records{Store: cfg.Store, Key: key, Now: cfg.Now, Origin: originOf(cfg.LoginAt)}
	return &signin.LoginHost{
		Page:   cfg.Login == LoginPage,
		Source: host.New(host.Options{Records: records, Authentik: cfg.Client, At: cfg.LoginAt, Lifetime: cfg.Lifetime}),
		Gate: host.NewMember(records, host.Registration{
			Hosts: cfg.hosts(), Callback: g.member.Shared.CallbackAt(), Application: cfg.Application, Lifetime: cfg.Lifetime,
		}, g.member.Shared.Identity.ID),
	}
}

// A lender has authentik's cookies for sessions that have none themselves.
type lender interface {
	Lend(ctx context.Context, rec *session.Record) (*session.Record, error)
}

// hostSource returns the source of a gate whose visitors sign in at a login host,
// or of one that has a page for them too.
func (cfg Config) hostSource(at *signin.LoginHost, page authn.Source) authn.Source {
	if at.Page {
		return host.Either{Source: page, Host: at.Source}
	}
	return at.Source
}

// newLoginHost returns what answers a login host's own addresses.
func (g *Gate) newLoginHost() *loginhost.Handler {
	var origins []string
	for _, name := range g.cfg.hosts() {
		for _, scheme := range []string{"https", "http"} {
			u := &url.URL{Scheme: scheme, Host: name}
			if rules.Secure(u) {
				origins = append(origins, originOf(u))
			}
		}
	}
	o := loginhost.Options{
		Shared: g.member.Shared, Authentik: g.cfg.Client, Store: g.cfg.Store, First: g.member.SignIn.First,
		Base: relay.BasePath(g.cfg.Client.Root()), Origins: origins, Go: g.background.Go,
	}
	if g.cfg.LoginHost.Page {
		o.Own = g.member.SignIn
	}
	h := loginhost.New(o)
	g.member.Shared.IsBack = h.IsBack
	return h
}

// passToAuthentik passes a request through a login host. What authentik answers
// goes to the browser as it is; the gate only reads its header afterwards.
func (g *Gate) passToAuthentik(x exchange.Exchange, next Next) error {
	passing := g.loginHost.Passing(&x)
	request, _ := g.upstream.Introduce(&x, nil, false)
	defer func() { passing.Answered(x.W.Header()) }() // also if the browser leaves in the middle of an answer
	return next(x.W, request)
}

// register keeps login hosts and their gates known to each other for as long as
// they run. A gate without a login host says so at once, before a visitor comes.
func (g *Gate) register() {
	renew, look := func(context.Context) {}, func(context.Context) {}
	switch {
	case g.loginHost != nil:
		renew = g.loginHost.Announce
	case g.member.SignIn.Host != nil:
		renew, look = g.renew, g.lookForLoginHost
	default:
		return
	}
	g.background.Go(func(backgroundCtx context.Context) {
		if !background.Sleep(backgroundCtx, registerAfter) {
			return
		}
		renew(backgroundCtx)
		look(backgroundCtx)
		for background.Sleep(backgroundCtx, host.RegisterEvery) {
			renew(backgroundCtx)
		}
	})
}

// renew makes this gate known to its login host.
func (g *Gate) renew(backgroundCtx context.Context) {
	if err := g.member.SignIn.Host.Gate.Renew(backgroundCtx); err != nil && backgroundCtx.Err() == nil {
		g.cfg.Logger.WarnContext(backgroundCtx, "login host: this gate cannot be registered", "error", fault.Cause(err), "login_at", originOf(g.cfg.LoginAt))
	}
}

// lookForLoginHost says if there is no login host.
func (g *Gate) lookForLoginHost(backgroundCtx context.Context) {
	if _, err := g.member.SignIn.Host.Gate.Introduce(backgroundCtx); err != nil && backgroundCtx.Err() == nil {
		e := fault.From(err)
		g.cfg.Logger.ErrorContext(backgroundCtx, "login host: visitors cannot sign in", "code", e.Code, "error", fault.Cause(err),
			"login_at", originOf(g.cfg.LoginAt), "remedy", e.Remedy())
	}
}

// checkLoginHost checks a login host, or a gate whose visitors sign in at one.
func (cfg Config) checkLoginHost(wrong func(option string, err error)) {
	if cfg.LoginHost != nil {
		wrong("prefix", cfg.checkBelowAuthentik())
		for _, given := range []struct {
			option string
			given  bool
		}{
			{"login at", cfg.LoginAt != nil},
			{"login relay or redirect", cfg.Login != LoginPage},
			{"application", cfg.Application != ""},
			{"client id", cfg.OIDC.used()},
			{"require", len(cfg.Require) > 0},
			{"rules", len(cfg.Rules) > 0},
			{"preflight", cfg.Preflight},
			{"clients", cfg.Clients.Basic || cfg.Clients.Bearer},
			{"cookie domain", cfg.Cookie.Domain != ""},
			{"sign on form", cfg.SignOnForm != nil},
			{"sign out paths", len(cfg.SignOutPaths) > 0},
			{"late forms", len(cfg.LateForms) > 0},
			{"assertion", cfg.Assertion != nil},
		} {
			if given.given {
				wrong(given.option, errors.New("a login host guards nothing; leave it out, and set it on the gates that name it with login at"))
			}
		}
	}
	if cfg.LoginAt != nil {
		cfg.checkLoginAt(wrong)
	}
}

// checkBelowAuthentik checks that browsers send authentik's cookies to the addresses
// of a login host: authentik sets them for the path that it lies below.
func (cfg Config) checkBelowAuthentik() error {
	if cfg.Client == nil {
		return nil
	}
	base := relay.BasePath(cfg.Client.Root())
	if strings.HasPrefix(cfg.Prefix, base) {
		return nil
	}
	return fmt.Errorf("authentik lies below %s, and browsers send its cookies to no other path, such as %s; write prefix %s", base, cfg.Prefix, base+".authentik")
}

// checkLoginAt checks a gate whose visitors sign in at a login host.
func (cfg Config) checkLoginAt(wrong func(option string, err error)) {
	wrong("login at", rules.LoginOrigin(cfg.LoginAt.String()))
	wrong("login at", rules.TicketHosts(cfg.hosts()))
	for _, given := range []struct {
		option string
		given  bool
	}{
		{"flow", cfg.Flow != ""},
		{"client id", cfg.OIDC.used()},
		{"login", cfg.Login != loginAtHost && cfg.Login != LoginPage},
		{"host", cfg.PageHost && cfg.Login != LoginPage},
	} {
		if given.given {
			wrong(given.option, fmt.Errorf("it cannot be used with login at: visitors sign in at %s; leave it out", originOf(cfg.LoginAt)))
		}
	}
}
