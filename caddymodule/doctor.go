package caddymodule

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/filestorage"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// doctorTools are the parts of the handler that "caddy authentik doctor" needs.
func doctorTools() doctor.Tools {
	return doctor.Tools{Quiet: logOnlyErrors, Validate: validateQuietly, Open: openForDoctor, Transport: connectForDoctor, Root: storageRoot}
}

// connectForDoctor returns the connections to authentik that a gate's options
// configure, even if the gate cannot be loaded. It fails if an option about the
// certificate has a mistake: connections must never check less than the options
// demand.
func connectForDoctor(gate json.RawMessage) (http.RoundTripper, error) {
	h := &Handler{}
	if err := json.Unmarshal(gate, h); err != nil {
		return nil, err
	}
	wrong := options.ExpandAll("trust", h.Trust)
	for _, s := range h.settings() {
		if slices.Contains([]string{"url", "public_url", "pin", "tls_name"}, s.Name) {
			wrong = wrong.And(options.In(s.Name, s.Expand()))
		}
	}
	for _, c := range h.checkTLS() {
		wrong = append(wrong, c.Err)
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	defer func() { _ = h.Cleanup() }() // release closes only idle connections
	return h.transport()
}

// logOnlyErrors keeps Caddy from logging to the terminal when it loads a
// configuration. The report has the errors.
func logOnlyErrors() error {
	return caddy.Validate(&caddy.Config{
		Admin:   &caddy.AdminConfig{Disabled: true},
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "ERROR"}}}},
	})
}

// withLog returns a configuration that logs only warnings, to a file.
func withLog(config []byte, file string) ([]byte, error) {
	var c map[string]any
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, err
	}
	c["admin"] = map[string]any{"disabled": true}
	writer := map[string]any{"output": "discard"}
	if file != "" {
		writer = map[string]any{"output": "file", "filename": file}
	}
	c["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{
		"level": "WARN", "encoder": map[string]any{"format": "json"}, "writer": writer,
	}}}
	return json.Marshal(c)
}

// validateQuietly loads a configuration as "caddy validate" does, and returns
// the warnings of the gates.
func validateQuietly(config []byte) (warnings []string, err error) {
	directory, err := os.MkdirTemp("", "caddy-authentik-doctor-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	file := filepath.Join(directory, "log")
	quiet, err := withLog(config, file)
	if err != nil {
		return nil, err
	}
	var c caddy.Config
	if err := json.Unmarshal(quiet, &c); err != nil {
		return nil, err
	}
	invalid := caddy.Validate(&c)
	text, err := os.ReadFile(file) //nolint:gosec // made above
	if err != nil {
		text = nil // nothing was logged
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var line struct{ Logger, Msg string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && strings.HasPrefix(line.Logger, "http.handlers.authentik") {
			warnings = append(warnings, line.Msg)
		}
	}
	return warnings, invalid
}

// openForDoctor loads one gate in this process. It answers the gate's own
// addresses, for the site origin, with sessions in memory and its own key.
func openForDoctor(_ context.Context, storage, gate json.RawMessage, origin string) (*doctor.Opened, error) {
	raw, err := ofSite(gate, origin)
	if err != nil {
		return nil, err
	}
	parts := map[string]any{}
	if len(storage) > 0 {
		parts["storage"] = storage
	}
	config, err := json.Marshal(parts)
	if err == nil {
		config, err = withLog(config, "")
	}
	if err != nil {
		return nil, err
	}
	var c caddy.Config
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, err
	}
	base, err := caddy.ProvisionContext(&c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := caddy.NewContext(base)
	opened, err := openIn(ctx, raw, origin)
	if err != nil {
		cancel()
		return nil, err
	}
	inside := opened.Close
	opened.Close = func() { inside(); cancel() }
	return opened, nil
}

// ofSite returns a handler's configuration with the site's origin in it:
// outside of a server the handler does not know its hosts.
func ofSite(gate json.RawMessage, origin string) (json.RawMessage, error) {
	var options map[string]any
	if err := json.Unmarshal(gate, &options); err != nil {
		return nil, err
	}
	_, given := options["site"]
	_, others := options["forward_auth"] // forward_auth names its sites itself
	if !given && !others && origin != "" {
		options["site"] = origin
	}
	delete(options, "handler")
	return json.Marshal(options)
}

// openIn loads one gate in a context.
func openIn(ctx caddy.Context, raw json.RawMessage, origin string) (*doctor.Opened, error) {
	module, err := ctx.LoadModuleByID("http.handlers.authentik", raw)
	if err != nil {
		return nil, err
	}
	h, ok := module.(*Handler)
	if !ok {
		return nil, fmt.Errorf("http.handlers.authentik is %T", module)
	}
	opened := &doctor.Opened{
		Store: h.posts[0].Store.Store, StoreName: h.posts[0].Store.Name, ClientSecret: h.ClientSecret,
		Secrets: []string{h.ClientSecret, h.Key}, Cause: func() string { return "" }, Close: func() {},
	}
	if opened.Transport, err = h.transport(); err != nil {
		return nil, err
	}
	if origin == "" || h.LoginHost != "" || h.LoginAt != "" { // a login host signs in only browsers
		return opened, nil
	}
	log := &lastCause{}
	cfg, err := h.gateConfig(ctx, opened.Transport, gates.Store{Store: proxy.NewMemory(), Name: "memory"})
	if err != nil {
		return nil, err
	}
	site := parsed(origin)
	cfg.Key, cfg.StoreName, cfg.Logger = []byte(rand.Text()+rand.Text()), "", slog.New(log)
	cfg.Login = proxy.LoginPage // the gate's own requests to authentik then show what is wrong
	cfg.OIDC.SignOutBack = false
	cfg.Resolve = func(r *http.Request) proxy.Resolved {
		return proxy.Resolved{Scheme: site.Scheme, Host: site.Host, Client: netip.MustParseAddr(doctor.Visitor), Asked: r.URL}
	}
	g, err := proxy.New(cfg)
	if err != nil {
		return nil, err
	}
	opened.Gate = g.Wrap(http.NotFoundHandler())
	opened.Cause = log.text
	opened.Close = func() { _ = g.Close() }
	return opened, nil
}

// A lastCause is a log that keeps the cause of the last refusal.
type lastCause struct{ cause atomic.Value }

func (l *lastCause) text() string { text, _ := l.cause.Load().(string); return text }

// Enabled implements slog.Handler.
func (*lastCause) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *lastCause) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" && r.Message == "refused" {
			l.cause.Store(a.Value.String())
		}
		return true
	})
	return nil
}

// WithAttrs implements slog.Handler.
func (l *lastCause) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *lastCause) WithGroup(string) slog.Handler { return l }

// storageRoot returns the directory of a storage of files, or "" for another one.
func storageRoot(storage json.RawMessage) string {
	var s struct {
		Module string `json:"module"`
		filestorage.FileStorage
	}
	switch {
	case len(storage) == 0:
		return caddy.AppDataDir()
	case json.Unmarshal(storage, &s) != nil || s.Module != "file_system":
		return ""
	}
	root, err := caddy.NewReplacer().ReplaceOrErr(s.Root, false, false)
	if err != nil || root == "" {
		return caddy.AppDataDir()
	}
	return root
}
