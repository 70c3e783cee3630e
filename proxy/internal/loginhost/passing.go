package loginhost

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

const (
	// followWait is the timeout for authentik and the store in one change of a
	// session.
	followWait = 12 * time.Second
	// successorWait is how long the gate waits for another answer to replace a
	// session of authentik that has ended: two answers to one browser may
	// arrive in any order.
	successorWait = 250 * time.Millisecond
)

// A Passing is a request on its way to authentik that may change authentik's
// session: a request for a flow's executor, or one from a browser on whose
// session at authentik sessions of other sites rest. When authentik's session
// is replaced by one of the same user, those sessions move to it. When it ends,
// they end. A sign-in by a flow is noted.
//
// Of authentik's answers, the gate reads only whether they change the session
// cookie. It then asks authentik with the new cookies whether that was a
// sign-in, a sign-out or neither. No path or body of a request ends a session.
type Passing struct {
	h       *Handler
	records host.Records
	secret  seal.Secret
	rests   bool   // sessions of other sites rest on the copy with this secret
	flow    string // the flow that the request runs; may be empty
	sent    flowclient.Cookies
	visitor flowclient.Visitor
	uid     string     // the user who has shown a second factor, in the session that was sent
	shown   host.Shown // that second factor
}

// Passing returns a request that is about to pass. It returns nil if
// authentik's answer does not matter, since it signs no user in and no session
// rests on the browser's session at authentik.
func (h *Handler) Passing(x *exchange.Exchange) *Passing {
	secret, rests := x.Copied()
	flow := h.runs(x)
	if !rests && flow == "" {
		return nil
	}
	sent, _ := x.Authentiks()
	p := &Passing{h: h, records: h.records(x.Origin()), secret: secret, rests: rests, flow: flow, sent: sent, visitor: x.Visitor(nil)}
	if flow != "" {
		x.StripDisguised()
		p.uid, p.shown = h.factor(x, p)
	}
	return p
}

// Answered gets the header of authentik's answer, after the answer has passed.
// The writer of the answer is not wrapped, so streams and WebSockets behave as
// without the gate.
func (p *Passing) Answered(header http.Header) {
	if p == nil || len(header["Set-Cookie"]) == 0 {
		return
	}
	now := p.sent.After(header, p.h.Now())
	if now[flowclient.SessionCookie] == p.sent[flowclient.SessionCookie] {
		return
	}
	maps.DeleteFunc(now, func(name, _ string) bool { return !strings.HasPrefix(name, "authentik_") })
	p.h.Go(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, followWait)
		defer cancel()
		if err := p.see(ctx, now); err != nil {
			p.h.Logger.WarnContext(ctx, "login host: a sign-in cannot be noted; sites that demand a recent one ask again", "error", fault.Cause(err))
		}
		if !p.rests {
			return
		}
		if err := p.follow(ctx, now); err != nil {
			p.h.Logger.WarnContext(ctx, "login host: a change of authentik's session could not be followed; the next recheck does it", "error", fault.Cause(err))
		}
	})
}

// follow moves the gates' sessions that rest on authentik's session to the
// browser's current session at authentik. If that belongs to another user, or
// the browser has no session there, it ends them.
func (p *Passing) follow(ctx context.Context, now flowclient.Cookies) error {
	kept, found, err := p.records.Copy(ctx, p.secret)
	if err != nil || !found {
		return err
	}
	uid, cookies, err := p.user(ctx, now)
	if err != nil {
		return err
	}
	if uid == kept.UID {
		kept.Cookies = cookies
		return p.records.Move(ctx, p.secret, kept)
	}
	for {
		if uid, _, err = p.user(ctx, kept.Cookies); err != nil || uid == kept.UID {
			return err
		}
		dead := kept.Cookies
		if !background.Sleep(ctx, successorWait) {
			return ctx.Err()
		}
		if kept, found, err = p.records.Copy(ctx, p.secret); err != nil || !found {
			return err
		}
		if maps.Equal(kept.Cookies, dead) {
			p.h.Logger.InfoContext(ctx, "login host: authentik's session has ended, and all sessions that rest on it")
			return p.records.End(ctx, p.secret, kept.Until)
		}
	}
}

// replaced follows a sign-in on the page of the login host, which gives the browser a
// session of authentik instead of the one that it has had. As in authentik's own
// interface, that one ends. What rests on it moves to the new one if the user is the
// same, and ends otherwise.
func (h *Handler) replaced(x *exchange.Exchange, who session.Proof) {
	x = x.Uncanceled()
	if err := h.moveOrEnd(x, who); err != nil {
		x.Log().WarnContext(x.Context(), "login host: a change of authentik's session could not be followed; the next recheck does it", "error", fault.Cause(err))
	}
	for _, cookies := range x.EachAuthentik() {
		if sid, _ := cookies.Session(); sid == who.SID || !cookies.Authenticated() {
			continue
		}
		v := x.Visitor(cookies)
		h.Go(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, followWait)
			defer cancel()
			if err := authn.Invalidate(ctx, h.Authentik, v); err != nil {
				h.Logger.WarnContext(ctx, "login host: the session that a sign-in has replaced may go on at authentik", "error", fault.Cause(err))
			}
		})
	}
}

func (h *Handler) moveOrEnd(x *exchange.Exchange, who session.Proof) error {
	secret, rests := x.Copied()
	if !rests {
		return nil
	}
	records := h.records(x.Origin())
	kept, found, err := records.Copy(x.Context(), secret)
	switch {
	case err != nil || !found:
		return err
	case kept.UID == who.User.UID:
		kept.Cookies = who.Cookies
		return records.Move(x.Context(), secret, kept)
	default:
		return h.endResting(x)
	}
}

// user returns the user who is signed in at authentik with these cookies.
// Without a user, the UID is empty.
func (p *Passing) user(ctx context.Context, cookies flowclient.Cookies) (uid string, now flowclient.Cookies, err error) {
	if cookies[flowclient.SessionCookie] == "" {
		return "", nil, nil
	}
	v := p.visitor
	v.Cookies = cookies
	who, err := authn.Me(ctx, p.h.Authentik, v, true)
	if errors.Is(err, authn.ErrNotSignedIn) {
		return "", nil, nil
	}
	return who.User.UID, who.Cookies, err
}
