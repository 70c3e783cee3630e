package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// signInByFetch is a front end of somebody's own, on the application's host: it is refused,
// and signs in without leaving its page.
const signInByFetch = `(async () => {
	const told = [];
	const ask = async (address, document) => {
		const answer = await fetch(address, {
			method: document ? "POST" : "GET",
			headers: {"Accept": "application/json", ...document && {"Content-Type": "application/json"}},
			body: document && JSON.stringify(document),
		});
		const body = await answer.json();
		told.push(answer.status + " " + (body.code ?? body.challenge?.component ?? body.done) + (answer.redirected ? " redirected" : ""));
		return body;
	};
	const {login_url} = await ask("/data");
	let {visit, to} = await ask(login_url + "?to=/there");
	({visit, to} = await ask(login_url, {visit, to, answer: {uid_field: "jane"}}));
	({visit, to} = await ask(login_url, {visit, to, answer: {password: "wrong"}}));
	({to} = await ask(login_url, {visit, to, answer: {password: "` + password + `"}}));
	told.push(to, (await (await fetch("/data")).text()).includes("Jane Doe"));
	return told.join("\n");
})()`

func TestAFrontEndSignsInByFetch(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, scheme)
			w := newWindow(t, s.address)
			w.open("/.authentik/session") // any page of the site whose scripts may do as they like
			told, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](signInByFetch, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			want := "401 sign-in-required\n200 ak-stage-identification\n200 ak-stage-password\n200 ak-stage-password\n200 true\n/there\ntrue"
			if strings.TrimSpace(told) != want {
				t.Errorf("the front end is told\n%s", told)
			}
			w.open("/there")
			w.shows("#headers")
		})
	}
}
