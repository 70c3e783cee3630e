package authentiktest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A normalisation is something that differs from run to run. Both sides must
// still look alike, and what the recording had comes to stand for what this
// run has. A group in the pattern is all that may differ.
type normalisation struct {
	field string // the name of a JSON field or of a header, whatever it is in
	like  *regexp.Regexp
	why   string
}

// normalisations is all that is not compared by its value. A field that is
// not named here must have the very value that was recorded.
var normalisations = slices.Concat(oidcNormalisations(), sourceNormalisations(), []normalisation{
	{"request_id", regexp.MustCompile(`^[0-9a-f]{32}$`), "made for each request"},
	{"x-authentik-id", regexp.MustCompile(`^[0-9a-f]{32}$`), "made for each request"},
	{"pending_user_avatar", avatars, "the colour and the script of initials are authentik's own; the default picture is compared"},
	{"avatar", avatars, "as pending_user_avatar"},
	{"uid", regexp.MustCompile(`^[0-9a-f]{64}$`), "depends on the installation"},
	{"pk", regexp.MustCompile(`^(?:[0-9]+|[0-9a-f-]{36})$`), "primary keys depend on what was made before"},
	{"challenge", regexp.MustCompile(`^[A-Za-z0-9_-]{86}$`), "64 random bytes of a WebAuthn ceremony"},
	{"atc", regexp.MustCompile(`^[A-Za-z0-9]{40}$`), "random, in the challenge for an agent"},
	{"iss", regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "the primary key of a stage, in the challenge for an agent"},
	{"codes", regexp.MustCompile(`^[A-Za-z0-9]{12}$`), "random recovery codes"},
	{"config_url", regexp.MustCompile(`^otpauth:.*[?&]secret=([A-Z2-7]{32})&`), "only the secret in it is random"},
	{"created", times, "a time"},
	{"last_updated", times, "a time"},
	{"device_uid", regexp.MustCompile(`^[0-9]+$`), "a primary key"},
	{"link", regexp.MustCompile(`[?&]flow_token=([A-Za-z0-9]{60})$`), "only the flow token in it is random"},
	{"token", regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "of one consent challenge"},
	{"traceback", regexp.MustCompile(`^Traceback`), "names lines of authentik's source"},
	{"last_used", times, "a time"},
})

var times = regexp.MustCompile(`^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$`)

var avatars = regexp.MustCompile(`^data:image/svg\+xml;base64,`)

// varying takes a value apart: what may differ, which is all of it unless the
// pattern has a group, and what may not.
func (n normalisation) varying(value string) (part, rest string, ok bool) {
	m := n.like.FindStringSubmatchIndex(value)
	switch len(m) {
	case 0:
		return "", "", false
	case 2:
		return value, "", true
	}
	return value[m[2]:m[3]], value[:m[2]] + value[m[3]:], true
}

// normalised compares values of which parts may differ. What was the same
// twice in the recording must be the same twice here.
func (r *replay) normalised(name string, recorded, live string) (alike, known bool) {
	for _, n := range normalisations {
		had, hadRest, ok := n.varying(recorded)
		if n.field != name || !ok {
			continue
		}
		got, gotRest, ok := n.varying(live)
		before, met := r.live.known[[2]string{name, had}]
		if !ok || hadRest != gotRest || met && len(had) >= long && before != got || samlText(had) != samlText(got) {
			return false, true
		}
		r.live.learn(name, had, got)
		return true, true
	}
	return false, false
}

// compare lists the differences between a recorded answer and a live one.
func (r *replay) compare(i int, live *http.Response) {
	r.t.Helper()
	e := r.recording.Exchanges[i]
	d := &differences{replay: r}
	d.answers(e.Response, live)
	for _, what := range d.list {
		r.t.Errorf("#%d (browser %d, %s) %s %s: %s", i, e.Browser, e.Note, e.Request.Method, e.Request.Path, what)
	}
}

type differences struct {
	*replay
	list []string
}

func (d *differences) add(where string, recorded, live any) {
	d.list = append(d.list, fmt.Sprintf("%s: recorded %v, live %v", where, recorded, live))
}

func (d *differences) answers(recorded recordedResponse, live *http.Response) {
	body, err := io.ReadAll(live.Body)
	if err != nil {
		d.add("body", "whole", err)
	}
	if recorded.Status != live.StatusCode {
		d.add("status", recorded.Status, fmt.Sprintf("%d %.300s", live.StatusCode, body))
		return
	}
	d.headers(recorded.Headers, live.Header)
	switch {
	case recorded.JSON != nil:
		d.json(recorded.JSON, body)
	case recorded.HTML != nil:
		d.page(*recorded.HTML, string(body))
	case recorded.Text != nil:
		if want := d.live.within(*recorded.Text); want != string(body) {
			d.add("text", want, string(body))
		}
	case len(body) > 0:
		d.add("body", "empty", string(body))
	}
}

