// Command legacy serves an old application with its own login form, on
// localhost:8090. The Caddyfile beside it puts the gate before it.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/examples/legacy/ledger"
)

func main() {
	server := &http.Server{
		Addr:              "localhost:8090",
		Handler:           ledger.New(map[string]string{"akadmin": "from 1987", "ada": "from 1987"}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Printf("the ledger is at http://%s", server.Addr)
	log.Fatal(server.ListenAndServe())
}
