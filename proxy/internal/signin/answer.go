package signin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// Answer answers POST login: one answer to the challenge on the page.
func (h *Handler) Answer(x *exchange.Exchange) {
	begun := len(x.Visits()) > 0
	said, release, err := reply.Read(x.W, x.R, reply.Sender{Room: x.Room, Client: x.At.Client, Begun: begun})
	defer release()
	if err != nil {
		h.unreadable(x, err)
		return
	}
	if id, _ := exchange.Signed(said.Visit); id != "" {
		h, x = h.HandOver(x, id)
	}
	if said.Poll {
		h.poll(x, said)
		return
	}
	back := x.WayBack(said.Back)
	vis, err := h.Opened(x, said.Visit)
	switch {
	case errors.Is(err, errVisitExpired):
		h.show(x, h.anew(x, vis), vis.Back)
	case errors.Is(err, errCopyGone):
		h.show(x, h.recalled(x, vis, said), vis.Back)
	case err != nil:
		if !h.already(x, back) {
			x.Fail(fault.New(fault.VisitLost, err), back)
		}
	default:
		h.show(x, h.step(x, vis, said), vis.Back)
	}
}

// anew begins an expired visit again: with its link, if the visitor came by a
// link.
func (h *Handler) anew(x *exchange.Exchange, vis Visit) Outcome {
	var out Outcome
	if vis.Linked {
		out = h.enter(x, vis.First, vis.Back)
	} else {
		out = h.Open(x, vis.Back)
	}
	if out.notice != noticeLink && out.notice != noticeInvitation {
		out.notice = noticeExpired
	}
	return out
}

// unreadable shows why a reply could not be read. A visitor who has signed in
// in another tab is redirected instead.
func (h *Handler) unreadable(x *exchange.Exchange, err error) {
	e := reply.Unreadable(err)
	if e.Code != fault.VisitLost || !h.already(x, "/") {
		x.Fail(e, "/")
	}
}

// step carries out a reply: an answer or a wish.
func (h *Handler) step(x *exchange.Exchange, vis Visit, said reply.Reply) Outcome {
	switch {
	case said.Again:
		return h.Open(x, vis.Back)
	case said.Flow != "":
		return h.aside(x, vis, said.Flow)
	case said.Source != "":
		return h.source(x, vis, said.Source)
	case said.Offer:
		vis.Detour = nil
		return Outcome{Visit: vis}
	case said.On && vis.Detour != nil:
		return h.returned(x, vis)
	case said.On:
		return h.Look(x, vis, vis.Step.Flow)
	}
	answer, mistake := said.Answer(vis.Step.Challenge)
	if mistake != nil {
		return Outcome{Visit: vis, mistake: mistake}
	}
	if vis.rest(messageOf(answer), h.Now()) > 0 {
		return Outcome{Visit: vis, notice: noticeRest}
	}
	if duo, ok := vis.Step.Challenge.(flowclient.AuthenticatorDuo); ok {
		return h.enrol(x, vis, duo, answer)
	}
	return h.give(x, vis, answer)
}

// give sends an answer to authentik. It sends the same answer only once.
func (h *Handler) give(x *exchange.Exchange, vis Visit, answer flowclient.Answer) Outcome {
	if said, ok := answer.(flowclient.UserLoginAnswer); ok {
		vis.Stay = said.RememberMe
	}
	words, err := json.Marshal(answer)
	if err != nil {
		return Outcome{Err: fault.New(fault.BadRequest, err)}
	}
	if len(words) > reply.MaxAnswer(vis.Step.Challenge) {
		return Outcome{Err: fault.New(fault.TooLarge, nil)}
	}
	sum := sha256.Sum256(words)
	x = x.Uncanceled() // after a second click the browser cancels the first request
	return h.answers.once(x.Context(), vis.ID, string(answer.Component())+hex.EncodeToString(sum[:]), func() Outcome {
		return h.handOver(x, vis, answer)
	})
}

func (h *Handler) handOver(x *exchange.Exchange, vis Visit, answer flowclient.Answer) Outcome {
	attempt, wait := h.Try(x, answer, vis.Step.Cookies, vis.Step.Challenge.Common().PendingUser)
	if wait > 0 {
		component := vis.Step.Challenge.Component()
		h.Metrics.Step(string(component), "slowed")
		x.Log().InfoContext(x.Context(), "refused", "code", fault.TooManyAttempts, "component", component)
		x.Refused(fault.TooManyAttempts, audit.Line{Component: string(component)})
		return Outcome{Visit: vis, wait: wait}
	}
	defer attempt.End()
	vis.Named = vis.Named || h.Knows(vis.Step.Cookies)
	vis = vis.given(answer)
	step, err := h.Client.Answer(x.Context(), x.Visitor(vis.Step.Cookies), vis.Step.Flow, answer)
	h.count(x, vis.Step, step, err)
	if err != nil {
		if out, again := h.renamed(x, vis, answer, err); again {
			return out
		}
		if !errors.Is(err, flowclient.ErrUnreachable) {
			attempt.Fail("") // authentik has checked the answer, but its result is unknown
		}
		return unconfirmed(vis, answer, err)
	}
	pending := step.Challenge.Common().PendingUser
	if vis.Refused(answer, step) {
		attempt.Fail(pending)
		if reply.Proves(answer) {
			x.Witness(audit.Line{Event: audit.WrongAnswer, Component: string(vis.Step.Challenge.Component())})
		}
		return h.accepted(x, vis, answer, step)
	}
	attempt.Accept(pending)
	out := h.accepted(x, vis, answer, step)
	if out.Admitted != nil {
		attempt.Accept(out.Admitted.Username())
	}
	return out
}

