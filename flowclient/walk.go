package flowclient

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// maxHops is the maximum number of requests in one call before authentik shows
// a question. Silent stages and chained flows take a handful; a flow that
// restarts itself endlessly must end in an error.
const maxHops = 30

// endpointExecutor is the name of the flow executor in logs and errors.
const endpointExecutor = "flows/executor"

// Ask fetches the question that the visitor has to answer next. If the session
// has no such flow, Ask begins it. Ask has side effects at authentik: it may
// send a mail, and creates new one-time values. So keep the step, and ask again
// only if the visitor wants a new one.
//
// On an error the step has no challenge, but the cookies so far.
func (c *Client) Ask(ctx context.Context, v Visitor, f Flow) (Step, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	w := c.walk(v, f)
	ch, err := w.run(ctx, w.ask())
	return w.step(ch), err
}

// Answer sends the visitor's answer and fetches what comes next: the same
// question with Errors, another question, or an end. Call it once for each
// question shown: authentik treats a second answer as one to the next stage.
//
// The client never sends an answer twice. After ErrUnreachable authentik may or
// may not have accepted it; call Ask for the current question. On an error the
// step has no challenge, but the cookies so far.
func (c *Client) Answer(ctx context.Context, v Visitor, f Flow, a Answer) (Step, error) {
	ctx, cancel := context.WithTimeout(ctx, max(c.timeout, patience(a)))
	defer cancel()
	w := c.walk(v, f)
	ch, err := w.answer(ctx, a)
	return w.step(ch), err
}

// patience returns how long authentik may wait for a person before it replies
// to an answer. It is zero for answers that do not send a push.
func patience(a Answer) time.Duration {
	if d, ok := a.(interface{ pushes() bool }); ok && d.pushes() {
		return pushTimeout
	}
	return 0
}

// walk is one call: all its requests, from the first to the one whose answer is
// a question.
type walk struct {
	c         *Client
	v         Visitor
	first     Flow // the flow to restart with
	flow      Flow
	opening   bool // whether a session can begin with this answer
	lost      bool
	kept      bool // whether authentik still had the session with which the walk began
	restarted bool
	resumed   bool

	login    Login
	led      []string
	until    time.Time // the expiry of the session cookie
	language string    // the language of the last challenge
}

func (c *Client) walk(v Visitor, f Flow) *walk { return &walk{c: c, v: v, first: f, flow: f} }

func (w *walk) step(ch Challenge) Step {
	s := Step{Flow: w.flow, Challenge: ch, Cookies: w.v.Cookies, Lost: w.lost, Root: w.c.root(w.v), Login: w.login, Led: w.led, SessionUntil: w.until}
	if ch != nil {
		s.Language = w.language
	}
	return s
}

func (w *walk) ask() request {
	return request{endpoint: endpointExecutor, path: w.flow.path(), limit: maxChallenge}
}

func (w *walk) post(body []byte) request {
	q := w.ask()
	q.body = body
	return q
}

func (w *walk) answer(ctx context.Context, a Answer) (Challenge, error) {
	b, err := body(a)
	if err != nil {
		return nil, err
	}
	q := w.post(b)
	q.timeout = patience(a)
	// A user name can be sent again in a new session: nothing is lost, and errors
	// are about the form that the visitor has seen.
	w.opening = a.Component() == ComponentIdentification
	ch, err := w.run(ctx, q)
	if err != nil {
		return nil, err
	}
	return w.dropErrors(a, ch)
}

// dropErrors removes errors about a question that the visitor has not seen:
// authentik gives an answer to its current stage, whichever that is.
func (w *walk) dropErrors(a Answer, ch Challenge) (Challenge, error) {
	if ch.Common().Errors == nil || !w.lost && !misdirected(a, ch) {
		return ch, nil
	}
	w.lost = true
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(ch.Common().Raw, &raw); err != nil {
		return nil, err
	}
	delete(raw, "response_errors")
	out, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	return DecodeAt(out, w.c.root(w.v))
}

// misdirected reports whether the answer was meant for another question than
// the one that authentik now shows. Forms are distinguished by their fields,
// since one form may follow another.
func misdirected(a Answer, ch Challenge) bool {
	if a.Component() != ch.Component() {
		return true
	}
	p, isPrompt := ch.(Prompt)
	given := a.answer()
	if !isPrompt || len(given) == 0 {
		return false
	}
	for _, f := range p.Fields {
		if _, ok := given[f.Key]; ok {
			return false
		}
	}
	return true
}

// run sends requests until authentik has a question for the visitor, or an end.
func (w *walk) run(ctx context.Context, q request) (Challenge, error) {
	if !w.flow.Valid() {
		return nil, ErrFlowNotFound
	}
	for range maxHops + 1 {
		r, err := w.send(ctx, q)
		if err != nil {
			return nil, err
		}
		ch, next, err := w.read(ctx, q, r)
		if err != nil || next == nil {
			return ch, err
		}
		q = *next
	}
	return nil, ErrTooManySteps
}

// viaSource sends one request to a source, calls a function for its reply, and
// continues with the executor if there is a next request.
func (w *walk) viaSource(ctx context.Context, q request, read func(request, reply) (Challenge, *request, error)) (Challenge, error) {
	if !w.first.Valid() {
		return nil, ErrFlowNotFound
	}
	r, err := w.send(ctx, q)
	if err != nil {
		return nil, err
	}
	ch, next, err := read(q, r)
	if err != nil || next == nil {
		return ch, err
	}
	return w.run(ctx, *next)
}

