package demo

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed elsewhere.html
var elsewherePage string

//go:embed captcha.js
var captchaCode []byte

const (
	// captchaScript is where the script of the captcha is, at the site elsewhere.
	captchaScript = "/captcha.js"
	// captchaToken is what the script hands out to people.
	captchaToken = "a-person"
)

// A caller is what a site elsewhere knows of a request.
type caller struct {
	Method, Path string
	Fields       []string
}

// elsewhere is the site that stands for all others: applications that are told of
// a sign-out, places where a sign-in goes on, and a provider of captchas.
func elsewhere() http.Handler {
	page := template.Must(template.New("elsewhere").Parse(elsewherePage)) // ours; a mistake in it shows at once
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+captchaScript, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(captchaCode)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		says := caller{Method: r.Method, Path: r.URL.Path}
		for name := range r.Form {
			says.Fields = append(says.Fields, name)
		}
		slices.Sort(says.Fields)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, says)
	})
	return mux
}
