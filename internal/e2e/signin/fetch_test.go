package signin

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// signInByFetch is the script of a front end on the application's host: it is
// refused, and signs in without leaving its page.
const signInByFetch = `(async () => {
	const got = [];
	const ask = async (address, document) => {
		const answer = await fetch(address, {
			method: document ? "POST" : "GET",
			headers: {"Accept": "application/json", ...document && {"Content-Type": "application/json"}},
			body: document && JSON.stringify(document),
		});
		const body = await answer.json();
		got.push(answer.status + " " + (body.code ?? body.challenge?.component ?? body.done) + (answer.redirected ? " redirected" : ""));
		return body;
	};
	const {login_url} = await ask("/data");
	let {visit, to} = await ask(login_url + "?to=/there");
	({visit, to} = await ask(login_url, {visit, to, answer: {uid_field: "jane"}}));
	({visit, to} = await ask(login_url, {visit, to, answer: {password: "wrong"}}));
	({to} = await ask(login_url, {visit, to, answer: {password: "` + testsite.Password + `"}}));
	got.push(to, (await (await fetch("/data")).text()).includes("Jane Doe"));
	return got.join("\n");
})()`

func TestSignIn_ByFetch(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			chromium.Find(t)
			s := testsite.Setup{Scheme: scheme}.Start(t)
			w := chromium.Open(t, s.Address)
			w.Open("/.authentik/session") // a page of the site on which scripts may fetch
			got := chromium.Value[string](w, signInByFetch)
			const want = "401 sign-in-required\n200 ak-stage-identification\n200 ak-stage-password\n200 ak-stage-password\n200 true\n/there\ntrue"
			if strings.TrimSpace(got) != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			w.Open("/there")
			w.Await("#headers")
		})
	}
}
