package flowclient

import (
	"context"
	"encoding/json"
	"net/http"
)

// maxHops is how often authentik may send the client on before a question must
// come. Silent stages and chained flows take a handful; a flow that is set up to
// start over for ever takes more than any number.
const maxHops = 30

// Ask fetches the question the visitor stands at, and begins the flow where there
// is none. That is not free of effects: it may send a mail, and makes new one-time
// values. So keep the step, and ask again only if the visitor wants a new one.
//
// On an error the step has no challenge, but the cookies so far.
func (c *Client) Ask(ctx context.Context, v Visitor, f Flow) (Step, error) {
	w := c.walk(v, f)
	ch, err := w.run(ctx, w.ask())
	return w.step(ch), err
}

// Answer gives the visitor's answer and fetches what comes next: the same question
// with Errors, another one, or an end. It must be called once for each question
// shown, as authentik hands a second answer to the stage that follows.
//
// An answer is never sent twice. After ErrUnreachable it may have been taken or
// not; Ask tells. On an error the step has no challenge, but the cookies so far.
func (c *Client) Answer(ctx context.Context, v Visitor, f Flow, a Answer) (Step, error) {
	w := c.walk(v, f)
	ch, err := w.answer(ctx, a)
	return w.step(ch), err
}

// walk is one call: from its first request to the question it ends with.
type walk struct {
	c       *Client
	v       Visitor
	first   Flow // where to begin anew
	flow    Flow
	opening bool // the answer is one that a session may begin with
	lost    bool
	kept    bool // authentik still had the session that the walk began with
	renewed bool // begun anew already
	nudged  bool // told to go on already

	language string // of the last challenge
}

func (c *Client) walk(v Visitor, f Flow) *walk { return &walk{c: c, v: v, first: f, flow: f} }

func (w *walk) step(ch Challenge) Step {
	s := Step{Flow: w.flow, Challenge: ch, Cookies: w.v.Cookies, Lost: w.lost, Root: w.c.root(w.v)}
	if ch != nil {
		s.Language = w.language
	}
	return s
}

func (w *walk) ask() request { return request{endpoint: "flows/executor", path: w.flow.path()} }

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
	if d, ok := a.(interface{ pushes() bool }); ok && d.pushes() {
		q.timeout = pushTimeout
	}
	// Who a visitor is can be said in a new session as well as in a forgotten one:
	// nothing was lost, and what is wrong with it is wrong with the form that was
	// seen.
	w.opening = a.Component() == ComponentIdentification
	ch, err := w.run(ctx, q)
	if err != nil {
		return nil, err
	}
	return w.settle(a, ch)
}

