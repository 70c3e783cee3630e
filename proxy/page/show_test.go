package page

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

var showPages = flag.String("show", "", "serve all pages at this address for an hour, to be looked at")

// TestPagesCanBeLookedAt serves every page for a person with a browser:
//
//	go test ./proxy/page -run LookedAt -show 127.0.0.1:8099
func TestPagesCanBeLookedAt(t *testing.T) {
	mux := showcase(t)
	if *showPages == "" {
		t.Skip("only with -show <address>")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	server := &http.Server{Addr: *showPages, Handler: mux, ReadHeaderTimeout: time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		t.Fatal(err)
	}
}

// showcase draws each recorded challenge at an address of its own, and beside
// them the pages that are no challenge.
func showcase(t testing.TB) http.Handler {
	p, mux := testPages(t), http.NewServeMux()
	var names []string
	add := func(name string, draw http.HandlerFunc) {
		names = append(names, name)
		mux.HandleFunc("/page/"+name, draw)
	}
	for _, rec := range recordings(t) {
		add(rec.name, func(w http.ResponseWriter, r *http.Request) {
			q := questionOf(rec.challenge)
			q.Brand.Theme = r.URL.Query().Get("theme")
			_ = r.ParseForm()
			r.PostForm = r.Form
			_ = p.Ask(w, r, q)
		})
	}
	ownPages(p, add)
	mux.Handle("/.authentik/assets/", p.Assets())
	mux.HandleFunc("/.authentik/brand/", paint)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		slices.Sort(names)
		for _, n := range names {
			_, _ = fmt.Fprintf(w, "<p><a href=\"/page/%s\">%s</a></p>", html.EscapeString(n), html.EscapeString(n))
		}
	})
	return mux
}

func ownPages(p *Pages, add func(string, http.HandlerFunc)) {
	b := testBrand()
	add("own/fail", func(w http.ResponseWriter, r *http.Request) {
		p.Fail(w, r, unreachable, "/app", b)
	})
	add("own/lost", func(w http.ResponseWriter, r *http.Request) {
		p.Fail(w, r, Failure{Code: "visit-lost", Status: http.StatusBadRequest}, "/app", flowclient.Brand{})
	})
	add("own/forbid", func(w http.ResponseWriter, r *http.Request) { p.Forbid(w, r, notAllowed, "jane.doe", nil, "/app", b) })
	add("own/sign-out", func(w http.ResponseWriter, r *http.Request) { p.SignOut(w, r, "jane.doe", b) })
	add("own/signed-out", func(w http.ResponseWriter, r *http.Request) { p.SignedOut(w, r, b) })
	for name, raw := range made {
		add("made/"+name, func(w http.ResponseWriter, r *http.Request) {
			c, _ := flowclient.Decode(json.RawMessage(raw))
			q := questionOf(c)
			_ = r.ParseForm()
			r.PostForm = r.Form
			_ = p.Ask(w, r, q)
		})
	}
}

// made are challenges that no recording has: layouts, and devices in company.
var made = map[string]string{
	"sidebar": `{"component":"ak-stage-password","flow_info":{"title":"Welcome to Example!","layout":"sidebar_left",
		"background":"/static/background.jpg"},"pending_user":"jane.doe@example.com","recovery_url":"https://auth.example.com/if/flow/r/"}`,
	"content": `{"component":"ak-stage-password","flow_info":{"title":"Welcome to Example!","layout":"content_right",
		"background":"/static/background.jpg"},"pending_user":"jane.doe@example.com"}`,
	"devices": `{"component":"ak-stage-authenticator-validate","flow_info":{"title":"Welcome to Example!","layout":"stacked",
		"background":"/static/background.jpg"},"pending_user":"jane.doe","device_challenges":[
		{"device_class":"static","device_uid":"1","challenge":{},"last_used":null},
		{"device_class":"sms","device_uid":"2","challenge":{},"last_used":null},
		{"device_class":"email","device_uid":"3","challenge":{"email":"j***@e******.org"},"last_used":null},
		{"device_class":"totp","device_uid":"4","challenge":{},"last_used":null},
		{"device_class":"webauthn","device_uid":"5","challenge":{},"last_used":null},
		{"device_class":"duo","device_uid":"6","challenge":{},"last_used":null}],"configuration_stages":[]}`,
	"long": `{"component":"ak-stage-password","flow_info":{"title":"` + strings.Repeat("Donaudampfschifffahrtsgesellschaft", 3) + `","layout":"stacked"},
		"pending_user":"a.very.long.user.name.that.goes.on@subdomain.of.a.long.organisation.example.com"}`,
}

// paint draws pictures for the eye: a logo, and a background as a photograph would be.
func paint(w http.ResponseWriter, r *http.Request) {
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 44"><rect width="44" height="44" rx="10" fill="#fd4b2d"/>` +
		`<path d="M12 26a10 10 0 0 1 20 0" fill="none" stroke="#fff" stroke-width="4"/><text x="56" y="31" font-family="sans-serif" font-size="26" font-weight="700" fill="#fd4b2d">example</text></svg>`
	if strings.Contains(r.URL.Path, "background") {
		svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1600 1000" preserveAspectRatio="xMidYMid slice"><defs>` +
			`<linearGradient id="a" x2="0" y2="1"><stop stop-color="#f6a56b"/><stop offset=".5" stop-color="#c05a7a"/><stop offset="1" stop-color="#2b2a5c"/></linearGradient></defs>` +
			`<rect width="1600" height="1000" fill="url(#a)"/><path d="M0 800 L400 520 700 760 1050 430 1600 820V1000H0z" fill="#1d1b45"/><path d="M0 900 L500 700 900 880 1300 660 1600 860V1000H0z" fill="#12112e"/></svg>`
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = io.WriteString(w, svg)
}
