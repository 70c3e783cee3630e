package caddymodule

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// A told is what a program reads from its request: names as its language gives
// them to the application.
type told struct{ User, Name, Groups string }

// sentNames are names, and what headers say of them in each encoding.
var sentNames = map[string]map[string]string{
	"zoë":        {"utf8": "zoë", "percent": "zo%C3%AB", "latin1": "zo\xeb", "quoted-printable": "zo=C3=AB", "rfc2047": "=?utf-8?q?zo=C3=AB?="},
	"Zoë Ümlaut": {"utf8": "Zoë Ümlaut", "percent": "Zo%C3%AB %C3%9Cmlaut", "latin1": "Zo\xeb \xdcmlaut", "quoted-printable": "Zo=C3=AB =C3=9Cmlaut", "rfc2047": "=?utf-8?q?Zo=C3=AB_=C3=9Cmlaut?="},
	"Büro, Süd":  {"utf8": "Büro, Süd", "percent": "B%C3%BCro, S%C3%BCd", "latin1": "B\xfcro, S\xfcd", "quoted-printable": "B=C3=BCro, S=C3=BCd", "rfc2047": "=?utf-8?q?B=C3=BCro=2C_S=C3=BCd?="},
	" admins":    {"utf8": "%20admins", "percent": "%20admins", "latin1": "%20admins", "quoted-printable": "=20admins", "rfc2047": "=?utf-8?q?_admins?="},
	"100%":       {"utf8": "100%", "percent": "100%25", "latin1": "100%", "quoted-printable": "100%", "rfc2047": "100%"},
	"猫":          {"utf8": "猫", "percent": "%E7%8C%AB", "latin1": "%E7%8C%AB", "quoted-printable": "=E7=8C=AB", "rfc2047": "=?utf-8?q?=E7=8C=AB?="},
}

// inList is what a header with the group says of it, where that differs.
var inList = strings.NewReplacer("B%C3%BCro, S", "B%C3%BCro%2C S", "Büro, S", "Büro%2C S", "B\xfcro, S", "B\xfcro%2C S", "B=C3=BCro, S", "B=C3=BCro=2C S")

// asOctets is how programs in Go and PHP see a header: its octets.
func asOctets(sent string) string { return sent }

// asLatin1 is how programs in Python (PEP 3333) and Node see it: a character for
// each octet. Of UTF-8 they see "zoÃ«" until they decode it.
func asLatin1(sent string) string {
	var b strings.Builder
	for _, octet := range []byte(sent) {
		b.WriteRune(rune(octet))
	}
	return b.String()
}

// A program is an application that answers with JSON of what it was told.
type program struct {
	name, command string
	sees          func(sent string) string
	start         func(t *testing.T, command string) (handle string)
}

var programs = []program{
	{"Go", "go", asOctets, startGo},
	{"PHP", "php-cgi", asOctets, startPHP},
	{"Python", "python3", asLatin1, startPython},
	{"Node", "node", asLatin1, startNode},
}

// TestEncoding_AsProgramsReadIt shows what applications see in each encoding.
// With PHP, REMOTE_USER and the header say the same.
func TestEncoding_AsProgramsReadIt(t *testing.T) {
	s := newSite(t)
	browsers := map[string]*browser{}
	for name := range sentNames {
		mail := fmt.Sprintf("%x@example.com", name)
		s.server.AddUser(authentiktest.User{Username: name, Name: name, Email: mail, Password: "secret", Groups: []string{name}})
		browsers[name] = s.browser()
	}
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			command, err := exec.LookPath(p.command)
			if err != nil {
				t.Skipf("%s is not installed, so that nothing is known of what it reads", p.command)
			}
			s.TB = t
			handle := p.start(t, command)
			for _, encoding := range []string{"utf8", "percent", "latin1", "quoted-printable", "rfc2047"} {
				s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\theaders remote {\n\t\t\tencoding " + encoding + "\n\t\t}\n\t}\n" + handle + "}\n")
				for name, sent := range sentNames {
					got := browsers[name].told(t, fmt.Sprintf("%x@example.com", name))
					user := p.sees(sent[encoding])
					want := told{User: user, Name: user, Groups: p.sees(inList.Replace(sent[encoding]))}
					if got != want {
						t.Errorf("%s of %q: got %+q, want %+q", encoding, name, got, want)
					}
				}
			}
		})
	}
}

