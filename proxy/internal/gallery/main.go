// Command gallery serves every page that the gate can draw, each at its own
// address. Developers look at them, and tests open them in a browser.
//
// go run ./proxy/internal/gallery -listen 127.0.0.1:8099
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "the address to serve the pages at")
	testdata := flag.String("testdata", "proxy/internal/page/testdata", "the directory with the challenges to draw")
	flag.Parse()
	if err := serve(*listen, *testdata); err != nil {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

// serve runs until the process ends or listening fails.
func serve(address, testdata string) error {
	g, err := New(os.DirFS(testdata))
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: g, ReadHeaderTimeout: time.Second}
	return server.ListenAndServe()
}