func (d *differences) headers(recorded [][2]string, live http.Header) {
	var cookies []string
	names := map[string]bool{}
	for _, h := range recorded {
		name, value := h[0], d.live.within(h[1])
		if name == "set-cookie" {
			cookies = append(cookies, h[1])
			continue
		}
		names[http.CanonicalHeaderKey(name)] = true
		got := live.Get(name)
		if name == "location" {
			d.parameters(name, h[1], got)
			value = d.live.within(h[1])
		}
		if alike, known := d.normalised(name, h[1], got); known && alike {
			continue
		}
		if value != got {
			d.add(name, value, got)
		}
	}
	for name := range live {
		if !names[name] && name != "Set-Cookie" {
			d.add(name, "absent", live.Get(name))
		}
	}
	d.cookies(cookies, live["Set-Cookie"])
}

func (d *differences) cookies(recorded, live []string) {
	had, got := cookieJar(recorded), cookieJar(live)
	for name := range maps.Keys(got) {
		if _, ok := had[name]; !ok {
			d.add("cookie "+name, "absent", got[name])
		}
	}
	for name, h := range had {
		g, ok := got[name]
		if !ok {
			d.add("cookie "+name, h, "absent")
			continue
		}
		if (h.Value == "") != (g.Value == "") {
			d.add("value of cookie "+name, h.Value, g.Value)
		}
		d.live.learn(name, h.Value, g.Value)
		d.attributes(name, h, g)
		d.claims(name, h.Value, g.Value)
	}
}

func cookieJar(lines []string) map[string]*http.Cookie {
	jar := map[string]*http.Cookie{}
	for _, line := range lines {
		if c, err := http.ParseSetCookie(line); err == nil {
			jar[c.Name] = c
		}
	}
	return jar
}

// attributes compares all that is said about a cookie. The age of a session
// counts from its login, so that it depends on how fast the recorder was.
func (d *differences) attributes(name string, h, g *http.Cookie) {
	age := h.MaxAge - g.MaxAge
	if name == cookieSession && -60 < age && age < 60 {
		g.MaxAge = h.MaxAge
	}
	say := func(c *http.Cookie) string {
		return fmt.Sprintf("Path=%s Domain=%s Max-Age=%d expires=%t Secure=%t HttpOnly=%t SameSite=%d",
			c.Path, c.Domain, c.MaxAge, c.RawExpires != "" && c.MaxAge >= 0, c.Secure, c.HttpOnly, c.SameSite)
	}
	if say(h) != say(g) {
		d.add("attributes of cookie "+name, say(h), say(g))
	}
}

// claims compares what the tokens in cookies say, apart from names and times.
func (d *differences) claims(name, recorded, live string) {
	h, g := claimsOf(recorded), claimsOf(live)
	if had, got := slices.Sorted(maps.Keys(h)), slices.Sorted(maps.Keys(g)); !slices.Equal(had, got) {
		d.add("claims of cookie "+name, had, got)
		return
	}
	for _, claim := range []string{"authenticated", "acr", "iss"} {
		if h[claim] != g[claim] {
			d.add(claim+" of cookie "+name, h[claim], g[claim])
		}
	}
	if (h["sub"] == "anonymous") != (g["sub"] == "anonymous") {
		d.add("sub of cookie "+name, h["sub"], g["sub"])
	}
}

func claimsOf(token string) (claims map[string]any) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return nil
	}
	return claims
}

func (d *differences) json(recorded any, body []byte) {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var live any
	if err := decoder.Decode(&live); err != nil {
		d.add("body", "JSON", fmt.Sprintf("%v: %.200s", err, body))
		return
	}
	d.value("", "", recorded, live)
}

// value compares two JSON values of the field called name.
func (d *differences) value(where, name string, recorded, live any) {
	switch h := recorded.(type) {
	case map[string]any:
		if g, ok := live.(map[string]any); ok {
			d.object(where, h, g)
			return
		}
	case []any:
		if g, ok := live.([]any); ok && len(g) == len(h) {
			h, g = ordered(name, h), ordered(name, g)
			for i := range h {
				d.value(fmt.Sprintf("%s[%d]", where, i), name, h[i], g[i])
			}
			return
		}
	case string, json.Number:
		had, got := fmt.Sprint(h), fmt.Sprint(live)
		if name == "scope" {
			had, got = inOrder(had), inOrder(got)
		}
		d.parameters(where, had, got)
		if alike, known := d.normalised(name, had, got); known && alike && pythonType(h) == pythonType(live) {
			return
		}
		if d.token(where, had, got) {
			return
		}
		if pythonType(h) == pythonType(live) && d.live.of(name, had) == got {
			return
		}
	default:
		if recorded == live {
			return
		}
	}
	d.add(where, say(recorded), say(live))
}

func (d *differences) object(where string, h, g map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if _, ok := g[name]; !ok {
			d.add(where+"."+name, say(h[name]), "absent")
			continue
		}
		d.value(where+"."+name, name, h[name], g[name])
	}
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if _, ok := h[name]; !ok {
			d.add(where+"."+name, "absent", say(g[name]))
		}
	}
}

// ordered sorts the lists whose order does not matter: a user's devices.
func ordered(name string, list []any) []any {
	if name == "groups" && unnamed(list) {
		return sorted(list)
	}
	if name != "device_challenges" {
		return list
	}
	class := func(one any) string {
		o, _ := one.(map[string]any)
		return fmt.Sprint(o["device_class"])
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(class(a), class(b)) })
	return list
}

func say(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
