package programs

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func encoded(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestCredential_Password(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		encoded("jane:secret"): "jane|secret", encoded("jane:a:b"): "jane|a:b", encoded("jané:pässword ☃"): "jané|pässword ☃",
		strings.Replace(encoded("jane:secret"), "Basic", "bAsIc", 1): "jane|secret", strings.Replace(encoded("jane:secret"), " ", "   ", 1): "jane|secret",
		" " + encoded("jane:secret") + "\t": "jane|secret", encoded(" jane : "): " jane | ",
		encoded("jane"): "", encoded(""): "", encoded(":"): "", encoded("jane:"): "", encoded(":secret"): "",
		encoded("ja\x00ne:secret"): "", encoded("jane:sec\nret"): "", encoded("jane:sec\u0085ret"): "", encoded("jane:\xff"): "", encoded("jane:" + strings.Repeat("x", maxCredential)): "",
		"Basic": "", "Basic ": "", "Basic ?": "", "Basic amFuZTpzZWNyZXQ": "", "Basic amFuZTpzZWNyZXR=": "", "Bearer amFuZTpzZWNyZXQ=": "", "": "", "Basicx amFuZTpzZWNyZXQ=": "",
		"Basic amFuZTpzZWNyZXQ= amFuZTpzZWNyZXQ=": "", "Basic amFuZTpzZWNyZXQ=, Bearer x": "",
	} {
		c := Read([]string{line})
		name, password, ok := c.Password()
		got := name + "|" + password
		if !ok {
			got = ""
		}
		if got != want || ok != c.Valid() && c.Scheme == Basic {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestCredential_Token(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"Bearer abc": "abc", "bearer a-._~+/9==": "a-._~+/9==", "BEARER  x": "x",
		"Bearer": "", "Bearer ": "", "Bearer =": "", "Bearer a b": "", "Bearer a=b": "", "Bearer ä": "", "Bearer a,b": "", "Bearer \"a\"": "",
		"Bearer " + strings.Repeat("x", maxCredential+1): "", "Basic abc": "", "Token abc": "",
	} {
		c := Read([]string{line})
		if got, ok := c.Token(); ok != (want != "") || ok && got != want {
			t.Errorf("%.40q: got %q, %t, want %q", line, got, ok, want)
		}
	}
}

func TestCredential_OfSeveralLinesIsNone(t *testing.T) {
	t.Parallel()
	if c := Read([]string{"Bearer a", "Bearer a"}); !c.Several || c.Scheme != "" || c.Valid() {
		t.Errorf("got scheme %q, several %t, want no scheme and several", c.Scheme, c.Several)
	}
	if c := Read(nil); c != (Credential{}) {
		t.Errorf("got %v of no line, want none", c)
	}
}

func TestCredential_IsNeverPrinted(t *testing.T) {
	t.Parallel()
	c := Read([]string{encoded("jane:secret")})
	log := new(strings.Builder)
	slog.New(slog.NewTextHandler(log, nil)).Info("shown", "credential", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%q", &c), fmt.Sprintf("%s", []any{c}), log.String()} {
		if strings.Contains(text, "amFu") || strings.Contains(text, "secret") {
			t.Errorf("got %q, want nothing of the credential", text)
		}
	}
}

func FuzzCredential(f *testing.F) {
	for _, seed := range []string{"", "Basic", encoded("jane:secret"), encoded("a"), encoded("a:\x00"), "Bearer e30.e30.x", "basic  =", "Bearer\tx", "Digest username=\"x\""} {
		f.Add(seed, "")
	}
	f.Add("Bearer a", "Bearer b")
	namer := newNamer([]byte("key"))
	f.Fuzz(func(t *testing.T, line, other string) {
		lines := []string{line}
		if other != "" {
			lines = append(lines, other)
		}
		c := Read(lines)
		name, password, ok := c.Password()
		if ok && (name == "" || password == "" || !utf8.ValidString(name+password) || strings.Contains(name, ":") || strings.ContainsAny(name+password, "\x00\r\n")) {
			t.Errorf("got name %q and password %q, want neither", name, password)
		}
		token, isToken := c.Token()
		if isToken && (token == "" || strings.ContainsAny(token, " \t,\"\x00")) || ok && isToken {
			t.Errorf("got token %q, want none", token)
		}
		if c.Several != (len(lines) > 1) || c.Several && c.Valid() {
			t.Errorf("got several %t of %d lines", c.Several, len(lines))
		}
		if first, second := namer.name(c), namer.name(c); first != second {
			t.Error("got two names of one credential")
		}
	})
}

func TestName_DependsOnAllThatIsShown(t *testing.T) {
	t.Parallel()
	seen := map[Name]string{}
	for _, key := range []string{"one", "two"} {
		namer := newNamer([]byte(key))
		for _, line := range []string{"Basic a", "Bearer a", "Basic b", "Basic " + strings.Repeat("a", 512), "Basic " + strings.Repeat("a", 513), "Basic " + strings.Repeat("a", 5000), "Basic"} {
			name := namer.name(Read([]string{line}))
			if before, found := seen[name]; found {
				t.Errorf("%s and %.20s: got one name, want two", before, key+line)
			}
			seen[name] = key + line
			if name != namer.name(Read([]string{line})) {
				t.Errorf("%.20s: got another name, want the same", line)
			}
		}
	}
}
