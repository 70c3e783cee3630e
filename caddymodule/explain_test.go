package caddymodule

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/operator"
	"github.com/google/go-cmp/cmp"
)

// explain runs the command against the admin API.
func (o terminal) explain(args ...string) (out string, code int, err error) {
	o.Helper()
	return o.asks(append([]string{"explain"}, args...)...)
}

// cookieLine is the Cookie header that a browser sends to the site.
func (b *browser) cookieLine() string {
	b.Helper()
	var all []string
	for _, c := range b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: b.address, Path: "/"}) {
		all = append(all, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(all, "; ")
}

const ruled = `SITE {
	authentik AUTHENTIK {
		application wiki
		debug staff
		open /healthz
		on /admin/* {
			require group admins
		}
	}
	rewrite /old/* /admin/old
	reverse_proxy APP
}
`

func TestExplain_SaysWhatTheSiteDecides(t *testing.T) {
	o := newTerminal(t, ruled)
	ada := o.browser()
	ada.signIn("/", "ada")
	site := "http://" + o.address
	page := "Accept: text/html"
	for name, tt := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"signed in":        {[]string{site + "/", "-H", ada.cookieLine()}, 0, []string{"passes, signed in", "of ada", "application wiki: met", "Remote-User: ada", "It would reach: reverse_proxy", "on /admin/*: is not about the request"}},
		"may not":          {[]string{site + "/admin/x", "-H", ada.cookieLine()}, 3, []string{"is refused: 403 not-allowed", "on /admin/*: require group admins: not met"}},
		"rewritten before": {[]string{site + "/old/x", "-H", ada.cookieLine()}, 3, []string{"require group admins: not met"}},
		"open":             {[]string{site + "/healthz"}, 0, []string{"passes without a session", "open /healthz matches"}},
		"no session":       {[]string{site + "/x?y=1", "-H", page}, 3, []string{"is led to the sign-in", "no session cookie"}},
		"a program":        {[]string{"post", site + "/x"}, 3, []string{"POST " + site, "401 sign-in-required", "not a page load"}},
		"a made-up header": {[]string{site + "/healthz", "-H", "Remote_User: eve"}, 0, []string{"has made them up", "Remote_user"}},
		"an own address":   {[]string{site + "/.authentik/login"}, 3, []string{"is answered by the gate itself"}},
		"another port":     {[]string{"https://app.example.com/x", "-H", page}, 3, []string{"no server of this Caddy listens on port 443", "is led to the sign-in", "Seen as: https://app.example.com/x"}},
	} {
		out, code, err := o.explain(tt.args...)
		if err != nil || code != tt.code {
			t.Errorf("%s: got code %d, %v, want %d\n%s", name, code, err, tt.code, out)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: got no %q in\n%s", name, want, out)
			}
		}
	}
	if r := o.app.seen(); r != nil {
		t.Errorf("got %v at the application, want nothing from explain", r)
	}
}

// Explain and Guard see the same: what is explained is what then happens.
func TestExplain_AgreesWithWhatHappens(t *testing.T) {
	o := newTerminal(t, ruled)
	ada := o.browser()
	ada.signIn("/", "ada")
	for path, want := range map[string]int{"/": http.StatusOK, "/admin/x": http.StatusForbidden, "/healthz": http.StatusOK, "/old/x": http.StatusForbidden} {
		answer := ada.get(path)
		if answer.StatusCode != want {
			t.Errorf("%s: got status %d, want %d", path, answer.StatusCode, want)
		}
		out, code, err := o.explain("http://"+o.address+path, "-H", ada.cookieLine(), "-H", "Accept: text/html")
		if err != nil || (code == 0) != (want == http.StatusOK) {
			t.Errorf("%s: got code %d, %v, want what happens: %d\n%s", path, code, err, want, out)
		}
		if line := answer.Header.Get("X-Authentik-Explain"); !strings.Contains(line, "application wiki: met") { // ada is a member of staff
			t.Errorf("%s: got the header %q, want an explanation", path, line)
		}
	}
}

