package demo

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed app.html
var appPage string

// A told is what the application knows about a request, from its headers only.
type told struct {
	User    string            `json:"user"`
	Headers map[string]string `json:"headers"`
}

// words are the texts of an application about itself.
type words struct {
	Title     string
	Other, At string // the name and address of another application; may be empty
}

// app returns an application without its own sign-in. It trusts the header
// Remote-User, as many applications do.
func app(about words) http.Handler {
	page := template.Must(template.New("app").Parse(appPage)) // a mistake in the template panics at the start
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Accept")
		says := listen(r)
		var body bytes.Buffer
		kind, err := "text/html; charset=utf-8", error(nil)
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			kind, err = "application/json", json.NewEncoder(&body).Encode(says)
		} else {
			err = page.Execute(&body, struct {
				words
				told
			}{about, says})
		}
		if err != nil {
			http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = body.WriteTo(w)
	})
}

func listen(r *http.Request) told {
	says := told{User: r.Header.Get("Remote-User"), Headers: make(map[string]string)}
	for name, values := range r.Header {
		says.Headers[name] = strings.Join(values, ", ")
	}
	return says
}

// Name returns the name in the greeting.
func (t told) Name() string {
	if name := t.Headers["Remote-Name"]; name != "" {
		return name
	}
	return t.User
}

// Groups returns the groups of the user.
func (t told) Groups() []string {
	return strings.FieldsFunc(t.Headers["Remote-Groups"], func(r rune) bool { return r == ',' })
}

// A line is one header.
type line struct {
	Name, Value string
	Identity    bool // whether the gate has set it
}

// Lines returns the headers. Those about the user come first.
func (t told) Lines() []line {
	var lines []line
	for name, value := range t.Headers {
		lines = append(lines, line{name, value, strings.HasPrefix(name, "Remote-")})
	}
	slices.SortFunc(lines, func(a, b line) int {
		if a.Identity != b.Identity {
			if a.Identity {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return lines
}
