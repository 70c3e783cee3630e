package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Refuse answers a refused request for the application. A page load, a form, or
// a script that asks for a page, gets a page; everything else gets a problem
// document.
func (x *Exchange) Refuse(e *fault.Error) {
	x.W.Header().Add("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	if !intent.Navigates(x.R) {
		x.ExpireUnreadable()
	}
	back := x.WayBack(x.At.Asked.RequestURI())
	switch {
	case intent.Framed(x.R), intent.SubmitsFramed(x.R):
		x.failFramed(e, back)
		return
	case !intent.Navigates(x.R) && !intent.Submits(x.R) && !intent.AsksForPage(x.R):
		x.Problem(e)
		return
	}
	if s, found, err := x.Session(); err == nil && found {
		x.TurnAway(s, e, back)
		return
	}
	x.Fail(e, back)
}

// RetryAfter sets the header Retry-After. It rounds up, since a client that
// retries too early is refused again.
func RetryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}

// report logs a failure once, with its cause and what an operator can do about
// it.
func (x *Exchange) report(e *fault.Error) { x.reportOf(e, x.known()) }

// reportOf is report for a session. The session may be nil.
func (x *Exchange) reportOf(e *fault.Error, s *session.Session) {
	level := slog.LevelInfo
	switch {
	case e.Code == fault.SignInRequired:
		return
	case errors.Is(e, context.Canceled) && x.Context().Err() != nil:
		level = slog.LevelDebug // the client has disconnected: not a failure
	case e.Status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	attrs, line := x.about(e), audit.Line{}
	if s != nil {
		line.User, line.Session = s.User.Username, s.ID()
		attrs = append(attrs, slog.String("user", line.User), slog.String("session", line.Session))
	}
	x.Log().LogAttrs(x.Context(), level, "refused", attrs...)
	if level != slog.LevelDebug {
		x.Refused(e.Code, line)
	}
}

// Refused counts a refusal and writes a line of the audit log about it.
func (x *Exchange) Refused(code fault.Code, line audit.Line) {
	x.Metrics.Refused(string(code))
	x.Mention("code", string(code))
	line.Event, line.Reason = audit.Refusal, string(code)
	x.Witness(line)
}

// known returns the request's session if it was looked up and found.
func (x *Exchange) known() *session.Session {
	if !x.found {
		return nil
	}
	return x.held
}

// about returns the attributes of a log line about a failure.
func (x *Exchange) about(e *fault.Error) []slog.Attr {
	attrs := []slog.Attr{slog.String("code", string(e.Code))}
	if cause := errors.Unwrap(e); cause != nil {
		attrs = append(attrs, slog.Any("error", cause))
	}
	if e.Suspect != "" {
		attrs = append(attrs, slog.String("suspect", e.Suspect))
	}
	attrs = append(attrs, x.Demands...)
	if e.Code == fault.RedirectURIRejected {
		attrs = append(attrs, slog.String("redirect_uri", x.RedirectURI()))
	}
	if remedy := e.Remedy(); remedy != "" {
		attrs = append(attrs, slog.String("remedy", remedy))
	}
	return attrs
}

// Report logs a failure whose response has no body.
func (x *Exchange) Report(e *fault.Error) { x.report(e) }

// Problem answers with a problem document (RFC 9457).
func (x *Exchange) Problem(e *fault.Error) { x.problem(e, x.known()) }

func (x *Exchange) problem(e *fault.Error, s *session.Session) {
	x.reportOf(e, s)
	h := x.W.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	RetryAfter(h, e.RetryAfter)
	document := problem{Type: "about:blank", Title: e.Title, Status: e.Status, Code: e.Code}
	if e.Code == fault.SignInRequired {
		x.Invite()
		document.LoginURL = x.LoginAt(x.Asking)
	}
	x.W.WriteHeader(e.Status)
	_ = json.NewEncoder(x.W).Encode(document) // a client that has disconnected needs no response
}

// Invite sets WWW-Authenticate, which every 401 must have (RFC 9110, 15.5.2).
// It says where to sign in.
func (x *Exchange) Invite() {
	x.Mark()
	x.W.Header().Del("WWW-Authenticate")
	x.offer() // before the other lines: some programs read only the first
	x.W.Header().Add("WWW-Authenticate", `authentik login_url="`+x.LoginAt(x.Asking)+`"`)
}

// Mark marks a response that the gate, and not the application, sends to a
// client that has to sign in. By the mark, another gate recognizes that its
// authentik is behind this gate.
func (x *Exchange) Mark() { x.W.Header().Set(flowclient.GateHeader, "sign-in") }

// problem is a failure for programs to read.
type problem struct {
	Type     string     `json:"type"`
	Title    string     `json:"title"`
	Status   int        `json:"status"`
	Code     fault.Code `json:"code"`
	LoginURL string     `json:"login_url,omitempty"`
}
