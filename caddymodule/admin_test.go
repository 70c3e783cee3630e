package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/operator"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A terminal runs the command against the Caddy of a test.
type terminal struct {
	*site
	api string
}

func newTerminal(t *testing.T, text string) terminal {
	t.Helper()
	o := terminal{newSite(t), processtest.Free(t)}
	if err := o.try("admin "+o.api, text); err != nil {
		t.Fatal(err)
	}
	return o
}

// run returns what "caddy authentik sessions" writes, how it ends, and why.
func (o terminal) run(args ...string) (out string, code int, err error) {
	o.Helper()
	return o.asks(append([]string{"sessions"}, args...)...)
}

// asks runs a command that asks the admin API.
func (o terminal) asks(args ...string) (out string, code int, err error) {
	o.Helper()
	out, err = command(o, append(args, "--address", o.api)...)
	return out, exitCode(err), exitCause(err)
}

// exitCode returns the exit code for the error of a command. Caddy's own type for
// it is not exported.
func exitCode(err error) int {
	if code := exitField(err, "ExitCode"); code.IsValid() {
		return int(code.Int())
	}
	if err != nil {
		return 1
	}
	return 0
}

// exitCause returns the error without the exit code, or nil if there is only that.
func exitCause(err error) error {
	if cause := exitField(err, "Err"); cause.IsValid() {
		err, _ = cause.Interface().(error)
	}
	return err
}

func exitField(err error, name string) reflect.Value {
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct && v.Elem().FieldByName("ExitCode").IsValid() {
		return v.Elem().FieldByName(name)
	}
	return reflect.Value{}
}

func (o terminal) list(args ...string) operator.List {
	o.Helper()
	out, code, err := o.run(append([]string{"list", "--json"}, args...)...)
	if err != nil || code != 0 {
		o.Fatalf("%d, %v", code, err)
	}
	var says operator.List
	if err := json.Unmarshal([]byte(out), &says); err != nil {
		o.Fatal(err)
	}
	return says
}

const twoSites = `SITE {
	authentik AUTHENTIK
	reverse_proxy APP
}
http://other.example.com:PORT {
	authentik AUTHENTIK {
		cookie {
			name other
		}
	}
}
`

func TestCommand_ListsAndEndsSessions(t *testing.T) {
	o := newTerminal(t, twoSites)
	ada, again, bob := o.browser(), o.browser(), o.browser()
	for b, name := range map[*browser]string{ada: "ada", again: "ada", bob: "bob"} {
		b.expect(b.follow(b.signIn("/", name)), http.StatusOK, "application, user")
	}
	says := o.list("--user", "ada")
	if len(says.Sessions) != 2 || says.Remembered || says.Sessions[0].Site != "127.0.0.1" || !says.Sessions[0].Address.IsLoopback() {
		t.Fatalf("%+v", says)
	}
	if says := o.list(); len(says.Sessions) != 3 || !says.Remembered {
		t.Errorf("all that are remembered are %+v", says)
	}
	out, _, err := o.run("list", "--user", "ada")
	if err != nil || !strings.Contains(out, says.Sessions[0].ID) || !strings.HasPrefix(out, "ID ") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, code, err := o.run("end", says.Sessions[1].ID, "--user", "ada"); code != 0 || err != nil || !strings.Contains(out, "Ended "+says.Sessions[1].ID+" of ada") {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	if left := o.list("--user", "ada").Sessions; len(left) != 1 || left[0].ID != says.Sessions[0].ID {
		t.Errorf("left are %v", left)
	}
	if out, code, err := o.run("end", "--user", "ada"); code != 0 || err != nil || !strings.Contains(out, says.Sessions[0].ID) {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	for _, b := range []*browser{ada, again} {
		b.expect(b.get("/"), http.StatusSeeOther, "")
	}
	bob.expect(bob.get("/"), http.StatusOK, `user "bob"`)
	if out, code, err := o.run("end", "--user", "ada"); code != 0 || err != nil || out != "There was no live session.\n" {
		t.Errorf("the second time: %d, %v: %s", code, err, out)
	}
	if out, code, err := o.run("end", o.list().Sessions[0].ID); code != 0 || err != nil || !strings.Contains(out, "of bob") {
		t.Errorf("without a user: %d, %v: %s", code, err, out)
	}
	bob.expect(bob.get("/"), http.StatusSeeOther, "")
}

// A Caddy that has not had a request has no key yet, but another one with the same
// storage may have sessions.
func TestCommand_KnowsTheSessionsOfAnotherCaddyAtOnce(t *testing.T) {
	o := newTerminal(t, onStorage)
	b := o.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(o.storage, from), filepath.Join(o.storage, to)); err != nil {
			t.Fatal(err)
		}
	}
	move("authentik", "other")
	if err := o.try("admin "+o.api, onStorage); err != nil {
		t.Fatal(err)
	}
	if out, code, err := o.run("list", "--user", "ada"); code == 0 || err == nil {
		t.Errorf("without a key: got %d, %s, want that the user has no session", code, out)
	}
	if _, err := os.Stat(filepath.Join(o.storage, "authentik", "key")); err == nil {
		t.Error("got a key that the command has created, want none")
	}
	if err := os.RemoveAll(filepath.Join(o.storage, "authentik")); err != nil {
		t.Fatal(err)
	}
	move("other", "authentik")
	if out, code, err := o.run("end", "--user", "ada"); code != 0 || err != nil || !strings.Contains(out, "of ada") {
		t.Errorf("got %d, %v: %s, want that ada's session has ended", code, err, out)
	}
	b.expect(b.get("/"), http.StatusSeeOther, "")
}

