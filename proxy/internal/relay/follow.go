package relay

import (
	"net/http"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// maxHops is the maximum number of redirects of the executor to itself that are
// followed. The executor redirects once for each stage that asks nothing.
const maxHops = 30

// A submitted answer of the interface is one that authentik is checking. It has
// an attempt if it is a proof, such as a password.
type submitted struct {
	attempt *throttle.Attempt
	answer  flowclient.RawAnswer
}

// settle counts an answer as right or wrong by authentik's next challenge. It
// reports whether authentik has refused a proof.
func (s submitted) settle(v visit, at flowclient.Flow, next flowclient.Step) (refused bool) {
	pending := next.Challenge.Common().PendingUser
	if v.at(flowclient.Step{Flow: at}).Refused(s.answer, next) {
		s.attempt.Fail(pending)
		return reply.Proves(s.answer)
	}
	s.attempt.Accept(pending)
	return false
}

// follow fetches the challenge after a proof that authentik has answered with a
// redirect to the executor itself. authentik answers most proofs in this way,
// right or wrong. Only the next challenge shows whether the flow has restarted,
// and for which user. The gate does not leave the redirect to the browser,
// which might not follow it.
func (h *Handler) follow(x *exchange.Exchange, t Target, got flowclient.RelayReply) (flowclient.RelayReply, error) {
	for range maxHops {
		path, ok := h.onward(x, t, got)
		if !ok {
			break
		}
		until := got.SessionUntil
		var err error
		got, err = h.Authentik.Send(x.Context(), x.Visitor(got.Cookies), flowclient.RelayRequest{Method: http.MethodGet, Path: path, Header: x.R.Header})
		if err != nil {
			return got, err
		}
		if got.SessionUntil.IsZero() {
			got.SessionUntil = until
		}
	}
	if got.Status == http.StatusMethodNotAllowed || got.Status >= http.StatusInternalServerError {
		return got, &flowclient.UnexpectedError{Status: got.Status, Endpoint: "relay"}
	}
	return got, nil
}

// onward returns the address to which the executor redirects the browser within
// the same flow.
func (h *Handler) onward(x *exchange.Exchange, t Target, got flowclient.RelayReply) (path string, ok bool) {
	body := got.Body
	if to := got.Header.Get("Location"); to != "" {
		body = redirectTo(to)
	}
	challenge, err := flowclient.DecodeAt(body, h.rootAt(x.At))
	rd, redirects := challenge.(flowclient.Redirect)
	if err != nil || !redirects {
		return "", false
	}
	flow, ok := rd.Flow()
	if !ok || flow.Slug != t.slug {
		return "", false
	}
	return executorPath + flow.Slug + "/?" + url.Values{"query": {flow.Query}}.Encode(), true
}
