package sidecar

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Unwrap is for http.ResponseController.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader answers that a request does not pass, with the gate's answer. Its
// status must never mean to the other proxy that the request passes: for
// example, a gate shows its own pages with 200.
func (c *call) WriteHeader(status int) {
	if c.wrote || status < http.StatusOK {
		return
	}
	c.wrote = true
	if status < http.StatusMultipleChoices {
		status = http.StatusUnauthorized
	}
	if to := c.Header().Get("Location"); c.from != nil && c.from.absolute && strings.HasPrefix(to, "/") {
		c.Header().Set("Location", c.scheme+"://"+rules.Authority(c.scheme, c.host)+to)
	}
	if c.from != nil && c.from.codes && !c.whole {
		status = codeOf(status)
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write writes the page of a refusal.
func (c *call) Write(body []byte) (int, error) {
	if !c.wrote {
		c.WriteHeader(http.StatusUnauthorized)
	}
	return c.ResponseWriter.Write(body)
}

// codeOf returns the status for nginx. For nginx, 2xx means that a request
// passes, 401 and 403 mean that it does not, and any other status is a failure,
// which nginx answers with 500. A redirect is a 401 with Location.
func codeOf(status int) int {
	switch {
	case status < http.StatusBadRequest, status == http.StatusUnauthorized:
		return http.StatusUnauthorized
	case status < http.StatusInternalServerError:
		return http.StatusForbidden
	default:
		return http.StatusInternalServerError
	}
}

// refuse refuses a request before a gate has decided about it, or because its
// decision cannot be carried out.
func (c *call) refuse(r *http.Request, code fault.Code, cause error) {
	e := fault.New(code, cause)
	c.sidecar.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "forward_auth: refused", slog.String("code", string(code)),
		slog.Any("error", cause), slog.String("peer", c.peer), slog.String("site", c.host))
	h := c.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if code == fault.Busy {
		h.Set("Retry-After", "1")
	}
	c.WriteHeader(e.Status)
	_ = json.NewEncoder(c).Encode(map[string]any{"type": "about:blank", "title": e.Title, "status": e.Status, "code": e.Code}) // the peer may have disconnected
}
