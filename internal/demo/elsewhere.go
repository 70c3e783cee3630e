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
	// captchaScript is the path of the captcha's script on the site elsewhere.
	captchaScript = "/captcha.js"
	// captchaToken is the token that the script gives to the page.
	captchaToken = "a-person"
)

// A request is what the site elsewhere says about a request.
type request struct {
	Method, Path string
	Fields       []string
}

// elsewhere returns the site that represents all other sites: applications that
// are told about a sign-out, other providers, and a provider of captchas.
func elsewhere() http.Handler {
	page := template.Must(template.New("elsewhere").Parse(elsewherePage)) // a mistake in the template panics at the start
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+captchaScript, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(captchaCode)
	})
	mux.HandleFunc("GET "+providerPath, provider)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		says := request{Method: r.Method, Path: r.URL.Path}
		for name := range r.Form {
			says.Fields = append(says.Fields, name)
		}
		slices.Sort(says.Fields)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, says)
	})
	return mux
}
