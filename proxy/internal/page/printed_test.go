package page

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// asks draws a question for a visitor with a language.
func asks(t testing.TB, p *Pages, q Question, method, query, language string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/.authentik/login"+query, nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	if err := p.Ask(w, r, q); err != nil {
		t.Fatal(err)
	}
	return w
}

// same compares a page with the one that is drawn only for its visitor.
func same(t *testing.T, p *Pages, q Question, query, language string) {
	t.Helper()
	alone := q
	alone.Prints = nil
	want := asks(t, p, alone, http.MethodGet, query, language)
	for _, how := range []string{"first", "again"} {
		got := asks(t, p, q, http.MethodGet, query, language)
		if got.Body.String() != want.Body.String() || got.Code != want.Code || !maps.EqualFunc(got.Header(), want.Header(), func(a, b []string) bool { return a[0] == b[0] }) {
			t.Errorf("%s, %s, back to %q: got %d %v\n%s\nwant %d %v\n%s", how, language, q.Back, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
		}
	}
}

func identification(t testing.TB) Question {
	t.Helper()
	return questionOf(decode(t, []byte(`{"component":"ak-stage-identification","user_fields":["username"],"primary_action":"Log in",
		"flow_info":{"title":"Welcome","background":"/static/flow.jpg","layout":"stacked","cancel_url":"/"},"recovery_url":"/if/flow/recovery/",
		"sources":[{"name":"GitHub","icon_url":"/static/github.svg","challenge":{"component":"xak-flow-redirect","to":"/source/oauth/login/github/"}}]}`)))
}

// TestPrints_AreThePageThatIsDrawn compares every recorded first challenge, in
// every language, and with ways back that have to be escaped.
func TestPrints_AreThePageThatIsDrawn(t *testing.T) {
	t.Parallel()
	p, printedPages := testPages(t), 0
	for _, rec := range recordings(t) {
		if rec.challenge.Component() != flowclient.ComponentIdentification {
			continue
		}
		q := questionOf(rec.challenge)
		q.Prints = new(Prints)
		for _, back := range []string{"/", "/app?a=b&c=d+e", `/"><script>alert(1)</script>`, "/'%2B\x00\xff", ""} {
			q.Back, q.Visit = back, "visit+of/"+back
			same(t, p, q, "", "en")
		}
		printedPages += len(q.Prints.kept)
	}
	if printedPages < 10 {
		t.Errorf("got %d printed pages of recorded challenges, want more", printedPages)
	}
	for _, tag := range []string{"de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh-Hans", "zh-Hant"} {
		q := identification(t)
		q.Prints = new(Prints)
		same(t, p, q, "", tag)
		if len(q.Prints.kept) != 1 {
			t.Errorf("%s: got %d prints, want one", tag, len(q.Prints.kept))
		}
	}
}

// TestPrints_AreForTheSameLanguageAndBrand has visitors with different ones share
// the prints of one copy.
func TestPrints_AreForTheSameLanguageAndBrand(t *testing.T) {
	t.Parallel()
	p, q := testPages(t), identification(t)
	q.Prints = new(Prints)
	brands := []flowclient.Brand{testBrand(), {}, {Title: "Example", Theme: "dark"}, {Title: "Example", Theme: "dark", DefaultLocale: "de"}}
	for range 2 {
		for _, q.Brand = range brands {
			for _, language := range []string{"en", "de", "fr-CH, fr;q=0.9", ""} {
				same(t, p, q, "", language)
			}
		}
	}
	if n := len(q.Prints.kept); n > maxPrints {
		t.Errorf("got %d prints kept, want %d at most", n, maxPrints)
	}
}

// TestPrints_AreOnlyForTheFirstPage has what is said to one visitor.
func TestPrints_AreOnlyForTheFirstPage(t *testing.T) {
	t.Parallel()
	p, prints := testPages(t), new(Prints)
	first := identification(t)
	first.Prints = prints
	same(t, p, first, "", "en")
	for name, change := range map[string]func(*Question){
		"a notice":          func(q *Question) { q.Notice = "notice_expired" },
		"a mistake":         func(q *Question) { q.Mistake = &Mistake{Field: "uid_field", Name: "enter_name"} },
		"a source":          func(q *Question) { q.Source = &ChosenSource{Name: "GitHub"} },
		"a name":            func(q *Question) { q.Name = "jane" },
		"a lockout":         func(q *Question) { q.Lockout = time.Minute },
		"a lost session":    func(q *Question) { q.Step.Lost = true },
		"a session":         func(q *Question) { q.Step.Cookies = flowclient.Cookies{"authentik_session": "x"} },
		"another challenge": func(q *Question) { q.Step.Challenge = decode(t, []byte(`{"component":"ak-stage-password"}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			q := first
			change(&q)
			same(t, p, q, "", "en")
		})
	}
	same(t, p, first, "?reloaded=1", "en")
	r := httptest.NewRequest(http.MethodPost, "/.authentik/login", nil)
	r.PostForm = url.Values{"component": {"ak-stage-identification"}, "uid_field": {"jane"}}
	w, q := httptest.NewRecorder(), first
	q.Mistake = &Mistake{}
	if err := p.Ask(w, r, q); err != nil {
		t.Fatal(err)
	}
	has(t, w.Body.String(), `value="jane"`)
	if len(prints.kept) != 1 {
		t.Errorf("got %d prints, want that of the first page", len(prints.kept))
	}
}

// TestPrints_OperatorsTemplatesAreDrawnForEachVisitor has templates that use what
// differs between visitors in other ways than ours.
func TestPrints_OperatorsTemplatesAreDrawnForEachVisitor(t *testing.T) {
	t.Parallel()
	for file, text := range map[string]string{
		"identification.html": `{{define "stage"}}<p>{{.Back}}</p><script>let v = {{.Visit}}</script><a href="{{.Back}}">{{len .Back}}</a>{{end}}`,
		"layout.html":         `<title>{{.Back}}</title>{{if eq .Back "/"}}home{{else}}away{{end}}{{.Elsewhere}}{{template "stage" .}}`,
	} {
		p, err := withTemplates(map[string]string{file: text})
		if err != nil {
			t.Fatal(err)
		}
		q := identification(t)
		q.Prints = new(Prints)
		for _, q.Back = range []string{"/", "/<b>", "/a?b=c"} {
			q.Elsewhere = "https://auth.example.com" + q.Back
			same(t, p, q, "", "en")
		}
	}
	p, err := withTemplates(map[string]string{"password.html": `{{define "stage"}}{{end}}`})
	if err != nil {
		t.Fatal(err)
	}
	q := identification(t)
	q.Prints = new(Prints)
	same(t, p, q, "", "en")
	if len(q.Prints.kept) != 1 {
		t.Error("got no print where another page has a template of the operator's, want one")
	}
}

func TestPrints_HeadHasNoVisit(t *testing.T) {
	t.Parallel()
	p, q := testPages(t), identification(t)
	q.Prints = new(Prints)
	whole := asks(t, p, q, http.MethodGet, "", "en")
	q.Visit = ""
	head := asks(t, p, q, http.MethodHead, "", "en")
	whole.Header().Del("Content-Length")
	if head.Code != whole.Code || head.Body.Len() != 0 || !maps.EqualFunc(head.Header(), whole.Header(), func(a, b []string) bool { return a[0] == b[0] }) {
		t.Errorf("got %d %v with %d bytes, want %v", head.Code, head.Header(), head.Body.Len(), whole.Header())
	}
}

func TestPrints_ManyVisitorsAtOnce(t *testing.T) {
	t.Parallel()
	p, q := testPages(t), identification(t)
	q.Prints = new(Prints)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			mine := q
			mine.Visit, mine.Back = "visit"+string(rune('a'+i)), "/"+string(rune('a'+i))
			for range 20 {
				has(t, asks(t, p, mine, http.MethodGet, "", "en").Body.String(), `value="`+mine.Visit+`"`, `value="`+mine.Back+`"`)
			}
		})
	}
	all.Wait()
}
