package contract

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// A program is a client that speaks JSON. It uses nothing but the gate's replies.
type program struct {
	testing.TB
	site   *site
	client *http.Client
}

// A reply is the gate's response to a program.
type reply struct {
	program *program
	status  int
	body    string

	Visit     string
	To        string
	Challenge struct {
		Component string
		Fields    []struct {
			Key   string `json:"field_key"`
			Label string
		}
	}
	Errors map[string][]struct{ String, Code string }
	Done   bool
	Code   string
	User   string
}

// program returns a client with an empty cookie jar.
func (s *site) program(t testing.TB) *program {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &program{TB: t, site: s, client: &http.Client{Jar: jar}}
}

// get requests an address.
func (p *program) get(path string) reply {
	p.Helper()
	return p.send(http.MethodGet, path, nil)
}

func (p *program) send(method, path string, document map[string]any) reply {
	p.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		p.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.Context(), method, p.site.url+path, strings.NewReader(string(body)))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	t := reply{program: p, status: res.StatusCode, body: string(text)}
	if err := json.Unmarshal(text, &t); err != nil {
		p.Fatalf("%s %s: got status %d and a body that is not JSON (%v): %s", method, path, t.status, err, text)
	}
	return t
}

// answer answers the challenge with these fields.
func (t reply) answer(fields map[string]any) reply {
	t.program.Helper()
	return t.program.send(http.MethodPost, "/.authentik/login", map[string]any{"visit": t.Visit, "to": t.To, "answer": fields})
}

// isChallenge fails the test unless the reply is the challenge of that component.
func (t reply) isChallenge(component string) reply {
	t.program.Helper()
	if t.status != http.StatusOK || t.Challenge.Component != component {
		t.program.Fatalf("got status %d and %s, want the challenge %s", t.status, t.body, component)
	}
	return t
}

// hasError fails the test unless the reply has an error of that field. If field is
// empty, the reply must have no errors at all.
func (t reply) hasError(field string) reply {
	t.program.Helper()
	if len(t.Errors[field]) == 0 && (field != "" || len(t.Errors) > 0) {
		t.program.Fatalf("got %s, want errors of the field %q only", t.body, field)
	}
	return t
}

// signIn answers with name and password, one after the other.
func (t reply) signIn(user string) reply {
	t.program.Helper()
	s := t.program.site
	t = t.isChallenge("ak-stage-identification").hasError("").answer(map[string]any{"uid_field": s.unique(user)})
	return t.isChallenge("ak-stage-password").hasError("").answer(map[string]any{"password": s.password})
}

// labelled returns the key of the field with that label.
func (t reply) labelled(label string) string {
	t.program.Helper()
	for _, field := range t.Challenge.Fields {
		if field.Label == label {
			return field.Key
		}
	}
	t.program.Fatalf("got %s, want a field with the label %s", t.body, label)
	return ""
}

// isDone fails the test unless the visit has ended, leads to the address to, and
// user is signed in.
func (t reply) isDone(user, to string) {
	t.program.Helper()
	if t.status != http.StatusOK || !t.Done || t.To != to {
		t.program.Fatalf("got status %d and %s, want the visit done and leading to %s", t.status, t.body, to)
	}
	if who := t.program.get("/.authentik/session"); who.User != t.program.site.unique(user) {
		t.program.Fatalf("got the session %s, want one of %s", who.body, t.program.site.unique(user))
	}
}
