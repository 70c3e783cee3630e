package operator

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A fakeOperator answers what a test says.
type fakeOperator struct {
	list []proxy.Entry
	err  error
}

func (f fakeOperator) SessionsOf(context.Context, string) ([]proxy.Entry, error) {
	return f.list, f.err
}
func (f fakeOperator) Cached() []proxy.Entry                                 { return f.list }
func (f fakeOperator) EndAll(context.Context, string) ([]proxy.Entry, error) { return f.list, f.err }

func (f fakeOperator) EndOne(context.Context, string, string) (proxy.Entry, error) {
	if len(f.list) == 0 {
		return proxy.Entry{}, f.err
	}
	return f.list[0], f.err
}

func entry(id string, age time.Duration) proxy.Entry {
	return proxy.Entry{ID: id, User: "ada", Begun: time.Unix(1_000_000, 0).Add(-age)}
}

func TestAdmin_AsksAllGatesAsOne(t *testing.T) {
	t.Parallel()
	down := &proxy.Error{Status: http.StatusServiceUnavailable, Title: "Session store unavailable", Err: errors.New("cable cut")}
	one, two := fakeOperator{list: []proxy.Entry{entry("a", time.Hour), entry("b", 0)}}, fakeOperator{list: []proxy.Entry{entry("b", 0)}}
	noUser, noSession := fakeOperator{err: proxy.ErrNoUser}, fakeOperator{err: proxy.ErrNoSession}
	for name, tt := range map[string]struct {
		gates        []operator
		method, user string
		id           string
		want         string // ids, the newest first
		err          error
	}{
		"one store, listed once":            {[]operator{one, two}, "GET", "ada", "", "b a", nil},
		"what is remembered":                {[]operator{two, one}, "GET", "", "", "b a", nil},
		"one does not know the user":        {[]operator{noUser, one}, "GET", "ada", "", "b a", nil},
		"no gate knows the user":            {[]operator{noUser, noUser}, "GET", "ada", "", "", proxy.ErrNoUser},
		"known and without a session":       {[]operator{noUser, fakeOperator{}}, "GET", "ada", "", "", nil},
		"one fails":                         {[]operator{one, fakeOperator{err: down}}, "GET", "ada", "", "b a", down},
		"all of a user end":                 {[]operator{one, noUser}, "DELETE", "ada", "", "b a", nil},
		"one of them ends":                  {[]operator{noSession, one}, "DELETE", "ada", "a", "a", nil},
		"one ends without a user":           {[]operator{noSession, one}, "DELETE", "", "a", "a", nil},
		"no such session":                   {[]operator{noSession, noSession}, "DELETE", "", "x", "", proxy.ErrNoSession},
		"no user is named":                  {[]operator{one}, "DELETE", "", "", "", errWhose},
		"a list of one":                     {[]operator{one}, "GET", "", "a", "", errList},
		"another method":                    {[]operator{one}, "POST", "ada", "", "", errMethod},
		"a failure beside one who is known": {[]operator{fakeOperator{err: down}, noUser}, "DELETE", "ada", "", "", down},
	} {
		says, err := execute(t.Context(), tt.gates, tt.method, tt.user, tt.id)
		var ids []string
		for _, e := range says.Sessions {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if says, _ := execute(t.Context(), []operator{one}, "GET", "", ""); !says.Remembered || says.Ended {
		t.Error("a list of what is remembered does not say so")
	}
	if says, _ := execute(t.Context(), []operator{fakeOperator{}}, "GET", "ada", ""); says.Remembered || says.Sessions == nil {
		t.Error("got no list, want an empty one")
	}
}

func TestAdmin_RefusesUnknownParameters(t *testing.T) {
	t.Parallel()
	for target, wrong := range map[string]bool{
		"/authentik/sessions?user=ada": false, "/authentik/sessions": false, "/authentik/sessions/a?user=ada": false,
		"/authentik/sessions?usr=ada": true, "/authentik/sessions?user=": true, "/authentik/sessions?user": true,
		"/authentik/sessions?user=ada&user=bob": true, "/authentik/sessions?user=ada&all=1": true,
	} {
		if _, _, err := parameters(httptest.NewRequestWithContext(t.Context(), http.MethodDelete, target, nil)); (err != nil) != wrong {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestAdmin_ErrorsHaveAStatusAndARemedy(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct {
		status int
		text   string
	}{
		proxy.ErrNoUser:    {404, "write the name as authentik does"},
		proxy.ErrNoSession: {404, "list a user's sessions"},
		errNoGate:          {404, "write the directive authentik"},
		errWhose:           {400, "?user="},
		errMethod:          {405, "DELETE"},
		&proxy.Error{Status: 503, Title: "Session store unavailable", Err: errors.New("cable cut")}: {503, "cable cut"},
	} {
		got, is := apiError(err).(caddy.APIError) //nolint:errorlint // as Caddy asks
		if !is || got.HTTPStatus != want.status || !strings.Contains(got.Error(), want.text) {
			t.Errorf("%v: %+v", err, got)
		}
	}
}

func TestTable_IsSafeForATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	nasty := proxy.Entry{ID: "a", User: "\x1b[2Jada\n\u202e", Agent: strings.Repeat("ü", 100)}
	if err := writeTable(&out, []proxy.Entry{nasty}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\u202e") || strings.Count(text, "\n") != 2 || strings.Count(text, "ü") != maxCell-1 {
		t.Errorf("%q", text)
	}
}
