package programs

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

const (
	// maxQuestions is how many challenges of a flow are answered. Asking for
	// name and password takes two.
	maxQuestions = 3
	// endWait is the timeout for ending the session that a try has created at
	// authentik.
	endWait = 15 * time.Second
)

// The reasons for a refusal that are the same for all visitors.
const (
	reasonWrong  = "authentik does not accept the username and password"
	reasonPerson = "needs-person: authentik asks for something that only a person can answer"
	reasonFlow   = "another flow than the gate's has signed the user in"
	reasonDenied = "authentik does not let this user use the application"
)

// Executor runs flows; *flowclient.Client is one.
type Executor interface {
	authn.Authentik
	Answer(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Answer) (flowclient.Step, error)
}

// ByFlow is the Way for usernames and passwords that runs the gate's flow. The
// flow may ask only for these two.
type ByFlow struct {
	Authentik   Executor
	Application string // may be empty
	Flow        string // the flow that the gate demands; may be empty
	// First returns the flow to begin with.
	First  func(context.Context, flowclient.Visitor) (flowclient.Flow, error)
	Logger *slog.Logger
	// Go runs work that no request waits for.
	Go func(work func(context.Context)) bool
}

// Try runs the flow, and then asks authentik who has signed in and whether the
// user may use the application. It then ends the session that the flow has
// created at authentik: the next try runs the flow again.
func (f ByFlow) Try(ctx context.Context, v flowclient.Visitor, c Credential) (session.Proof, error) {
	username, password, _ := c.Password()
	first, err := f.First(ctx, v)
	if err != nil {
		return session.Proof{}, err
	}
	run := run{ByFlow: f, visitor: v, username: username, password: password}
	if err := run.complete(ctx, first); err != nil {
		return session.Proof{}, err
	}
	defer f.end(run.visitor)
	own := authn.Own{Authentik: f.Authentik, Application: f.Application}
	result, err := own.Prove(ctx, run.visitor, flowclient.Step{}, nil)
	if err != nil {
		return session.Proof{}, err
	}
	proved, ok := result.(authn.Proved)
	if !ok || !proved.Passing {
		return session.Proof{}, &authn.Refusal{Reason: reasonDenied}
	}
	proved.Cookies = nil
	return proved.Proof, nil
}

// end ends the session that a try has created at authentik.
func (f ByFlow) end(v flowclient.Visitor) {
	f.Go(func(backgroundCtx context.Context) {
		ctx, cancel := context.WithTimeout(backgroundCtx, endWait)
		defer cancel()
		if err := authn.Invalidate(ctx, f.Authentik, v); err != nil {
			f.Logger.WarnContext(ctx, "program: session at authentik cannot be ended and stays until it expires", "error", err)
		}
	})
}

// A run is one run of a flow.
type run struct {
	ByFlow
	visitor            flowclient.Visitor
	username, password string
	login              flowclient.Login
	led                []string
}

// complete answers the challenges of a flow until the flow ends with a sign-in.
func (r *run) complete(ctx context.Context, flow flowclient.Flow) error {
	step, err := r.Authentik.Ask(ctx, r.visitor, flow)
	for asked := 0; err == nil; asked++ {
		r.note(step)
		if over(step.Challenge) {
			return r.signedIn()
		}
		answer, refusal := r.answer(step.Challenge)
		switch {
		case refusal != nil:
			return refusal
		case asked == maxQuestions:
			return &authn.Refusal{Reason: reasonPerson}
		}
		step, err = r.Authentik.Answer(ctx, r.visitor, step.Flow, answer)
	}
	return err
}

// note records which flows a step has led through.
func (r *run) note(step flowclient.Step) {
	r.visitor.Cookies = step.Cookies
	if r.login == (flowclient.Login{}) {
		r.led = append(r.led, step.Led...)
	}
	r.login = r.login.Then(step.Login)
}

// over reports whether a flow has ended in any other way than with a denial.
func over(c flowclient.Challenge) bool {
	_, ended := c.(flowclient.Redirect)
	return ended
}

// answer returns the answer to a challenge, or an error that says why the gate
// cannot answer it.
func (r *run) answer(question flowclient.Challenge) (flowclient.Answer, error) {
	if question.Common().Errors != nil {
		return nil, &authn.Refusal{Reason: reasonWrong}
	}
	switch q := question.(type) {
	case flowclient.Identification:
		switch {
		case len(q.UserFields) == 0 || q.CaptchaStage != nil:
			return nil, &authn.Refusal{Reason: reasonPerson}
		case q.PasswordFields:
			return flowclient.IdentificationAnswer{UID: r.username, Password: r.password}, nil
		}
		return flowclient.IdentificationAnswer{UID: r.username}, nil
	case flowclient.Password:
		return flowclient.PasswordAnswer{Password: r.password}, nil
	case flowclient.AccessDenied:
		return nil, &authn.Refusal{Reason: reasonWrong}
	default:
		return nil, &authn.Refusal{Reason: reasonPerson + ": " + string(question.Component())}
	}
}

// signedIn reports whether the flow that the gate demands, or a flow to which
// it leads, has signed the user in.
func (r *run) signedIn() error {
	by := r.login.Flow
	if r.Flow == "" || r.login.By(r.Flow) || r.login.By(by) && slices.Contains(r.led, r.Flow) {
		return nil
	}
	return &authn.Refusal{Reason: reasonFlow}
}
