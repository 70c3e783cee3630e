package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// An outcome is what came of one step, before anything of it is shown. It
// belongs to a visit and not to a request: who submits a page twice gets it twice.
type outcome struct {
	visit    visit         // the next question, unless one of the two below
	admitted *admission    // the end: somebody is signed in
	err      *fault.Error  // or something broke
	notice   string        // the name of a sentence of ours for the next page
	mistake  *page.Mistake // what was wrong with the form; authentik was not asked
	advanced bool          // authentik has taken the answer; no other may follow it
	wait     time.Duration // how long no answer is passed on: there were too many
}

// begin answers GET login: it draws the first question of a new visit. Who is
// signed in already goes on.
func (g *Gate) begin(w http.ResponseWriter, r *http.Request, at Resolved) {
	query := at.Asked.Query()
	back := g.wayBack(query.Get("to"))
	again := g.demanded(r, at)
	if g.circles(w, r, at, back) || again == nil && g.already(w, r, at, back) {
		return
	}
	switch {
	case query.Has("signed-in") && again == nil:
		g.fail(w, r, at, fault.New(fault.CookiesBlocked, nil), back)
	case query.Has("link"):
		g.follow(w, r, at, query.Get("link"))
	case g.cfg.Login == LoginRedirect, g.cfg.OIDC.used() && query.Get("at") == "authentik":
		g.depart(w, r, at, departure{Back: back}, again)
	case again != nil:
		g.show(w, r, at, g.openAgain(r, at, back, again), back)
	case g.cfg.Login == LoginRelay && query.Has(onPage):
		g.show(w, r, at, g.moveOut(r, at, back), back)
	case g.cfg.Login == LoginRelay && !wantsJSON(r):
		g.moveIn(w, r, at, g.open(r, at, back), back)
	default:
		g.show(w, r, at, g.open(r, at, back), back)
	}
}

// demanded returns the session of a visitor who is signed in, may use the application, and has to sign in again.
func (g *Gate) demanded(r *http.Request, at Resolved) *Session {
	session, err := g.sessionOf(r, at)
	if session == nil || err != nil || !g.demandAt(at).unmet(session.signIn, g.cfg.Now()) {
		return nil
	}
	switch g.judge(session).(type) {
	case pass, stepUp:
		return session
	default:
		return nil
	}
}

// already sends a visitor on who is signed in, or says why not.
func (g *Gate) already(w http.ResponseWriter, r *http.Request, at Resolved, back string) bool {
	session, err := g.sessionOf(r, at)
	if err != nil {
		g.fail(w, r, at, fault.From(err), back)
		return true
	}
	if session == nil {
		return false
	}
	return g.onward(w, r, at, session, back)
}

// onward sends the user of a session to where they wanted to go, or says why not. It
// does neither where authentik has ended the session.
func (g *Gate) onward(w http.ResponseWriter, r *http.Request, at Resolved, session *Session, back string) bool {
	switch d := g.settled(r, at, g.judge(session)).(type) {
	case pass:
		g.voice(r).lead(w, back, back)
	case refuse:
		g.turnAway(w, r, at, session, d.err, back)
	default:
		return false
	}
	return true
}

// open begins a visit: authentik is asked for the first question, with
// nothing but what lets it know the device again.
func (g *Gate) open(r *http.Request, at Resolved, back string) outcome {
	ctx := context.WithoutCancel(r.Context())
	return g.commence(ctx, r, at, visit{Begun: g.cfg.Now(), Back: back, Request: g.request(at)}, g.visitor(r, at, g.device(r, at)))
}

// denied is what becomes of a flow whose first step is its end: beginning again would end
// the same way.
func denied(out outcome, step flowclient.Step) outcome {
	if out.nobody() && !elsewhere(step) {
		return outcome{err: fault.New(fault.DeniedByFlow, errNobody)}
	}
	return out
}

// device returns what is remembered of the browser.
func (g *Gate) device(r *http.Request, at Resolved) flowclient.Cookies {
	s, ok := g.jar.browserOf(r, at)
	if !ok {
		return nil
	}
	return g.browsers.recall(r.Context(), s, at)
}

