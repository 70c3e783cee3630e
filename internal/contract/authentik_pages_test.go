package contract

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// isAuthentiks fails the test unless the page is authentik's own page of a flow.
func (p page) isAuthentiks() page {
	p.visitor.Helper()
	if p.Status != http.StatusOK || !strings.HasPrefix(p.URL.Path, "/if/flow/") || strings.HasPrefix(p.URL.String(), p.visitor.site.url) {
		p.fatal("is not authentik's own page of a flow")
	}
	return p
}

// executor calls the flow executor as the script of authentik's page does, and
// returns the challenge.
func (p page) executor(method string, answer map[string]any) (challenge map[string]any) {
	p.visitor.Helper()
	slug := strings.Trim(strings.TrimPrefix(p.URL.Path, "/if/flow/"), "/")
	body := ""
	if answer != nil {
		text, err := json.Marshal(answer)
		if err != nil {
			p.visitor.Fatal(err)
		}
		body = string(text)
	}
	cookies, err := p.visitor.browser.Cookies(p.URL.String())
	if err != nil {
		p.visitor.Fatal(err)
	}
	at := "/api/v3/flows/executor/" + slug + "/?query=" + url.QueryEscape(p.URL.RawQuery)
	status, text, err := p.Fetch(p.visitor.Context(), method, at, body, "X-Authentik-Csrf", cookies["authentik_csrf"])
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal([]byte(text), &challenge)
	}
	if err != nil || status != http.StatusOK {
		p.fatal("gets status %d from the flow executor, %v: %s", status, err, text)
	}
	return challenge
}

// finishFlow completes the flow of authentik's page, with the user's name and
// password where these are asked for, and opens the page that the flow redirects
// to. If the flow ends with a session end instead, the page stays as it is.
func (p page) finishFlow(user string) page {
	p.visitor.Helper()
	p.isAuthentiks()
	c := p.executor(http.MethodGet, nil)
	for range 5 {
		switch c["component"] {
		case "ak-stage-identification":
			c = p.executor(http.MethodPost, map[string]any{"component": c["component"], "uid_field": p.visitor.site.unique(user)})
		case "ak-stage-password":
			c = p.executor(http.MethodPost, map[string]any{"component": c["component"], "password": p.visitor.site.password})
		case "xak-flow-redirect":
			to, _ := c["to"].(string)
			next, err := p.URL.Parse(to)
			if err != nil {
				p.fatal("redirects to %q, want a URL", to)
			}
			opened, err := p.visitor.browser.Open(p.visitor.Context(), next.String())
			if err != nil {
				p.visitor.Fatal(err)
			}
			return page{opened, p.visitor}
		case "ak-stage-session-end":
			return p
		default:
			p.fatal("has the challenge %v, want identification, password, redirect or session end", c["component"])
		}
	}
	p.fatal("has not finished its flow after 5 challenges")
	return p
}

// knownAtAuthentik reports whether the browser is signed in at authentik.
func (v *visitor) knownAtAuthentik(authentik string) bool {
	v.Helper()
	p, err := v.browser.Open(v.Context(), authentik+"/api/v3/core/users/me/")
	if err != nil {
		v.Fatal(err)
	}
	return p.Status == http.StatusOK
}