// told asks the program, after a sign-in if there was no session.
func (b *browser) told(t *testing.T, mail string) (got told) {
	t.Helper()
	a := b.get("/index.php")
	if a.StatusCode == http.StatusSeeOther {
		a = b.follow(b.signIn("/index.php", mail))
	}
	if a.StatusCode != http.StatusOK {
		t.Fatalf("got %d: %s", a.StatusCode, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("got error %v in %s, want JSON", err, a.body)
	}
	for _, text := range []*string{&got.User, &got.Name, &got.Groups} {
		if digits, ok := strings.CutPrefix(*text, "octets "); ok {
			octets, err := hex.DecodeString(digits)
			if err != nil {
				t.Fatal(err)
			}
			*text = string(octets)
		}
	}
	return got
}

func startGo(t *testing.T, _ string) string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"User":"octets %x","Name":"octets %x","Groups":"octets %x"}`, r.Header.Get("Remote-User"), r.Header.Get("Remote-Name"), r.Header.Get("Remote-Groups"))
	}))
	t.Cleanup(app.Close)
	return "\treverse_proxy " + strings.TrimPrefix(app.URL, "http://") + "\n"
}

// inPHP fails where the server names another user than the header.
const inPHP = `<?php
if ($_SERVER['REMOTE_USER'] !== $_SERVER['HTTP_REMOTE_USER']) { die('REMOTE_USER is ' . bin2hex($_SERVER['REMOTE_USER'])); }
echo json_encode(array_map(fn($n) => 'octets ' . bin2hex($_SERVER[$n]), ['User' => 'REMOTE_USER', 'Name' => 'HTTP_REMOTE_NAME', 'Groups' => 'HTTP_REMOTE_GROUPS']));`

func startPHP(t *testing.T, command string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), []byte(inPHP), 0o600); err != nil {
		t.Fatal(err)
	}
	address := processtest.Free(t)
	startAt(t, address, exec.CommandContext(t.Context(), command, "-b", address)) //nolint:gosec // a program of the test
	return "\troot " + root + "\n\tphp_fastcgi " + address + "\n"
}

const inPython = `
import json, sys
from wsgiref.simple_server import make_server, WSGIRequestHandler
class Quiet(WSGIRequestHandler):
    def log_message(self, *args): pass
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({n: environ['HTTP_REMOTE_' + n.upper()] for n in ('User', 'Name', 'Groups')}).encode()]
host, port = sys.argv[1].split(':')
make_server(host, int(port), application, handler_class=Quiet).serve_forever()
`

func startPython(t *testing.T, command string) string {
	t.Helper()
	address := processtest.Free(t)
	startAt(t, address, exec.CommandContext(t.Context(), command, "-c", inPython, address)) //nolint:gosec // a program of the test
	return "\treverse_proxy " + address + "\n"
}

const inNode = `
const [host, port] = process.argv[1].split(':')
require('http').createServer((q, a) => a.end(JSON.stringify({
	User: q.headers['remote-user'], Name: q.headers['remote-name'], Groups: q.headers['remote-groups'],
}))).listen(port, host)
`

func startNode(t *testing.T, command string) string {
	t.Helper()
	address := processtest.Free(t)
	startAt(t, address, exec.CommandContext(t.Context(), command, "-e", inNode, address)) //nolint:gosec // a program of the test
	return "\treverse_proxy " + address + "\n"
}

// startAt starts a program and waits until it listens, for as long as the test
// may run.
func startAt(t *testing.T, address string, command *exec.Cmd) {
	t.Helper()
	var log processtest.Log
	command.Stdout, command.Stderr = &log, &log
	p := processtest.Start(t, command)
	t.Cleanup(p.Kill)
	for {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-p.Ended():
			t.Fatalf("got an end of %s, want it running: %s", command.Path, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
