package relay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// rewriteHosts replaces authentik's host with this site's in a page, unless
// authentik was told this site's host.
func (h *Handler) rewriteHosts(at exchange.Resolved, html []byte) []byte {
	if h.PageHost {
		return html
	}
	here := exchange.Origin(at) + h.Base
	html = bytes.ReplaceAll(html, []byte(h.Root), []byte(here))
	escaped := strings.ReplaceAll(h.Root, "-", `\u002D`) // the form in which Django writes texts into scripts
	return bytes.ReplaceAll(html, []byte(escaped), []byte(here))
}

// rewritten returns the address to which the browser is sent instead of one of
// authentik's redirects. It is that of a flow, which the visit may then run, or
// one that begins a new visit. It is never on another site.
func (h *Handler) rewritten(at exchange.Resolved, v *visit, to string) string {
	challenge, err := flowclient.DecodeAt(redirectTo(to), h.rootAt(at))
	rd, ok := challenge.(flowclient.Redirect)
	if err != nil || !ok {
		return h.anew(*v)
	}
	switch rd.Class() {
	case flowclient.RedirectFlow:
		flow, _ := rd.Flow()
		v.sentTo(flow)
		return h.flowPage(flow)
	case flowclient.RedirectExecutor:
		return strings.TrimSuffix(h.Base, "/") + rd.Path
	case flowclient.RedirectDefaultFlow:
		if _, _, ok := lookup(http.MethodGet, pathOf(rd.Path)); ok {
			return strings.TrimSuffix(h.Base, "/") + rd.Path
		}
		return h.anew(*v) // the flow for signing out: the visitor has cancelled, or is not the named user
	default:
		return h.anew(*v)
	}
}

// pathOf returns an address without its query.
func pathOf(address string) string {
	path, _, _ := strings.Cut(address, "?")
	return path
}

// rootAt returns authentik's address as authentik sees it, which resolves its
// relative references.
func (h *Handler) rootAt(at exchange.Resolved) string {
	if h.PageHost {
		return exchange.Origin(at) + h.Base
	}
	return h.Root
}

// redirectTo returns a challenge that redirects the browser.
func redirectTo(to string) []byte {
	raw, _ := json.Marshal(map[string]string{"component": string(flowclient.ComponentRedirect), "to": to}) // encoding texts cannot fail
	return raw
}
