package headers

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// readers read back what an encoding has written, as an application would.
var readers = map[Encoding]func(string) (string, error){
	UTF8:    readPercent,
	Percent: readPercent,
	Latin1: func(value string) (string, error) {
		var b strings.Builder
		for _, octet := range []byte(value) {
			b.WriteRune(rune(octet))
		}
		return readPercent(b.String())
	},
	QuotedPrintable: func(value string) (string, error) {
		read, err := io.ReadAll(quotedprintable.NewReader(bufio.NewReaderSize(strings.NewReader(value), len(value)+1))) // of any length
		return string(read), err
	},
	RFC2047: new(mime.WordDecoder).DecodeHeader,
}

// readPercent decodes what is encoded, and leaves other percent signs as they
// are.
func readPercent(value string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if !looksEncoded(value[i:]) {
			b.WriteByte(value[i])
			continue
		}
		octet, err := url.PathUnescape(value[i : i+3])
		if err != nil {
			return "", err
		}
		b.WriteString(octet)
		i += 2
	}
	return b.String(), nil
}

// carried reports whether a header can carry a value, and readers leave it as it
// is.
func carried(value string) bool {
	return !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) &&
		value == strings.TrimFunc(value, isBlank)
}

// FuzzEncoding holds every name to what a header can carry, and to being read
// back as what it was.
func FuzzEncoding(f *testing.F) {
	for _, name := range []string{"Zoë, O'Brien\n", "100%|", "%C3%BC", "=?utf-8?q?x?=", "\u200badmin\u0085", "\xff%", "%4", "猫 猫 猫 猫 猫 猫 猫 猫", "=2C", "a_b", strings.Repeat("\xff", 5000)} {
		f.Add(name, "staff")
	}
	f.Fuzz(func(t *testing.T, name, other string) {
		for _, e := range Encodings() {
			for _, separator := range []string{",", "|"} {
				checkEncoding(t, Encoding(e), separator, name, other)
			}
		}
	})
}

func checkEncoding(t *testing.T, e Encoding, separator, name, other string) {
	t.Helper()
	got, fellBack := e.join([]string{name, other}, separator)
	if !carried(got) {
		t.Fatalf("%s of %q and %q: got %q, want what a header can carry", e, name, other, got)
	}
	if e != Latin1 && strings.IndexFunc(got, unicode.IsControl) >= 0 {
		t.Fatalf("%s of %q: got %q, want no controls", e, name, got)
	}
	read := readers[e]
	if fellBack {
		read = readPercent
	}
	parts := strings.Split(got, separator)
	if len(parts) != 2 {
		t.Fatalf("%s of %q and %q: got %q, want two names", e, name, other, got)
	}
	for i, want := range []string{name, other} {
		if back, err := read(parts[i]); err != nil || back != want && (e != RFC2047 || utf8.ValidString(want)) {
			t.Fatalf("%s of %q: got %q, which reads as %q (%v)", e, want, parts[i], back, err)
		}
	}
	if name != other && parts[0] == parts[1] {
		t.Fatalf("%s of %q and %q: got %q of both", e, name, other, parts[0])
	}
	if alone, again := e.Spell(name), e.Spell(other); name != other && alone == again {
		t.Fatalf("%s of %q and %q: got %q of both", e, name, other, alone)
	}
}