func (w *walk) send(ctx context.Context, q request) (reply, error) {
	r, err := w.c.exchange(ctx, w.v, q)
	if r.cookies != nil {
		posted := q.body != nil
		replaced := w.v.Cookies.replaced(r.cookies, posted)
		if replaced && !posted && w.kept && r.status == http.StatusFound {
			replaced = false // authentik renews the session of a user who sets the first password
		}
		w.login = w.login.Then(w.v.Cookies.Login(r.cookies, w.running(q)))
		w.kept = w.kept || !replaced
		w.lost = w.lost || replaced && (!posted || !w.opening)
		w.v.Cookies = r.cookies
		if !r.until.IsZero() {
			w.until = r.until
		}
	}
	return r, err
}

// running returns the flow that a request runs, if any.
func (w *walk) running(q request) string {
	if q.endpoint == endpointExecutor {
		return w.flow.Slug
	}
	return ""
}

// read returns the challenge in a reply, which ends the walk, or the next
// request.
func (w *walk) read(ctx context.Context, q request, r reply) (Challenge, *request, error) {
	switch r.status {
	case http.StatusOK:
		return w.challenge(q, r)
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return w.followLocation(q, r)
	case http.StatusBadRequest:
		// The session or its user was deleted during the request.
		if len(r.body) == 0 || r.fromAuthentik() {
			return w.restart(q, r)
		}
	case http.StatusNotFound:
		// Only authentik itself knows which flows exist. It answers 404 without its
		// header to a Host that it refuses, and a proxy may answer 404 to anything.
		if r.fromAuthentik() {
			return nil, nil, ErrFlowNotFound
		}
	case http.StatusMethodNotAllowed:
		return nil, nil, w.failure(ctx, q, r)
	}
	return nil, nil, unexpected(q, r, nil)
}

// failure explains a 405. authentik answers a POST with it if the flow no
// longer exists, but also if anything else failed inside its view. The flow's
// page distinguishes the two. Fetching the page changes nothing, while asking
// the executor could send a mail.
func (w *walk) failure(ctx context.Context, q request, r reply) error {
	if !r.fromAuthentik() || q.body == nil {
		return unexpected(q, r, nil)
	}
	page, err := w.c.exchange(ctx, w.v, request{
		endpoint: "flow page", path: flowPagePath + w.flow.Slug + "/", limit: maxPage,
	})
	if err == nil && page.status == http.StatusNotFound && page.fromAuthentik() {
		return ErrFlowNotFound
	}
	return unexpected(q, r, errInside)
}

func (w *walk) challenge(q request, r reply) (Challenge, *request, error) {
	ch, err := DecodeAt(r.body, w.c.root(w.v))
	if err != nil {
		return nil, nil, unexpected(q, r, errNotJSON)
	}
	w.language = r.language()
	switch c := ch.(type) {
	case Redirect:
		if next := w.follow(q, c); next != nil {
			return nil, next, nil
		}
	case Unknown:
		if c.Name == "" {
			return w.resume(q, r)
		}
	default: // a question for the visitor, or an end
	}
	return ch, nil, nil
}

// resume answers a challenge that has nothing but flow_info, once. authentik
// answers a GET with such a challenge at the last stage of an application's
// launch, and continues after an empty POST.
func (w *walk) resume(q request, r reply) (Challenge, *request, error) {
	o, err := readObject(r.body)
	if err != nil || len(o) != 1 || !o.has("flow_info") || w.resumed {
		return nil, nil, unexpected(q, r, errNoComponent)
	}
	w.resumed = true
	next := w.post([]byte("{}"))
	return nil, &next, nil
}

// follow returns the request for a redirect in the answer to q, or nil if the
// caller has to follow it.
func (w *walk) follow(q request, rd Redirect) *request {
	switch rd.Class() {
	case RedirectFlow, RedirectExecutor:
		f, ok := rd.Flow()
		if !ok {
			return nil
		}
		if q.endpoint == endpointExecutor && rd.Class() == RedirectFlow && f.Slug != w.flow.Slug && w.login == (Login{}) && !strings.Contains(w.flow.Query, "next=") {
			w.led = append(w.led, w.flow.Slug)
		}
		w.flow = f
		next := w.ask()
		return &next
	case RedirectDefaultFlow:
		return &request{endpoint: "flows/default", path: rd.Path, limit: maxPage}
	default:
		return nil
	}
}

// followLocation follows a Location header. The executor sends two: to itself or
// another flow, and, after it has deleted a session because the visitor's network
// changed, to the login.
func (w *walk) followLocation(q request, r reply) (Challenge, *request, error) {
	rd := Redirect{To: r.header.Get("Location")}
	rd.Path, _ = pathBelow(w.c.root(w.v), rd.To)
	if rd.Class() == RedirectDefaultFlow && q.endpoint == endpointExecutor {
		return w.restart(q, r)
	}
	if next := w.follow(q, rd); next != nil {
		return nil, next, nil
	}
	return nil, nil, unexpected(q, r, errNoTarget)
}

// restart begins the first flow again in a new session, once.
func (w *walk) restart(q request, r reply) (Challenge, *request, error) {
	if w.restarted {
		return nil, nil, unexpected(q, r, nil)
	}
	w.lost, w.restarted = true, true
	w.v.Cookies = w.v.Cookies.without(sessionCookie)
	w.flow = w.first
	next := w.ask()
	return nil, &next, nil
}
