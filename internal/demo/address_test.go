package demo

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDemo_ListensOnAllAddressesOfLocalhost(t *testing.T) {
	r, _ := started(t, "localhost:0")
	_, port, err := net.SplitHostPort(r.gate)
	if err != nil {
		t.Fatal(err)
	}
	r.expect(r.out.String(), "Open  http://localhost:"+port+"\n")
	for _, host := range append(interfaces(t.Context(), localhost), localhost) {
		address := "http://" + net.JoinHostPort(host, port) + "/"
		if _, page := r.do(http.MethodGet, address, nil); !strings.Contains(page, `name="uid_field"`) {
			t.Errorf("%s: got\n%s\nwant the sign-in page", address, page)
		}
	}
}

func TestFreeAddress_IsFreeOnBothLoopbackAddresses(t *testing.T) {
	t.Parallel()
	if len(interfaces(t.Context(), localhost)) < 2 {
		t.Skip("this machine has one loopback address")
	}
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	got, err := freeAddress(t.Context(), net.JoinHostPort(localhost, port))
	if host, bound, _ := net.SplitHostPort(got); err != nil || host != localhost || bound == port {
		t.Errorf("got %q, %v, want another port than %s", got, err, port)
	}
}

// Passkeys need a name.
func TestSite_HasANameIfPossible(t *testing.T) {
	t.Parallel()
	for gate, want := range map[string]string{
		"localhost:8080":      "http://localhost:8080",
		":8080":               "http://localhost:8080",
		"0.0.0.0:8080":        "http://localhost:8080",
		"[::]:8080":           "http://localhost:8080",
		"127.0.0.1:8080":      "http://127.0.0.1:8080",
		"[2001:db8::1]:8080":  "http://[2001:db8::1]:8080",
		"demo.localhost:8080": "http://demo.localhost:8080",
	} {
		if got := (addresses{gate: gate}).site(); got != want {
			t.Errorf("%s: got %s, want %s", gate, got, want)
		}
	}
}

func TestTable_FitsATerminal(t *testing.T) {
	t.Parallel()
	at := addresses{gate: "localhost:65535"}
	for _, g := range groups("") {
		for _, row := range g.rows {
			for text := range strings.Lines(tableRow(at, g, row)) {
				if text = strings.TrimSuffix(text, "\n"); utf8.RuneCountInString(text) > 100 {
					t.Errorf("got %d columns, want at most 100: %s", utf8.RuneCountInString(text), text)
				}
			}
		}
	}
}
