package authentiktest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// values are the one-time values of a recording and what stands for each of
// them in this run, by the name of the field or cookie they were seen in.
type values struct {
	known    map[[2]string]string
	replacer *strings.Replacer // of the long ones; nil since the last one was learned
}

// long is the length from which on a value is taken for itself wherever it
// turns up. Shorter ones, such as primary keys, stand for themselves in the
// field they were seen in only, but for the codes that devices show.
const long = 16

func (m *values) learn(name, recorded, live string) {
	if m.known == nil {
		m.known = map[[2]string]string{}
	}
	if before, found := m.known[[2]string{name, recorded}]; found && before == live {
		return
	}
	m.known[[2]string{name, recorded}], m.replacer = live, nil
}

// of is what stands for a value of a field.
func (m *values) of(name, recorded string) string {
	if live, ok := m.known[[2]string{name, recorded}]; ok {
		return live
	}
	return m.within(recorded)
}

// within puts in what stands for the long values in a text, the longest
// first: one may be part of another.
func (m *values) within(text string) string {
	if m.replacer == nil {
		m.replacer = m.longOnes()
	}
	return m.replacer.Replace(text)
}

func (m *values) longOnes() *strings.Replacer {
	keys := slices.Collect(maps.Keys(m.known))
	slices.SortFunc(keys, func(a, b [2]string) int {
		if d := len(b[1]) - len(a[1]); d != 0 {
			return d
		}
		return strings.Compare(a[0]+a[1], b[0]+b[1])
	})
	var pairs []string
	for _, key := range keys {
		if len(key[1]) < long && key[0] != "user_code" {
			continue
		}
		pairs = append(pairs, key[1], m.known[key])
		if escaped := url.QueryEscape(key[1]); escaped != key[1] {
			pairs = append(pairs, escaped, url.QueryEscape(m.known[key]))
		}
	}
	return strings.NewReplacer(pairs...)
}

// in puts the values of this run into a recorded JSON value.
func (m *values) in(name string, recorded any) any {
	switch t := recorded.(type) {
	case string:
		return m.of(name, t)
	case json.Number:
		if live := m.of(name, t.String()); live != t.String() {
			return json.Number(live)
		}
	case []any:
		list := []any{}
		for _, one := range t {
			list = append(list, m.in(name, one))
		}
		return list
	case map[string]any:
		o := map[string]any{}
		for key, one := range t {
			o[key] = m.in(key, one)
		}
		return o
	}
	return recorded
}

// body is a recorded body as bytes: a form where the content type says so.
func (r *replay) body(recorded recordedRequest) io.Reader {
	switch t := r.live.in("", recorded.Body).(type) {
	case nil:
		return http.NoBody
	case string:
		return strings.NewReader(t)
	case map[string]any:
		if strings.HasPrefix(recorded.Headers["Content-Type"], "application/x-www-form-urlencoded") {
			return strings.NewReader(form(t).Encode())
		}
		return jsonBody(t)
	default:
		return jsonBody(t)
	}
}

func jsonBody(value any) io.Reader {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was JSON when it was recorded
	}
	return strings.NewReader(string(raw))
}

func form(fields map[string]any) url.Values {
	f := url.Values{}
	for name, value := range fields {
		if s, ok := value.(string); ok {
			f.Set(name, s)
		}
	}
	return f
}