// TestEncoding_NoTwoNamesHaveOneSpelling goes through all short names of the
// characters that encodings treat in a way of their own.
func TestEncoding_NoTwoNamesHaveOneSpelling(t *testing.T) {
	t.Parallel()
	alphabet := []string{
		"%", "2", "C", "=", "?", ",", "|", " ", "_", "a", "é", "猫", "\u00a0", "\u0085", "\u00ad", "\u200b", "\u2028", "\x00", "\x7f", "\ufffd", "\xff", "\xc2", "\xa0",
	}
	names := []string{""}
	for range 3 {
		for _, begin := range slices.Clone(names) {
			for _, c := range alphabet {
				names = append(names, begin+c)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	names = append(names, "%C3%A9", "%E7%8C%AB", "=?utf-8?q?a?=", "=C3=A9", "%25C3", "%%41", "%u00e9")
	for _, e := range Encodings() {
		for _, separator := range []string{"", ",", "|"} {
			seen := make(map[string]string, len(names))
			for _, name := range names {
				spelled, _ := Encoding(e).join([]string{name}, separator)
				if before, twice := seen[spelled]; twice {
					t.Fatalf("%s: got %q of %q and of %q", e, spelled, before, name)
				}
				seen[spelled] = name
			}
		}
	}
}

func TestEncoding_OfEachName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want map[Encoding]string
	}{
		{"zoë", map[Encoding]string{UTF8: "zoë", Percent: "zo%C3%AB", Latin1: "zo\xeb", QuotedPrintable: "zo=C3=AB", RFC2047: "=?utf-8?q?zo=C3=AB?="}},
		{"Büro, Süd", map[Encoding]string{
			UTF8: "Büro%2C Süd", Percent: "B%C3%BCro%2C S%C3%BCd", Latin1: "B\xfcro%2C S\xfcd", QuotedPrintable: "B=C3=BCro=2C S=C3=BCd",
			RFC2047: "=?utf-8?q?B=C3=BCro=2C_S=C3=BCd?=",
		}},
		{" admins", map[Encoding]string{UTF8: "%20admins", Percent: "%20admins", Latin1: "%20admins", QuotedPrintable: "=20admins", RFC2047: "=?utf-8?q?_admins?="}},
		{"admins\u200b", map[Encoding]string{
			UTF8: "admins%E2%80%8B", Percent: "admins%E2%80%8B", Latin1: "admins%E2%80%8B", QuotedPrintable: "admins=E2=80=8B",
			RFC2047: "=?utf-8?q?admins=E2=80=8B?=",
		}},
		{"\u00a0a\u00a0b", map[Encoding]string{
			UTF8: "%C2%A0a\u00a0b", Percent: "%C2%A0a%C2%A0b", Latin1: "%C2%A0a\xa0b", QuotedPrintable: "=C2=A0a=C2=A0b", RFC2047: "=?utf-8?q?=C2=A0a=C2=A0b?=",
		}},
		{"a\r\nb\u0085\u009f", map[Encoding]string{
			UTF8: "a%0D%0Ab%C2%85%C2%9F", Percent: "a%0D%0Ab%C2%85%C2%9F", Latin1: "a%0D%0Ab%C2%85%C2%9F", QuotedPrintable: "a=0D=0Ab=C2=85=C2=9F",
			RFC2047: "=?utf-8?q?a=0D=0Ab=C2=85=C2=9F?=",
		}},
		{"100%", map[Encoding]string{UTF8: "100%", Percent: "100%25", Latin1: "100%", QuotedPrintable: "100%", RFC2047: "100%"}},
		{"%fa%4g%4", map[Encoding]string{UTF8: "%25fa%4g%4", Percent: "%25fa%254g%254", Latin1: "%25fa%4g%4", QuotedPrintable: "%fa%4g%4", RFC2047: "%fa%4g%4"}},
		{"猫ë", map[Encoding]string{
			UTF8: "猫ë", Percent: "%E7%8C%AB%C3%AB", Latin1: "%E7%8C%AB%C3%AB", QuotedPrintable: "=E7=8C=AB=C3=AB", RFC2047: "=?utf-8?q?=E7=8C=AB=C3=AB?=",
		}},
		{"a=b", map[Encoding]string{UTF8: "a=b", Percent: "a=b", Latin1: "a=b", QuotedPrintable: "a=3Db", RFC2047: "a=b"}},
		{"", map[Encoding]string{UTF8: "", Percent: "", Latin1: "", QuotedPrintable: "", RFC2047: ""}},
	} {
		for e, want := range tt.want {
			if got, _ := e.join([]string{tt.name}, ","); got != want {
				t.Errorf("%s of %q: got %q, want %q", e, tt.name, got, want)
			}
		}
	}
}

// TestEncoding_LongWordsAreSeveral: RFC 2047, 2, bounds an encoded word to 75
// characters, and readers drop the blank between two.
func TestEncoding_LongWordsAreSeveral(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("猫 ë", 40)
	got := RFC2047.Spell(name)
	for word := range strings.SplitSeq(got, " ") {
		if len(word) > maxWord {
			t.Errorf("got a word of %d characters: %s", len(word), word)
		}
	}
	if back, err := new(mime.WordDecoder).DecodeHeader(got); err != nil || back != name {
		t.Errorf("got %q (%v), want %q", back, err, name)
	}
}

// TestEncoding_FallsBackWhole: a value that mixed two encodings could not be read.
func TestEncoding_FallsBackWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names []string
		want  string
		whole bool
	}{
		{[]string{"zoë", "staff"}, "zo\xeb,staff", false},
		{[]string{"zoë", "猫", "100%"}, "zo%C3%AB,%E7%8C%AB,100%25", true},
	} {
		if got, fellBack := Latin1.join(tt.names, ","); got != tt.want || fellBack != tt.whole {
			t.Errorf("%q: got %q, fell back: %t, want %q, %t", tt.names, got, fellBack, tt.want, tt.whole)
		}
	}
	for _, e := range Encodings() {
		if _, fellBack := Encoding(e).join([]string{"猫\xff\x00"}, ","); fellBack != (e == string(Latin1)) {
			t.Errorf("%s: got a fallback %t, want it only for latin1", e, fellBack)
		}
	}
}

// TestEncoding_OtherBlanksAtTheEnds goes through all of Unicode.
func TestEncoding_OtherBlanksAtTheEnds(t *testing.T) {
	t.Parallel()
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if !isBlank(c) && !unicode.IsControl(c) {
			continue
		}
		for _, name := range []string{string(c) + "a", "a" + string(c), string(c)} {
			if got := UTF8.Spell(name); !strings.Contains(got, "%") || got != strings.TrimFunc(got, isBlank) {
				t.Errorf("%U: got %q of %q", c, got, name)
			}
		}
	}
	if got, want := UTF8.Join([]string{"staff", " admins", "a, b "}), "staff,%20admins,a%2C b%20"; got != want {
		t.Errorf("list: got %q, want %q", got, want)
	}
	if got, want := fmt.Sprint(UTF8.Spell("  a  b  ")), "%20%20a  b%20%20"; got != want {
		t.Errorf("blanks: got %q, want %q", got, want)
	}
}