func TestCommand_SaysWhatIsWrong(t *testing.T) {
	o := newTerminal(t, oneLine)
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"list --user stranger": {2, "write the name as authentik does"},
		"end --user stranger":  {2, "write the name as authentik does"},
		"end 0123456789ab":     {2, "list a user's sessions"},
		"end":                  {1, "--user <name> for all of a user"},
		"end x/../y --user b/": {2, "list a user's sessions"},
	} {
		if out, code, err := o.run(strings.Fields(args)...); code != want.code || err == nil || !strings.Contains(err.Error(), want.text) || out != "" {
			t.Errorf("%s: %d, %v: %s", args, code, err, out)
		}
	}
	if err := o.try("admin "+o.api, "SITE {\n\trespond ok\n}\n"); err != nil {
		t.Fatal(err)
	}
	if _, code, err := o.run("list"); code != 1 || err == nil || !strings.Contains(err.Error(), "no gate runs") {
		t.Errorf("without a gate: %d, %v", code, err)
	}
	o.load(oneLine)                                              // with admin off
	testsite.Eventually(t, "that there is no API", func() bool { // Caddy stops the old one in the background
		_, code, err := o.run("list")
		return code == 1 && err != nil && strings.Contains(err.Error(), "admin off") && strings.Contains(err.Error(), "--address")
	})
	o.api = o.address // what answers there is a site
	if _, code, err := o.run("list"); code != 1 || err == nil {
		t.Errorf("at a site: %d, %v", code, err)
	}
}

// TestAdmin_ShowsNoSecret holds what it says against everything in a browser and a store.
func TestAdmin_ShowsNoSecret(t *testing.T) {
	o := newTerminal(t, oneLine)
	b := o.browser()
	b.signIn("/", "ada")
	b.get("/")
	for _, query := range []string{"", "?user=ada"} {
		res, err := http.Get("http://" + o.api + operator.SessionsPath + query) //nolint:noctx // of this test
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(body), `"user":"ada"`) || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%v: %s", err, body)
		}
		for _, word := range []string{"session-", "end-", "roll-", "epoch", "cookie", "authentik_session", "ada@example.com", "Lovelace"} {
			if strings.Contains(string(body), word) {
				t.Errorf("%s is in %s", word, body)
			}
		}
	}
	b.expect(o.browser().get(operator.SessionsPath), http.StatusSeeOther, "") // a page of the application, for who is signed in
}

// TestAdmin_IsNotForBrowsers leaves it to Caddy who may ask, and sees that it does.
func TestAdmin_IsNotForBrowsers(t *testing.T) {
	o := newTerminal(t, oneLine)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "http://"+o.api+operator.SessionsPath+"?user=ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a rebound name may end sessions: %d", res.StatusCode)
	}
}

func TestCommand_IsInEveryCaddy(t *testing.T) {
	t.Parallel()
	parent := &cobra.Command{}
	addCommands(parent)
	names := []string{}
	for _, c := range parent.Commands() {
		names = append(names, c.Name())
	}
	if !slices.Contains(names, "sessions") {
		t.Errorf("there are %v", names)
	}
	if _, there := caddycmd.Commands()["authentik"]; !there {
		t.Error("it is not registered")
	}
}
