package exchange

import (
	"strings"
	"testing"
	"time"
)

func TestArrivals_AreReadStrictly(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	ago := func(seconds ...int) (a Arrivals) {
		for _, s := range seconds {
			a = append(a, now.Add(-time.Duration(s)*time.Second))
		}
		return a
	}
	for name, tt := range map[string]struct {
		value string
		want  int
		ok    bool
	}{
		"three":                 {ago(50, 20, 0).String(), 3, true},
		"some of them are over": {ago(70, 60, 59).String(), 1, true},
		"another clock":         {ago(-5, -70).String(), 1, true},
		"four":                  {ago(3, 2, 1, 0).String(), 0, false},
		"none":                  {"", 0, false},
		"capitals":              {strings.ToUpper(ago(0).String()), 0, false},
		"zeros before":          {"0" + ago(0).String(), 0, false},
		"signs":                 {"-1", 0, false},
		"a gap":                 {ago(0).String() + "..", 0, false},
		"too large":             {"zzzzzzzzzzzzzzzz", 0, false},
		"something else":        {"a b;c", 0, false},
		"long":                  {strings.Repeat("1.", 5000), 0, false},
	} {
		got, _, ok := parseArrivals(tt.value, "", now)
		if ok != tt.ok || ok && len(got) != tt.want {
			t.Errorf("%s: got %v, %v from %q, want %d arrivals, %v", name, got, ok, tt.value, tt.want, tt.ok)
		}
	}
	a := Arrivals{}
	for i := range 5 {
		a = a.With(now.Add(time.Duration(i) * time.Second))
	}
	if read, _, ok := parseArrivals(a.String(), "", now); !ok || len(read) != maxArrivals || !read[2].Equal(now.Add(4*time.Second)) {
		t.Errorf("got %[2]v, want %[1]v", a, read)
	}
	if n := len(a.String()); n > 24 {
		t.Errorf("got %d bytes for three arrivals, want at most 24", n)
	}
}
