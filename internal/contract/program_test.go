package contract

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// A program is a client that speaks JSON, who knows only what the gate tells it.
type program struct {
	testing.TB
	site   *site
	client *http.Client
}

// told is what the gate tells a program.
type told struct {
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

// program has a cookie jar of its own.
func (s *site) program(t testing.TB) *program {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &program{TB: t, site: s, client: &http.Client{Jar: jar}}
}

// asks asks for an address.
func (p *program) asks(path string) told {
	p.Helper()
	return p.send(http.MethodGet, path, nil)
}

func (p *program) send(method, path string, document map[string]any) told {
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
	t := told{program: p, status: res.StatusCode, body: string(text)}
	if err := json.Unmarshal(text, &t); err != nil {
		p.Fatalf("%s is told, status %d, what is no JSON (%v): %s", path, t.status, err, text)
	}
	return t
}

// answer gives the fields of an answer.
func (t told) answer(fields map[string]any) told {
	t.program.Helper()
	return t.program.send(http.MethodPost, "/.authentik/login", map[string]any{"visit": t.Visit, "to": t.To, "answer": fields})
}

// is holds that the challenge is of that component.
func (t told) is(component string) told {
	t.program.Helper()
	if t.status != http.StatusOK || t.Challenge.Component != component {
		t.program.Fatalf("Status %d, and no %s: %s", t.status, component, t.body)
	}
	return t
}

// complains holds that something is wrong with a field, or with none where none is named.
func (t told) complains(field string) told {
	t.program.Helper()
	if len(t.Errors[field]) == 0 && (field != "" || len(t.Errors) > 0) {
		t.program.Fatalf("It does not complain about %q: %s", field, t.body)
	}
	return t
}

// signIn gives name and password, one after the other.
func (t told) signIn(user string) told {
	t.program.Helper()
	s := t.program.site
	t = t.is("ak-stage-identification").complains("").answer(map[string]any{"uid_field": s.of(user)})
	return t.is("ak-stage-password").complains("").answer(map[string]any{"password": s.password})
}

// labelled is the key of the field with that label.
func (t told) labelled(label string) string {
	t.program.Helper()
	for _, field := range t.Challenge.Fields {
		if field.Label == label {
			return field.Key
		}
	}
	t.program.Fatalf("There is no field %s: %s", label, t.body)
	return ""
}

// knows holds that the visit is over and that it leads to to, where user is signed in.
func (t told) knows(user, to string) {
	t.program.Helper()
	if t.status != http.StatusOK || !t.Done || t.To != to {
		t.program.Fatalf("Status %d, and not done: %s", t.status, t.body)
	}
	if who := t.program.asks("/.authentik/session"); who.User != t.program.site.of(user) {
		t.program.Fatalf("The session is %s", who.body)
	}
}
