package demo

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// running is a demonstration under test. A process has one Caddy, so that such
// tests do not run in parallel.
type running struct {
	testing.TB
	gate   string
	out    *processtest.Log
	in     io.Writer
	client *http.Client
	end    func()
}

// started starts a demonstration. Everything that it writes is in a directory
// of its own.
func started(t *testing.T, listen string) (*running, string) {
	t.Helper()
	return startedAs(t, demonstration{listen: listen})
}

// startedAs starts a demonstration with these flags.
func startedAs(t *testing.T, d demonstration) (*running, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Caddy")
	}
	home := t.TempDir()
	for _, name := range []string{"TMPDIR", "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, home)
	}
	jar, _ := cookiejar.New(nil) // never fails
	r := &running{TB: t, out: new(processtest.Log), client: &http.Client{
		Jar: jar, Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
	keyboard, in := io.Pipe()
	r.in = in
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	d.authentik, d.out, d.in, d.ready = "127.0.0.1:0", r.out, keyboard, func(address string) { ready <- address }
	go func() { done <- d.run(ctx) }()
	select {
	case r.gate = <-ready:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("got nothing for 30 s, want a demonstration that runs")
	}
	r.end = sync.OnceFunc(func() {
		cancel()
		_ = in.Close()
		if err := <-done; err != nil {
			t.Errorf("got %v at the end, want no error", err)
		}
	})
	t.Cleanup(r.end)
	return r, home
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// get loads a page and follows redirects.
func (r *running) get(address string) (path, body string) {
	r.Helper()
	return r.do(http.MethodGet, "http://"+r.gate+address, nil)
}

// fill sends the form of a page with these fields.
func (r *running) fill(page string, fields ...string) string {
	r.Helper()
	form := url.Values{}
	for _, match := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(match[1], match[2])
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	_, body := r.do(http.MethodPost, "http://"+r.gate+"/.authentik/login", form)
	return body
}

func (r *running) do(method, address string, form url.Values) (path, body string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "http://"+r.gate)
	}
	return r.send(req)
}

// send returns the page at the end of all redirects, and its path.
func (r *running) send(req *http.Request) (path, body string) {
	r.Helper()
	res, err := r.client.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return res.Request.URL.Path, string(all)
}

// signIn sends a username and the common password.
func (r *running) signIn(username string) string {
	r.Helper()
	_, page := r.get("/")
	page = r.fill(page, "uid_field", username)
	return r.fill(page, "password", commonPassword)
}

func (r *running) expect(page, text string) {
	r.Helper()
	if !strings.Contains(page, text) {
		r.Errorf("got\n%.3000s\nwant %q in it", page, text)
	}
}

func TestDemo_SignsInAndOutAndLeavesNothing(t *testing.T) {
	r, home := started(t, "127.0.0.1:0")
	r.expect(r.out.String(), "http://"+r.gate)
	r.expect(r.signIn("demo"), "Hello, Demo User.")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.gate+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Remote-Groups", "admins")
	_, body := r.send(req)
	var says struct {
		User    string
		Headers map[string]string
	}
	if err := json.Unmarshal([]byte(body), &says); err != nil {
		t.Fatal(err)
	}
	if says.User != "demo" || says.Headers["Remote-Email"] != "demo@example.com" || says.Headers["Remote-Groups"] != "authentik users,staff" {
		t.Errorf("got %+v, want the headers of demo", says)
	}
	if says.Headers["Cookie"] != "" {
		t.Error("got a cookie at the application, want none of the gate's")
	}

	r.do(http.MethodPost, "http://"+r.gate+"/.authentik/logout", url.Values{})
	path, page := r.get("/")
	if strings.Contains(page, "Hello") || !strings.HasPrefix(path, "/.authentik/") {
		t.Errorf("got %s after the sign-out, want the sign-in page:\n%s", path, page)
	}

	r.end()
	var left []string
	_ = filepath.WalkDir(home, func(path string, _ os.DirEntry, _ error) error {
		if path != home {
			left = append(left, path)
		}
		return nil
	})
	if len(left) > 0 {
		t.Errorf("got %v at the end, want no files", left)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.gate); err == nil {
		_ = conn.Close()
		t.Error("got a connection after the end, want none")
	}
}

func TestDemo_UsesTheNextFreePort(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	r, _ := started(t, taken.Addr().String())
	if r.gate == taken.Addr().String() {
		t.Fatalf("got %s, want another port", r.gate)
	}
	r.expect(r.out.String(), "("+taken.Addr().String()+" is taken)")
	r.expect(r.signIn("demo"), "Hello, Demo User.")
}

func TestFreeAddress_RefusesInvalidAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "8080", "127.0.0.1:http", "127.0.0.1:70000", "127.0.0.1:-1", "256.0.0.1:80"} {
		if got, err := freeAddress(t.Context(), address); err == nil {
			t.Errorf("freeAddress(%q) = %q, want an error", address, got)
		}
	}
}

func TestApplication_GreetsTheUserInTheHeaders(t *testing.T) {
	t.Parallel()
	address, err := serve(t.Context(), "127.0.0.1:0", app(words{Title: "Stock ledger"}))
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{
		"":                          "Hello, stranger.",
		"demo":                      "Hello, demo.",
		"<script>alert(1)</script>": "Hello, &lt;script&gt;alert(1)&lt;/script&gt;.",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			req.Header.Set("Remote-User", user)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !strings.Contains(string(body), want) || strings.Contains(string(body), "<script>alert") {
			t.Errorf("%q: got %s, want %s and no script", user, body, want)
		}
	}
}

// code waits until the demonstration has printed a line, and returns its end.
func (r *running) code(line string) string {
	r.Helper()
	for range 100 {
		if _, rest, found := strings.Cut(r.out.String(), line); found {
			if code, _, whole := strings.Cut(rest, "\n"); whole {
				return code
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.Fatalf("got\n%s\nwant %q in it", r.out, line)
	return ""
}

// press writes a line at the keyboard.
func (r *running) press(line string) {
	r.Helper()
	if _, err := io.WriteString(r.in, line+"\n"); err != nil {
		r.Fatal(err)
	}
}