// proceed answers POST login: one answer to the question on the page.
func (g *Gate) proceed(w http.ResponseWriter, r *http.Request, at Resolved) {
	said, err := readReply(w, r)
	if err != nil {
		g.fail(w, r, at, unreadable(err), "/")
		return
	}
	if said.poll {
		g.poll(w, r, at, said)
		return
	}
	back := g.wayBack(said.back)
	vis, err := g.returning(r, at, said.visit)
	switch {
	case errors.Is(err, errVisitOver):
		out := g.open(r, at, vis.Back)
		out.notice = noticeExpired
		g.show(w, r, at, out, vis.Back)
	case err != nil:
		if !g.already(w, r, at, back) {
			g.fail(w, r, at, fault.New(fault.VisitLost, err), back)
		}
	default:
		g.show(w, r, at, g.step(r, at, vis, said), vis.Back)
	}
}

// returning opens the visit that a page brings back.
func (g *Gate) returning(r *http.Request, at Resolved, sealed string) (visit, error) {
	s, ok := g.jar.visitOf(r, at)
	if !ok {
		return visit{}, seal.ErrSealed
	}
	return g.openVisit(s, at, sealed)
}

// step does what a reply asks for.
func (g *Gate) step(r *http.Request, at Resolved, vis visit, said reply) outcome {
	switch {
	case said.again:
		return g.open(r, at, vis.Back)
	case said.flow != "":
		return g.aside(r, at, vis, said.flow)
	case said.source != "":
		return g.source(r, at, vis, said.source)
	case said.ways:
		vis.Detour = nil
		return outcome{visit: vis}
	case said.on && vis.Detour != nil:
		return g.returned(r, at, vis)
	case said.on:
		return g.look(r, at, vis, vis.Step.Flow)
	}
	answer, mistake := said.answer(vis.Step.Challenge)
	if mistake != nil {
		return outcome{visit: vis, mistake: mistake}
	}
	if vis.rest(messageOf(answer), g.cfg.Now()) > 0 {
		return outcome{visit: vis, notice: noticeRest}
	}
	if duo, ok := vis.Step.Challenge.(flowclient.AuthenticatorDuo); ok {
		return g.enrol(r, at, vis, duo, answer)
	}
	return g.give(r, at, vis, answer)
}

// give hands an answer to authentik, once.
func (g *Gate) give(r *http.Request, at Resolved, vis visit, answer flowclient.Answer) outcome {
	words, err := json.Marshal(answer)
	if err != nil {
		return outcome{err: fault.New(fault.BadRequest, err)}
	}
	sum := sha256.Sum256(words)
	return g.answers.once(vis.ID, string(answer.Component())+hex.EncodeToString(sum[:]), func() outcome {
		ctx := context.WithoutCancel(r.Context()) // an impatient browser gives up the first of two clicks
		attempt, wait := g.throttle.Begin(ctx, guess(at.Client, vis.Step.Challenge.Common().PendingUser, answer))
		if wait > 0 {
			g.slowed(ctx, at, vis)
			return outcome{visit: vis, wait: wait}
		}
		defer attempt.End()
		step, err := g.cfg.Client.Answer(ctx, g.visitor(r, at, vis.Step.Cookies), vis.Step.Flow, answer)
		g.count(vis.Step, step, err)
		if err != nil {
			if out, again := g.renamed(r, at, vis, answer, err); again {
				return out
			}
			return unconfirmed(vis, answer, err)
		}
		if refused(vis, answer, step) {
			attempt.Fail(step.Challenge.Common().PendingUser)
		}
		return g.taken(ctx, r, at, vis, answer, step)
	})
}

// slowed takes down that an answer was not passed on.
func (g *Gate) slowed(ctx context.Context, at Resolved, vis visit) {
	component := vis.Step.Challenge.Component()
	g.cfg.Metrics.Step(string(component), "slowed")
	g.log(at).InfoContext(ctx, "refused", "code", fault.TooManyAttempts, "component", component)
}

// taken goes on from authentik's reply to an answer.
func (g *Gate) taken(ctx context.Context, r *http.Request, at Resolved, vis visit, answer flowclient.Answer, step flowclient.Step) outcome {
	if changed(vis, answer, step) {
		return g.afresh(ctx, r, at, vis, answer, step)
	}
	if wrong, ok := excused(answer, step); ok {
		return g.retry(r, at, vis, step.Cookies, wrong)
	}
	out := g.settle(ctx, r, at, vis.at(step).sent(messageOf(answer), vis, g.cfg.Now()))
	out.advanced = out.err == nil && moved(vis.Step, step)
	if out.nobody() && !elsewhere(step) {
		out = g.reopen(r, at, vis.Back)
	}
	if step.Lost {
		out.notice = noticeLost
	}
	return out
}

