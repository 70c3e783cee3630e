package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// Provision makes the gate. It asks nothing of the network: authentik may be
// down when Caddy starts.
func (h *Handler) Provision(ctx caddy.Context) error {
	log := ctx.Slogger()
	version, _ := caddy.Version()
	warnOfOldCaddy(version, log)
	wrong := h.expand()
	trusted, err := h.transport()
	if err != nil {
		wrong = wrong.And(err)
	}
	looks, mistaken := h.Page.read()
	if err := append(wrong, mistaken...).Err(); err != nil {
		return err
	}
	cfg, err := h.gateConfig(ctx, trusted, log)
	if err != nil {
		return err
	}
	cfg.Page = looks
	if h.gate, err = proxy.New(cfg); err != nil {
		return err
	}
	h.release = append(h.release, h.gate.Close)
	return h.enlist()
}

// gateConfig puts together what the gate needs.
func (h *Handler) gateConfig(ctx caddy.Context, trusted http.RoundTripper, log *slog.Logger) (proxy.Config, error) {
	if err := h.loadMatchers(ctx); err != nil {
		return proxy.Config{}, err
	}
	store, storeName, err := h.store(ctx)
	if err != nil {
		return proxy.Config{}, err
	}
	h.kept = keeping{store, storeName}
	key, err := h.key(ctx, log)
	if err != nil {
		return proxy.Config{}, err
	}
	counted, err := newMetrics(ctx.GetMetricsRegistry(), storeName)
	if err != nil {
		return proxy.Config{}, err
	}
	client, err := flowclient.New(flowclient.Config{
		URL: parsed(h.URL), PublicURL: parsed(h.PublicURL),
		Transport: measuredTransport{trusted, counted}, Logger: log,
	})
	cfg := h.config()
	cfg.Client, cfg.Store, cfg.Key = client, measuredStore{store, counted}, key
	cfg.Metrics, cfg.Logger = counted, log
	return cfg, err
}

// config is what the options say, all of which have been checked. What none says
// is the gate's default.
func (h *Handler) config() proxy.Config {
	return proxy.Config{
		Flow:        h.Flow,
		Application: h.Application,
		OIDC:        h.openID(),
		Require:     h.requirements(),
		Login:       proxy.Login(h.Login),
		PageHost:    h.Host == "page" || h.Host == "" && h.Login == string(proxy.LoginRelay),
		Lifetime:    duration(h.Lifetime),
		Idle:        duration(h.Idle),
		Recheck:     duration(h.Recheck),
		Grace:       h.grace(),
		MaxPerUser:  h.maxPerUser(),
		Cookie:      proxy.CookieConfig{Name: h.Cookie.Name, Domain: h.Cookie.Domain, Persistent: h.Cookie.Persistent},
		Prefix:      h.Prefix,
		Site:        parsed(h.Site),
		Headers:     proxy.HeaderConfig{Preset: proxy.HeaderPreset(h.Headers.Preset), Own: h.Headers.rules()},
		Open:        h.open,
		Resolve:     resolve,
	}
}

func (h *Handler) loadMatchers(ctx caddy.Context) error {
	if len(h.MatcherSetsRaw) == 0 {
		return nil
	}
	sets, err := ctx.LoadModule(h, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	return h.matchers.FromInterface(sets)
}

// key returns the configured key, or the one in Caddy's storage.
func (h *Handler) key(ctx caddy.Context, log *slog.Logger) ([]byte, error) {
	if h.Key != "" {
		return []byte(h.Key), nil
	}
	return keep(ctx, ctx.Storage(), log)
}

// openID returns the gate's registration as a client, or nothing.
func (h *Handler) openID() proxy.OIDCConfig {
	return proxy.OIDCConfig{
		ClientID:        h.ClientID,
		ClientSecret:    h.ClientSecret,
		Scopes:          h.Scopes,
		RequireMFA:      h.RequireMFA,
		MaxAge:          duration(h.MaxAge),
		KeepAccessToken: slices.ContainsFunc(h.Headers.Own, Header.needsToken),
	}
}

// duration returns the duration of a text that has been checked, or none.
func duration(text string) time.Duration {
	d, _ := caddy.ParseDuration(text)
	return d
}

// grace returns the configured grace, or nil for the gate's default.
func (h *Handler) grace() *time.Duration {
	if h.Grace == "" {
		return nil
	}
	return new(duration(h.Grace))
}

// maxPerUser returns the number of a text that has been checked, or none.
func (h *Handler) maxPerUser() int {
	n, _ := strconv.Atoi(string(h.MaxPerUser))
	return n
}

// parsed parses an address that has been checked. None stays none.
func parsed(address string) *url.URL {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return u
}

// Cleanup gives back what Provision has taken, also when that failed half-way.
func (h *Handler) Cleanup() error {
	var errs []error
	for _, release := range slices.Backward(h.release) {
		errs = append(errs, release())
	}
	h.release = nil
	return errors.Join(errs...)
}
