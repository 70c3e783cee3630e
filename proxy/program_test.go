package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// A program is a client that speaks JSON and keeps cookies, and sends none of the
// headers that browsers send.
type program struct{ *person }

// A jsonAnswer is an answer in JSON, of any kind.
type jsonAnswer struct {
	t      testing.TB
	status int
	header http.Header
	body   string

	Visit, To string
	Challenge json.RawMessage
	Errors    map[string][]saying
	Notice    *saying
	Elsewhere string
	Source    *chosen
	Done      bool
	Code      string
	LoginURL  string `json:"login_url"`
	Next      string
}

func (s *site) program(t testing.TB) program {
	t.Helper()
	p := program{s.person(t)}
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

// ask asks an address for JSON.
func (p program) ask(path string) jsonAnswer {
	p.t.Helper()
	return p.request(http.MethodGet, path, "")
}

// say sends a reply to an answer: a member, in JSON, and its value.
func (p program) say(on jsonAnswer, member, value string) jsonAnswer {
	p.t.Helper()
	visit, err := json.Marshal(on.Visit)
	if err != nil {
		p.t.Fatal(err)
	}
	to, err := json.Marshal(on.To)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.request(http.MethodPost, "/.authentik/login",
		`{"visit":`+string(visit)+`,"to":`+string(to)+`,"`+member+`":`+value+`}`)
}

func (p program) answer(on jsonAnswer, value string) jsonAnswer {
	p.t.Helper()
	return p.say(on, "answer", value)
}

func (p program) request(method, path, body string) jsonAnswer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.site.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return p.answerTo(r)
}

// answerTo returns the answer to a request, which must be JSON that is not stored.
func (p program) answerTo(r *http.Request) jsonAnswer {
	p.t.Helper()
	got := p.do(r)
	h := jsonAnswer{t: p.t, status: got.status, header: got.header, body: got.body}
	kind := got.header.Get("Content-Type")
	if kind != "application/json" && kind != "application/problem+json" {
		p.t.Fatalf("got status %d, %s:\n%s", got.status, kind, got.body)
	}
	if err := json.Unmarshal([]byte(got.body), &h); err != nil {
		p.t.Fatalf("got error %v, want JSON: %s", err, got.body)
	}
	if corp := got.header.Get("Cross-Origin-Resource-Policy"); kind == "application/json" && corp != "same-origin" {
		p.t.Errorf("got Cross-Origin-Resource-Policy %q, want same-origin", corp)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := got.header.Get(name); got != want {
			p.t.Errorf("%s: got %q", name, got)
		}
	}
	return h
}

// component is that of the challenge.
func (h jsonAnswer) component() string {
	var c struct{ Component string }
	_ = json.Unmarshal(h.Challenge, &c)
	return c.Component
}

// asks holds that a challenge is asked with which nothing is wrong yet.
func (h jsonAnswer) asks(component string) jsonAnswer {
	h.t.Helper()
	if h.status != http.StatusOK || h.component() != component || len(h.Errors) > 0 || h.Visit == "" || h.Done {
		h.t.Fatalf("got status %d, want %s: %s", h.status, component, h.body)
	}
	return h
}

// complains holds that the challenge is asked again, with a complaint of that code
// about a field.
func (h jsonAnswer) complains(component, field, code string) jsonAnswer {
	h.t.Helper()
	wrong := h.Errors[field]
	if h.status != http.StatusOK || h.component() != component || len(wrong) == 0 || wrong[0].Code != code || wrong[0].String == "" {
		h.t.Fatalf("got status %d, want %s with %s: %s", h.status, component, code, h.body)
	}
	return h
}

// fails holds that a failure is told in a problem document.
func (h jsonAnswer) fails(code Code) jsonAnswer {
	h.t.Helper()
	if h.header.Get("Content-Type") != "application/problem+json" || h.Code != string(code) || h.status != fault.New(code, nil).Status {
		h.t.Fatalf("got status %d, want %s: %s", h.status, code, h.body)
	}
	return h
}

// ends holds that the visit has ended and a user is signed in.
func (h jsonAnswer) ends(to string) jsonAnswer {
	h.t.Helper()
	if h.status != http.StatusOK || !h.Done || h.To != to || h.Visit != "" {
		h.t.Fatalf("got status %d, want the end: %s", h.status, h.body)
	}
	return h
}

// page makes the same visit one that a person sees.
func (h jsonAnswer) page() screen {
	return screen{body: `name="visit" value="` + h.Visit + `" name="to" value="` + h.To + `" name="component" value="` + h.component() + `"`}
}