// accepted returns the outcome of authentik's reply to an answer.
func (h *Handler) accepted(x *exchange.Exchange, vis Visit, answer flowclient.Answer, step flowclient.Step) Outcome {
	if changed(vis, answer, step) {
		return h.afresh(x, vis, answer, step)
	}
	if wrong, ok := retryable(answer, step); ok {
		return h.retry(x, vis, step.Cookies, wrong)
	}
	out := h.Settle(x, vis.at(step).sent(messageOf(answer), vis, h.Now()))
	out.advanced = out.Err == nil && moved(vis.Step, step)
	if out.Ended() && !elsewhere(step) {
		out = h.reopen(x, vis.Back)
	}
	if step.Lost {
		out.notice = noticeLost
	}
	return out
}

// count counts the result of an answer, and visits that end without a session.
func (h *Handler) count(x *exchange.Exchange, from, to flowclient.Step, err error) {
	component, result := string(from.Challenge.Component()), "accepted"
	switch {
	case err != nil:
		result = "failed"
		h.Metrics.SignIn(h.Source.Name(), "failed")
	case !moved(from, to):
		result = "refused"
	case to.Challenge.Component() == flowclient.ComponentAccessDenied:
		h.Metrics.SignIn(h.Source.Name(), "denied")
	}
	h.Metrics.Step(component, result)
	x.Mention("answered", component)
	x.Mention("outcome", result)
}

// reopen begins again after a flow that the visitor completed without signing
// in, such as one to choose a new password.
func (h *Handler) reopen(x *exchange.Exchange, back string) Outcome {
	out := h.Open(x, back)
	out.notice, out.advanced = noticeDone, true
	return out
}

// aside starts another flow that the challenge offers. It runs in the same
// authentik session and replaces the plan of the current one.
func (h *Handler) aside(x *exchange.Exchange, vis Visit, name string) Outcome {
	link := ""
	switch c := h.Offered(vis.Step).Challenge.(type) {
	case flowclient.Identification:
		link = map[string]string{"recovery": c.RecoveryURL, "enroll": c.EnrollURL, "passwordless": c.PasswordlessURL}[name]
	case flowclient.SessionEnd:
		link = map[string]string{"invalidation": c.InvalidationFlowURL}[name]
	case flowclient.Password:
		link = map[string]string{"recovery": c.RecoveryURL}[name]
	}
	flow, ok := vis.Step.FlowAt(link)
	if !ok || link == "" {
		return Outcome{Err: fault.New(fault.BadRequest, nil)}
	}
	vis.Via = nil
	if name != "invalidation" {
		vis.Aside = name
	}
	if h.HandsOver && flow.Query == "" { // a link in a mail leads to authentik's own page here, which then leads on
		flow.Query = "next=" + url.QueryEscape(vis.Back)
	}
	return h.Look(x, vis, flow)
}

// Look asks authentik for the present challenge of the visit in a flow.
func (h *Handler) Look(x *exchange.Exchange, vis Visit, flow flowclient.Flow) Outcome {
	x = x.Uncanceled()
	vis.Named = true // perhaps: the page may be older than authentik's present challenge
	step, err := h.Client.Ask(x.Context(), x.Visitor(vis.Step.Cookies), flow)
	if err != nil {
		return Outcome{Err: fault.From(err)}
	}
	out := h.Settle(x, vis.at(step))
	if out.Ended() && !elsewhere(step) {
		return h.reopen(x, vis.Back)
	}
	return out
}

// Try asks the throttle whether an answer may go to authentik. The answer is
// given in the authentik session of these cookies. It counts for the account in
// the answer and the account that authentik has named as pending. Try returns
// how long to wait, or an attempt that the caller must end. An answer that
// proves nothing always passes.
func (h *Handler) Try(x *exchange.Exchange, answer flowclient.Answer, cookies flowclient.Cookies, pending string) (*throttle.Attempt, time.Duration) {
	return h.Throttle.Begin(x.Context(), throttle.Answer{
		Client: x.At.Client, Name: reply.TypedName(answer), Pending: pending,
		Session: sessionID(cookies), Proves: reply.Proves(answer),
	})
}

// Remember notes the account that authentik has named in its own session.
// Answers from an old page of that session are guesses at this account, too.
func (h *Handler) Remember(cookies flowclient.Cookies, pending string) {
	h.Throttle.Remember(sessionID(cookies), pending)
}

// Knows reports whether authentik has named an account in its session with
// these cookies, to the knowledge of this process.
func (h *Handler) Knows(cookies flowclient.Cookies) bool {
	return h.Throttle.Knows(sessionID(cookies))
}

// sessionID returns the part of authentik's session cookie that stays the same
// until a sign-in. The cookie is a token that authentik has signed. Visits
// carry it sealed, so its signature need not be checked here.
func sessionID(cookies flowclient.Cookies) string {
	token := cookies["authentik_session"]
	var claims struct {
		SID string `json:"sid"`
	}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(payload, &claims) == nil && claims.SID != "" {
			return claims.SID
		}
	}
	return token
}
