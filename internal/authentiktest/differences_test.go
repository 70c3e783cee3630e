package authentiktest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A comparison that finds no differences would make every replay pass.
func TestCompare_ReportsEachDifference(t *testing.T) {
	t.Parallel()
	const body = `{"a": 1, "b": ["x", null], "request_id": "0123456789abcdef0123456789abcdef", "pk": "7"}`
	headers := func() http.Header {
		return http.Header{
			"Content-Type": {"application/json"}, "Location": {"/here"},
			"Set-Cookie": {"authentik_session=a; Path=/; HttpOnly; SameSite=None; Secure"},
		}
	}
	recorded := recordedResponse{
		Status:  http.StatusOK,
		Headers: [][2]string{{"content-type", "application/json"}, {"location", "/here"}, {"set-cookie", headers().Get("Set-Cookie")}},
	}
	recorded.JSON = decoded(t, body)
	status := func(n int) func(*http.Response) { return func(r *http.Response) { r.StatusCode = n } }
	header := func(name, value string) func(*http.Response) {
		return func(r *http.Response) { r.Header.Set(name, value) }
	}
	text := func(old, replacement string) func(*http.Response) {
		return func(r *http.Response) {
			r.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(body, old, replacement)))
		}
	}
	for what, c := range map[string]struct {
		change func(*http.Response)
		differ bool
	}{
		"nothing":               {func(*http.Response) {}, false},
		"another request id":    {text("0123", "4567"), false},
		"another primary key":   {text(`"7"`, `"8"`), false},
		"status":                {status(http.StatusCreated), true},
		"header changed":        {header("Location", "/there"), true},
		"header gone":           {func(r *http.Response) { r.Header.Del("Content-Type") }, true},
		"header added":          {header("Allow", "GET"), true},
		"value":                 {text(`"a": 1`, `"a": 2`), true},
		"type":                  {text(`"a": 1`, `"a": "1"`), true},
		"type of a key":         {text(`"7"`, `7`), true},
		"null":                  {text("null", "false"), true},
		"length of a list":      {text(`"x", `, ""), true},
		"field gone":            {text(`"a": 1, `, ""), true},
		"field added":           {text(`"a": 1`, `"a": 1, "c": 1`), true},
		"request id of no kind": {text("0123", "xyz-"), true},
		"no JSON":               {text(body, "<p>"), true},
		"cookie gone":           {func(r *http.Response) { r.Header.Del("Set-Cookie") }, true},
		"cookie added":          {func(r *http.Response) { r.Header.Add("Set-Cookie", "x=y") }, true},
		"cookie for scripts":    {header("Set-Cookie", "authentik_session=a; Path=/; SameSite=None; Secure"), true},
		"cookie for longer":     {header("Set-Cookie", "authentik_session=a; Path=/; HttpOnly; SameSite=None; Secure; Max-Age=90"), true},
		"cookie emptied":        {header("Set-Cookie", "authentik_session=; Path=/; HttpOnly; SameSite=None; Secure"), true},
	} {
		live := &http.Response{StatusCode: http.StatusOK, Header: headers(), Body: io.NopCloser(strings.NewReader(body))}
		c.change(live)
		d := &differences{replay: &replay{live: values{}}}
		if d.answers(recorded, live); (len(d.list) > 0) != c.differ {
			t.Errorf("%s: got %v", what, d.list)
		}
	}
}

func TestCompare_ReadsPagesAndTokens(t *testing.T) {
	t.Parallel()
	page := recordedPage{Title: "T", Words: "a b", Forms: []any{nil}}
	for live, differ := range map[string]bool{
		`<title>T</title><p>a</p><p>b</p><form></form>`:                   false,
		`<title>T</title><p>a</p><script>x</script><p>b</p><form></form>`: false,
		`<title>U</title><p>a b</p><form></form>`:                         true,
		`<title>T</title><p>a c</p><form></form>`:                         true,
		`<title>T</title><p>a b</p>`:                                      true,
	} {
		d := &differences{replay: &replay{live: values{}}}
		if d.page(page, live); (len(d.list) > 0) != differ {
			t.Errorf("%s: got %v", live, d.list)
		}
	}
	s := &Server{key: []byte("k")}
	token := func(sub string, in bool) string { return s.sign(map[string]any{"sub": sub, "authenticated": in}) }
	for live, differ := range map[string]bool{
		token("other", true): false, token("anonymous", true): true, token("one", false): true, "opaque": true,
	} {
		d := &differences{replay: &replay{live: values{}}}
		if d.claims(cookieSession, token("one", true), live); (len(d.list) > 0) != differ {
			t.Errorf("%s: got %v", live, d.list)
		}
	}
}

func TestCompare_RecordedValuesAreReplaced(t *testing.T) {
	t.Parallel()
	m := values{}
	m.learn("device_uid", "6", "41")
	m.learn("token", "recorded-token-0123456789", "live-token")
	m.learn("token", "recorded-token-0123456789-longer", "live-longer")
	for name, c := range map[string][2]string{
		"device_uid": {"6", "41"},
		"code":       {"6", "6"},
		"other":      {"x=recorded-token-0123456789-longer&y=recorded-token-0123456789", "x=live-longer&y=live-token"},
	} {
		if got := m.in(name, c[0]); got != c[1] {
			t.Errorf("%s, %q: got %q, want %q", name, c[0], got, c[1])
		}
	}
}

func TestCompare_ChecksTheTextAroundRandomValues(t *testing.T) {
	t.Parallel()
	address := func(user, secret string) string {
		return "otpauth://totp/authentik%3A" + user + "?secret=" + secret + "&digits=6"
	}
	one, two := strings.Repeat("A", 32), strings.Repeat("B", 32)
	for what, c := range map[string]struct {
		live  []string // of the same recorded value, one after the other
		alike bool
	}{
		"another secret":       {[]string{address("lg-gina", two), address("lg-gina", two)}, true},
		"a secret that varies": {[]string{address("lg-gina", two), address("lg-gina", one)}, false},
		"another user":         {[]string{address("lg-hugo", two)}, false},
		"no secret":            {[]string{address("lg-gina", "")}, false},
	} {
		r := &replay{live: values{}}
		last := true
		for _, live := range c.live {
			last, _ = r.normalised("config_url", address("lg-gina", one), live)
		}
		if last != c.alike {
			t.Errorf("%s: got equal %t", what, last)
		}
	}
}
