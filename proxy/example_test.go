package proxy_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// application is any handler. Behind the gate it finds the visitor's session in the
// context of the request, and in the request's headers.
func application(w http.ResponseWriter, r *http.Request) {
	if session, ok := proxy.SessionFrom(r.Context()); ok {
		_, _ = fmt.Fprintf(w, "Hello, %s", session.User().Name)
		return
	}
	_, _ = fmt.Fprint(w, "Hello, whoever you are")
}

// The gate is middleware for net/http: Wrap puts it before any handler.
func Example() {
	authentik := &url.URL{Scheme: "https", Host: "auth.example.com"}
	client, err := flowclient.New(flowclient.Config{URL: authentik})
	if err != nil {
		log.Fatal(err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // a program that restarts stores its key
	gate, err := proxy.New(proxy.Config{
		Client: client, Store: proxy.NewMemory(), Key: key,
		Open: func(r *http.Request) bool { return r.URL.Path == "/health" },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gate.Close() //nolint:errcheck // The program ends.
	handler := gate.Wrap(http.HandlerFunc(application))

	ask := func(path, mode string) {
		r := httptest.NewRequest(http.MethodGet, "https://app.example.com"+path, nil)
		r.Header.Set("Sec-Fetch-Mode", mode)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Printf("%s: %d %q\n", path, w.Code, w.Header().Get("Location"))
	}
	ask("/report", "navigate") // a page load is redirected to the sign-in page
	ask("/report", "cors")     // a script is refused
	ask("/health", "cors")     // an open path needs no session
	// Output:
	// /report: 303 "/.authentik/login?to=%2Freport"
	// /report: 401 ""
	// /health: 200 ""
}
