package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// A client sends requests to the gate in this process, in JSON, and keeps its
// cookies.
type client struct {
	gate    http.Handler
	site    *url.URL
	prefix  string
	cookies map[string]string
}

// A question is an answer of the gate: a challenge, a failure or the end.
type question struct {
	Status    int    `json:"-"`
	Done      bool   `json:"done"`
	To        string `json:"to"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Visit     string `json:"visit"`
	Challenge struct {
		Component      string   `json:"component"`
		PasswordFields bool     `json:"password_fields"`
		Token          string   `json:"token"`
		UserFields     []string `json:"user_fields"`
		Message        string   `json:"error_message"`
	} `json:"challenge"`
	Errors map[string][]struct {
		String string `json:"string"`
	} `json:"errors"`
	User string `json:"user"`
}

func (x *subject) newClient() (*client, bool) {
	site, err := url.Parse(x.gate.Origin)
	if x.gate.isLoginHost() || x.opened.Gate == nil || x.gate.Origin == "" || err != nil {
		return nil, false
	}
	return &client{gate: x.opened.Gate, site: site, prefix: x.gate.prefix(), cookies: map[string]string{}}, true
}

// send sends a request to one of the gate's addresses.
func (c *client) send(ctx context.Context, method, path string, body any) (q question) {
	text := []byte(nil)
	if body != nil {
		text, _ = json.Marshal(body) // it is made of texts
	}
	req, err := http.NewRequestWithContext(ctx, method, c.site.String()+c.prefix+path, bytes.NewReader(text))
	if err != nil {
		return question{Code: err.Error()}
	}
	req.RequestURI = req.URL.RequestURI()
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, name := range slices.Sorted(maps.Keys(c.cookies)) {
		req.AddCookie(&http.Cookie{Name: name, Value: c.cookies[name]}) //nolint:gosec // a request has no attributes
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	c.gate.ServeHTTP(w, req)
	for _, cookie := range (&http.Response{Header: w.header}).Cookies() {
		c.cookies[cookie.Name] = cookie.Value
		if cookie.MaxAge < 0 {
			delete(c.cookies, cookie.Name)
		}
	}
	q.Status = w.status
	_ = json.Unmarshal(w.body.Bytes(), &q) // an answer of another kind has no members
	return q
}

// A recorder keeps a response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// probe begins a sign-in at the gate, as a visitor does, and checks whether the
// gate shows a first challenge.
func (x *subject) probe(ctx context.Context) []Finding {
	if x.gate.LoginAt != "" {
		return x.loginAt()
	}
	c, can := x.newClient()
	if !can {
		return nil
	}
	q := c.send(ctx, http.MethodGet, "/login?to=/", nil)
	if q.Code == "" && q.Challenge.Component != "" {
		return []Finding{fine("gate", "a sign-in begins with "+q.Challenge.Component)}
	}
	return []Finding{x.gateFails(q)}
}

// loginAt checks the site's login host, if it is in the same configuration: it
// must be a login host, with the same store and key.
func (x *subject) loginAt() []Finding {
	for _, g := range x.Setup.all {
		if g.Origin != x.gate.LoginAt {
			continue
		}
		if !g.isLoginHost() || !bytes.Equal(g.Sessions, x.gate.Sessions) || g.Key != x.gate.Key {
			return []Finding{found("gate-fails", x.gate.LoginAt+" is no login host with the same sessions and key", "write login_host there, and the same sessions and key at both")}
		}
		return []Finding{fine("gate", "visitors sign in at the login host "+x.gate.LoginAt+", where only a browser can")}
	}
	return []Finding{skipped("gate", "visitors sign in at "+x.gate.LoginAt+", which is not in this configuration")}
}

// gateFails returns the finding for a refusal of the gate. It has the gate's
// code, if the doctor knows it.
func (x *subject) gateFails(q question) Finding {
	cause := x.opened.Cause()
	code, write := q.Code, fault.Code(q.Code).Remedy()
	switch {
	case q.Code == "redirect-uri-rejected":
		cause = "the provider does not have " + x.gate.Origin + x.gate.prefix() + "/callback"
		write = "add that address to the provider in authentik, as a strict redirect URI of the type authorization"
	case q.Code == "client-rejected" && strings.Contains(cause, "malformed"):
		code, write = "grant-types", "allow authorization code and refresh token at the provider in authentik (Protocol settings > Grant types)"
	case q.Code == "denied-by-flow":
		code, write = "flow-refuses", "check the requirement and the policies of the flow: it must be one for sign-ins"
	case q.Code == "":
		code, cause = "gate-fails", fmt.Sprintf("the gate answers %d", q.Status)
	}
	if _, known := levels[code]; !known {
		code = "gate-fails"
	}
	seen := "a sign-in ends with " + q.Code
	if cause != "" {
		seen += ": " + cause
	}
	return found(code, seen, write)
}

// maxSteps is the maximum number of steps of a sign-in.
const maxSteps = 20

// signIn signs in as the test user, and reports at which step that fails.
func (x *subject) signIn(ctx context.Context) []Finding {
	c, can := x.newClient()
	if x.User == "" || !can {
		return nil
	}
	q := c.send(ctx, http.MethodGet, "/login?to=/", nil)
	for range maxSteps {
		switch {
		case q.Done:
			who := c.send(ctx, http.MethodGet, "/session", nil)
			c.send(ctx, http.MethodPost, "/logout", map[string]any{})
			return append([]Finding{fine("sign-in", "signed in as "+who.User)}, x.visitorAddress(ctx, "login")...)
		case q.Code == "not-allowed":
			c.send(ctx, http.MethodPost, "/logout", map[string]any{})
			return []Finding{found("not-allowed", x.User+" can sign in, and may not use the application: "+x.opened.Cause(),
				"bind the user or a group of theirs to the application in authentik, and check require")}
		case q.Code != "":
			return []Finding{x.gateFails(q)}
		case len(q.Errors) > 0:
			return append([]Finding{found("sign-in-refused", fmt.Sprintf("authentik refuses the answer to %s: %s", q.Challenge.Component, x.said(q)),
				"check the name and the password of the test user")}, x.visitorAddress(ctx, "login_failed")...)
		}
		answer, known := x.reply(q)
		if !known {
			return []Finding{found("sign-in-stops", "the sign-in goes as far as "+q.Challenge.Component+", which only a person can answer", "take a test user without a second factor to see the rest")}
		}
		q = c.send(ctx, http.MethodPost, "/login", map[string]any{"visit": q.Visit, "answer": answer})
	}
	return []Finding{found("sign-in-stops", fmt.Sprintf("the sign-in has not ended after %d steps; the last was %s", maxSteps, q.Challenge.Component), "look at the flow in authentik")}
}

// said returns the errors about an answer.
func (x *subject) said(q question) string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(q.Errors)) {
		for _, e := range q.Errors[field] {
			all = append(all, e.String)
		}
	}
	return join(all)
}

// reply returns the answer to a challenge that needs no person.
func (x *subject) reply(q question) (answer map[string]any, known bool) {
	switch q.Challenge.Component {
	case "ak-stage-identification":
		answer = map[string]any{"uid_field": x.User}
		if q.Challenge.PasswordFields {
			answer["password"] = x.Password
		}
		return answer, true
	case "ak-stage-password":
		return map[string]any{"password": x.Password}, true
	case "ak-stage-user-login":
		return map[string]any{"remember_me": false}, true
	case "ak-stage-consent":
		return map[string]any{"token": q.Challenge.Token}, true
	}
	return nil, false
}