// settle drops errors that belong to a question the visitor has not seen: authentik
// hands an answer to whatever stage it stands at.
func (w *walk) settle(a Answer, ch Challenge) (Challenge, error) {
	if ch.Common().Errors == nil || !w.lost && !strayed(a, ch) {
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
	return decodeAt(out, w.c.root(w.v))
}

// strayed reports whether the answer was meant for another question. Forms are
// told apart by their fields, since one may follow another.
func strayed(a Answer, ch Challenge) bool {
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

// detour sends one request beside the executor, has its reply read, and comes back
// to the executor where that says so.
func (w *walk) detour(ctx context.Context, q request, read func(request, reply) (Challenge, *request, error)) (Challenge, error) {
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
		forgot := w.v.Cookies.forgot(r.cookies, posted)
		if forgot && !posted && w.kept && r.status == http.StatusFound {
			forgot = false // whoever sets a first password gets a new session on the way
		}
		w.kept = w.kept || !forgot
		w.lost = w.lost || forgot && (!posted || !w.opening)
		w.v.Cookies = r.cookies
	}
	return r, err
}

// read makes of a reply the challenge it ends with, or the next request.
func (w *walk) read(ctx context.Context, q request, r reply) (Challenge, *request, error) {
	switch r.status {
	case http.StatusOK:
		return w.challenge(q, r)
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return w.located(q, r)
	case http.StatusBadRequest:
		// The session was deleted under way, or its user was.
		if len(r.body) == 0 || r.own() {
			return w.anew(q, r)
		}
	case http.StatusNotFound:
		// Only authentik itself knows which flows there are. It answers 404 without
		// its mark to a Host it dislikes, and a proxy may answer it to anything.
		if r.own() {
			return nil, nil, ErrFlowNotFound
		}
	case http.StatusMethodNotAllowed:
		return nil, nil, w.broken(ctx, q, r)
	}
	return nil, nil, unexpected(q, r, nil)
}

// broken explains a 405. authentik answers a POST with it if the flow no longer
// exists, but also if anything else failed inside its view. The flow's page tells
// the two apart: asking for it changes nothing, while asking the executor could
// send a mail.
func (w *walk) broken(ctx context.Context, q request, r reply) error {
	if !r.own() || q.body == nil {
		return unexpected(q, r, nil)
	}
	page, err := w.c.exchange(ctx, w.v, request{endpoint: "flow page", path: flowPagePath + w.flow.Slug + "/"})
	if err == nil && page.status == http.StatusNotFound && page.own() {
		return ErrFlowNotFound
	}
	return unexpected(q, r, errInside)
}

func unexpected(q request, r reply, err error) error {
	return &UnexpectedError{Status: r.status, Endpoint: q.endpoint, Err: err}
}

func (w *walk) challenge(q request, r reply) (Challenge, *request, error) {
	ch, err := decodeAt(r.body, w.c.root(w.v))
	if err != nil {
		return nil, nil, unexpected(q, r, errNotJSON)
	}
	w.language = r.language()
	switch c := ch.(type) {
	case Redirect:
		if next := w.follow(c); next != nil {
			return nil, next, nil
		}
	case Unknown:
		if c.Name == "" {
			return w.nudge(q, r)
		}
	default: // A question, or an end, for the visitor.
	}
	return ch, nil, nil
}

// nudge answers a challenge of nothing but its looks, which is how authentik shows
// the last stage of an application's launch to a GET. It goes on when told so.
func (w *walk) nudge(q request, r reply) (Challenge, *request, error) {
	o, err := readObject(r.body)
	if err != nil || len(o) != 1 || !o.has("flow_info") || w.nudged {
		return nil, nil, unexpected(q, r, errNoComponent)
	}
	w.nudged = true
	next := w.post([]byte("{}"))
	return nil, &next, nil
}

// follow returns the request that a redirect of a flow asks the client for, or nil
// where it is for the caller.
func (w *walk) follow(rd Redirect) *request {
	switch rd.Class() {
	case RedirectFlow, RedirectExecutor:
		f, ok := rd.Flow()
		if !ok {
			return nil
		}
		w.flow = f
		next := w.ask()
		return &next
	case RedirectDefaultFlow:
		return &request{endpoint: "flows/default", path: rd.Path}
	default:
		return nil
	}
}

// located follows a Location. The executor knows two: itself, and, where it has
// just thrown the session away because the visitor's network changed, the login.
func (w *walk) located(q request, r reply) (Challenge, *request, error) {
	rd := Redirect{To: r.header.Get("Location")}
	rd.Path, _ = below(w.c.root(w.v), rd.To)
	if rd.Class() == RedirectDefaultFlow && q.endpoint == "flows/executor" {
		return w.anew(q, r)
	}
	if next := w.follow(rd); next != nil {
		return nil, next, nil
	}
	return nil, nil, unexpected(q, r, errWayward)
}

// anew begins the flow again in a session of its own, once.
func (w *walk) anew(q request, r reply) (Challenge, *request, error) {
	if w.renewed {
		return nil, nil, unexpected(q, r, nil)
	}
	w.lost, w.renewed = true, true
	w.v.Cookies = w.v.Cookies.without(sessionCookie)
	w.flow = w.first
	next := w.ask()
	return nil, &next, nil
}