// count tells what became of an answer, and of visits that end without a session.
func (g *Gate) count(from, to flowclient.Step, err error) {
	component, outcome := string(from.Challenge.Component()), "accepted"
	switch {
	case err != nil:
		outcome = "failed"
		g.cfg.Metrics.SignIn(g.way.name(), "failed")
	case !moved(from, to):
		outcome = "refused"
	case to.Challenge.Component() == flowclient.ComponentAccessDenied:
		g.cfg.Metrics.SignIn(g.way.name(), "denied")
	}
	g.cfg.Metrics.Step(component, outcome)
}

// moved reports whether authentik has gone on from one step to the next.
func moved(from, to flowclient.Step) bool {
	return from.Flow != to.Flow || from.Challenge.Component() != to.Challenge.Component() ||
		to.Challenge.Common().Errors == nil
}

// reopen begins again after a flow that has ended well and signed nobody in, as
// one to choose a new password may.
func (g *Gate) reopen(r *http.Request, at Resolved, back string) outcome {
	out := g.open(r, at, back)
	out.notice, out.advanced = noticeDone, true
	return out
}

// aside leads to another flow that the question offers. It runs in the same
// authentik session, whose plan it replaces.
func (g *Gate) aside(r *http.Request, at Resolved, vis visit, name string) outcome {
	link := ""
	switch c := vis.Step.Challenge.(type) {
	case flowclient.Identification:
		link = map[string]string{"recovery": c.RecoveryURL, "enroll": c.EnrollURL, "passwordless": c.PasswordlessURL}[name]
	case flowclient.SessionEnd:
		link = map[string]string{"invalidation": c.InvalidationFlowURL}[name]
	case flowclient.Password:
		link = map[string]string{"recovery": c.RecoveryURL}[name]
	}
	flow, ok := vis.Step.FlowAt(link)
	if !ok || link == "" {
		return outcome{err: fault.New(fault.BadRequest, nil)}
	}
	vis.Aside = true
	return g.look(r, at, vis, flow)
}

// look asks authentik where the visit stands in a flow.
func (g *Gate) look(r *http.Request, at Resolved, vis visit, flow flowclient.Flow) outcome {
	ctx := context.WithoutCancel(r.Context())
	step, err := g.cfg.Client.Ask(ctx, g.visitor(r, at, vis.Step.Cookies), flow)
	if err != nil {
		return outcome{err: fault.From(err)}
	}
	out := g.settle(ctx, r, at, vis.at(step))
	if out.nobody() && !elsewhere(step) {
		return g.reopen(r, at, vis.Back)
	}
	return out
}

// settle looks at what a step has come to. A redirect may be the end of a
// sign-in, but never proves one: authentik is asked who it is.
func (g *Gate) settle(ctx context.Context, r *http.Request, at Resolved, vis visit) outcome {
	if _, ended := vis.Step.Challenge.(flowclient.Redirect); !ended {
		return outcome{visit: vis}
	}
	if g.cfg.Flow != "" && vis.Aside {
		return outcome{visit: vis} // not the flow that this gate demands
	}
	out, err := g.admit(ctx, r, at, vis)
	switch {
	case errors.Is(err, errNobody):
		return outcome{visit: vis}
	case err != nil:
		return outcome{err: fault.From(err)}
	}
	if out.admitted != nil {
		g.throttle.SignedIn(out.admitted.session.User.Username)
	}
	return out
}

// nobody reports whether the flow has ended with nobody signed in.
func (o outcome) nobody() bool {
	if o.err != nil || o.admitted != nil {
		return false
	}
	_, ended := o.visit.Step.Challenge.(flowclient.Redirect)
	return ended
}

// elsewhere reports whether the flow sends the visitor to another place first.
func elsewhere(step flowclient.Step) bool {
	to, ok := step.Challenge.(flowclient.Redirect)
	return ok && (to.Class() == flowclient.RedirectExternal || to.Class() == flowclient.RedirectSource)
}
