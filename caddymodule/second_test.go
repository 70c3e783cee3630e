package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// secondLooks are matchers that read the address in other ways than from the
// request: all of them close /admin/x and ?action=edit as sent.
var secondLooks = map[string]string{
	"expression":         "@closed expression `{path}.startsWith('/admin/') || {http.request.uri.query.action} == 'edit'`",
	"expression, not":    "@closed expression `!{path}.startsWith('/open') || {query}.contains('edit')`",
	"expression, method": "@closed expression `path('/admin/*') || query({'action': 'edit'})`",
	"path_regexp":        "@closed expression `path_regexp('^/admin/') || query({'action': 'edit'})`",
	"not":                "@closed not {\n\t\tpath /open /open/*\n\t\tnot query action=edit\n\t}",
	"not expression":     "@closed not expression `{path}.startsWith('/open') && !{query}.contains('edit')`",
	"vars":               "@closed vars {path} /admin/x /x",
	"vars_regexp":        "@closed vars_regexp {uri} ^/admin/|action=edit",
	"map":                "map {uri} {closed} {\n\t\t~^/admin/ yes\n\t\t~action=edit yes\n\t\tdefault no\n\t}\n\t@closed vars {closed} yes",
	"segment":            "@closed expression `{http.request.uri.path.0} == 'admin' || {http.request.uri.query.action} == 'edit'`",
	"header":             "@closed expression `header({'X-Anything': '*'}) || {uri}.startsWith('/admin') || {uri}.contains('action=edit')`",
}

// A rewrite before the gate hides the address that the client sent from every
// matcher but the second look.
func TestMatcher_SeesTheAddressAsSentByEveryPlaceholder(t *testing.T) {
	s := newSite(t)
	for name, matcher := range secondLooks {
		t.Run(name, func(t *testing.T) {
			s.TB = t
			// Matchers with a query of their own look at it in the second test.
			s.load("SITE {\n\trewrite * /index.php?page={path}\n\t" + matcher + "\n\tauthentik @closed AUTHENTIK\n\treverse_proxy APP\n}\n")
			b := s.browser()
			b.expect(b.get("/open"), wantOpen(name), "")
			s.app.seen()
			b.expect(b.get("/admin/x"), http.StatusSeeOther, "")
			if name != "vars" {
				b.expect(b.get("/open?action=edit"), http.StatusSeeOther, "")
			}
			if s.app.seen() != nil {
				t.Error("got a closed address at the application, want none")
			}
			b.expect(b.follow(b.signIn("/admin/x", "ada")), http.StatusOK, `user "ada"`)
			if seen := s.app.seen(); seen == nil || seen.URL.RequestURI() != "/index.php?page=%2Fadmin%2Fx" {
				t.Errorf("got %v at the application, want the rewritten address", seen)
			}
		})
	}
}

// wantOpen is the status of /open. Matchers that close all but /open also close
// what it is rewritten to.
func wantOpen(name string) int {
	if strings.Contains(name, "not") {
		return http.StatusSeeOther
	}
	return http.StatusOK
}

// The second match must have no effects: no placeholders of its own, and no body
// that has been read.
func TestMatcher_SecondMatchHasNoEffects(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	rewrite * /index.php{path}
	vars first kept
	@closed expression ` + "`(path_regexp('seen', '^/(open)$') && method('PATCH')) || {http.request.body}.contains('closed') || {vars.first} != 'kept'`" + `
	authentik @closed AUTHENTIK
	request_header X-Seen "{re.seen.1}"
	request_header X-First "{vars.first}"
	reverse_proxy APP
}
`)
	b := s.browser()
	b.expect(b.do(http.MethodPost, "/open", url.Values{"text": {"closed"}}), http.StatusUnauthorized, "")
	if s.app.seen() != nil {
		t.Error("got a closed request at the application, want none")
	}
	b.expect(b.do(http.MethodPost, "/open", url.Values{"text": {"a body"}}), http.StatusOK, "")
	seen := s.app.seen()
	if seen.Header.Get("X-First") != "kept" || strings.Contains(seen.Header.Get("X-Seen"), "open") || seen.ContentLength != int64(len("text=a+body")) {
		t.Errorf("got headers %v and %d bytes", seen.Header, seen.ContentLength)
	}
}