func TestExplain_ShowsNoCookie(t *testing.T) {
	o := newTerminal(t, ruled)
	ada := o.browser()
	ada.signIn("/", "ada")
	file := t.TempDir() + "/headers"
	cookie := ada.cookieLine()
	if err := os.WriteFile(file, []byte(cookie+"\n\nAuthorization: Bearer hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code, err := o.explain("http://"+o.address+"/?token=x", "--json", "-H", "@"+file)
	if code != 0 || err != nil {
		t.Fatalf("got exit code %d, error %v: %s, want success", code, err, out)
	}
	for pair := range strings.SplitSeq(strings.TrimPrefix(cookie, "Cookie: "), "; ") {
		if _, value, _ := strings.Cut(pair, "="); strings.Contains(out, value) {
			t.Errorf("got a cookie in %s", out)
		}
	}
	if strings.Contains(out, "hush") || !strings.Contains(out, `"user": "ada"`) {
		t.Errorf("got %s, want the session and no token", out)
	}
	var said operator.Explained
	if err := json.Unmarshal([]byte(out), &said); err != nil || len(said.Gates) != 1 || said.Gates[0].Decision != "pass" {
		t.Errorf("got %+v, %v, want one gate that passes the request", said, err)
	}
	// Nor is one in an error.
	for _, line := range []string{"hush hush", "Cookie: hush\x01hush"} {
		if _, code, err := o.explain("http://"+o.address, "-H", line); code != 1 || err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: got %d, %v, want an error without it", line, code, err)
		}
	}
}

func TestExplain_SaysWhatIsWrong(t *testing.T) {
	o := newTerminal(t, ruled)
	for args, want := range map[string]string{
		"wiki.example.com":               "write for example https://wiki.example.com/page",
		"ftp://wiki.example.com":         "write for example https://wiki.example.com/page",
		"G@T https://wiki.example.com":   "write for example GET",
		"https://x --client unknown":     "write for example 192.0.2.1",
		"https://x -H @/nonexistent/one": "reading headers",
	} {
		if out, code, err := o.explain(strings.Fields(args)...); code != 1 || err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%s: got %d, %v: %s, want %s", args, code, err, out, want)
		}
	}
	for body, method := range map[string]string{"": "GET", "{": "POST", `{"url": "https://x", "nonsense": 1}`: "POST"} {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+o.api+operator.ExplainPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode < 400 || res.StatusCode > 405 || !strings.Contains(string(text), "POST") {
			t.Errorf("%s %q: got %d: %s, want an error that says how to ask", method, body, res.StatusCode, text)
		}
	}
	if err := o.try("admin "+o.api, "SITE {\n\trespond ok\n}\n"); err != nil {
		t.Fatal(err)
	}
	if out, code, err := o.explain("http://" + o.address + "/"); code != 4 || err != nil || !strings.Contains(out, "meets no gate") {
		t.Errorf("without a gate: got %d, %v: %s", code, err, out)
	}
	var says bytes.Buffer
	explain := operator.ExplainCommand()
	explain.SilenceUsage = true
	explain.SetOut(io.Discard)
	explain.SetErr(&says)
	explain.SetArgs([]string{"http://" + o.address + "/", "--address", o.api})
	if err := explain.ExecuteContext(t.Context()); exitCode(err) != 4 || says.Len() > 0 {
		t.Errorf("got %v and %q, want an exit code and no words about it", err, says.String())
	}
}

// A route that is nested, named, or one of a group is followed as Caddy does.
func TestExplain_FollowsRoutesAsCaddyDoes(t *testing.T) {
	o := newTerminal(t, oneLine)
	if err := o.try("admin "+o.api, `&(guarded) {
	authentik AUTHENTIK {
		application files
	}
	reverse_proxy APP
}
SITE {
	handle /api/* {
		authentik AUTHENTIK {
			application wiki
			prefix /api/.authentik
		}
		respond "api"
	}
	handle_path /bare/* {
		reverse_proxy APP
	}
	handle /files/* {
		invoke guarded
	}
	handle {
		vars office yes
		@office vars {vars.office} yes
		authentik @office AUTHENTIK
		encode
		file_server
	}
}
`); err != nil {
		t.Fatal(err)
	}
	if out, code, _ := o.explain("http://" + o.address + "/"); code != 4 || !strings.Contains(out, "has not started") {
		t.Errorf("before its first request: got %d: %s, want that the gate has not started", code, out)
	}
	o.browser().get("/api/x")
	if out, code, _ := o.explain("http://" + o.address + "/bare/x"); code != 4 || !strings.Contains(out, "meets no gate") || !strings.Contains(out, "reach: reverse_proxy") {
		t.Errorf("got %d: %s, want that the route has no gate", code, out)
	}
	for path, want := range map[string]string{"/api/x": "wiki", "/files/x": "files", "/": ""} {
		out, _, err := o.explain("--json", "http://"+o.address+path, "-H", "Accept: text/html")
		var said operator.Explained
		if err != nil || json.Unmarshal([]byte(out), &said) != nil || len(said.Gates) != 1 {
			t.Errorf("%s: got %v: %s, want one gate", path, err, out)
			continue
		}
		if diff := cmp.Diff(want, said.Gates[0].Application); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", path, diff)
		}
		if said.Gates[0].Decision != "sign-in" {
			t.Errorf("%s: got %s, want sign-in", path, said.Gates[0].Decision)
		}
	}
}
