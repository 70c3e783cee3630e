package e2e

import (
	"net/http"
	"strings"
)

// flowPage stands for authentik's own web client, which is not part of the stand-in: it runs the flow of its
// address by the executor's API, and goes where that leads.
const flowPage = `<!doctype html><html lang="en"><meta charset="utf-8"><title>authentik</title><link rel="icon" href="data:,">
<main></main>
<script>
const flow = location.pathname.split("/")[3], query = encodeURIComponent(location.search.slice(1));
const executor = "/api/v3/flows/executor/" + flow + "/?query=" + query;
const asked = {
	"ak-stage-identification": ["uid_field", "text"],
	"ak-stage-password": ["password", "password"],
	"ak-stage-authenticator-validate": ["code", "text"],
};
const ask = async (answer) => {
	const headers = { "Content-Type": "application/json", "X-authentik-CSRF": document.cookie.match(/authentik_csrf=([^;]*)/)?.[1] ?? "" };
	const response = await fetch(executor, answer && { method: "POST", headers, body: JSON.stringify(answer) });
	draw(await response.json());
};
const draw = ({ component, to }) => {
	if (component === "xak-flow-redirect") {
		location.assign(to);
		return;
	}
	const main = document.querySelector("main");
	main.innerHTML = "<h1>" + component + "</h1>";
	const [name, type] = asked[component] ?? [];
	if (!name) return;
	main.innerHTML += '<form><input id="ak-' + name + '" type="' + type + '" autocomplete="off"><button>Continue</button></form>';
	const form = document.forms[0];
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		ask({ component, [name]: form.elements[0].value });
	});
};
ask();
</script>
`

// withFlowPages puts authentik's own pages before the stand-in.
func withFlowPages(standIn http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/if/flow/") || r.Method != http.MethodGet {
			standIn.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(flowPage))
	})
}

// signsInAtAuthentik gives name and password on authentik's own pages.
func (w *window) signsInAtAuthentik() {
	w.Helper()
	w.enter("#ak-uid_field", jane)
	w.enter("#ak-password", password)
}
