package authentiktest

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// waiting is a flow in which a user waits for a mail, and the link in it.
func waiting(t *testing.T, stage *EmailStage, change ...func(*Config)) (*Server, *client, *clock) {
	t.Helper()
	c := newClock()
	cfg := Config{
		Now: c.now, Users: people("st-mailed"),
		Flows: []Flow{flowOf("mailed", ask(), stage, dummy("behind"))},
	}
	for _, edit := range change {
		edit(&cfg)
	}
	s, browser := serve(t, cfg)
	browser.do(http.MethodGet, executor("mailed"), "")
	want(t, browser.do(http.MethodPost, executor("mailed"), `{"uid_field": "st-mailed"}`), "component", "ak-stage-email")
	if len(s.Mail()) != 1 {
		t.Fatalf("got %d mails, want 1", len(s.Mail()))
	}
	return s, browser, c
}

// opening is the executor for the page behind a mailed link.
func opening(m Mail) string {
	return executor("mailed") + url.QueryEscape("flow_token="+flowTokenOf(m.Link))
}

// confirm opens a link and confirms it.
func (c *client) confirm(m Mail) object {
	c.t.Helper()
	asked := c.do(http.MethodGet, opening(m), "")
	want(c.t, asked, "component", "ak-stage-consent")
	token, _ := asked["token"].(string)
	return c.do(http.MethodPost, opening(m), `{"token": "`+token+`"}`)
}

func TestEmail_LinkWorksInAnyBrowserOnce(t *testing.T) {
	t.Parallel()
	s, browser, _ := waiting(t, &EmailStage{})
	want(t, browse(t, browser.base).confirm(s.Mail()[0]), "component", "ak-stage-dummy")
	want(t, browse(t, browser.base).do(http.MethodGet, opening(s.Mail()[0]), ""), "component", "ak-stage-identification")
	want(t, browser.do(http.MethodGet, executor("mailed"), ""), "component", "ak-stage-email")
}

func TestEmail_LinkExpires(t *testing.T) {
	t.Parallel()
	s, browser, clock := waiting(t, &EmailStage{Expiry: 10 * time.Minute})
	clock.pass(10 * time.Minute)
	other := browse(t, browser.base)
	want(t, other.do(http.MethodGet, opening(s.Mail()[0]), ""), "component", "ak-stage-consent")
	clock.pass(time.Minute)
	late := browse(t, browser.base)
	want(t, late.do(http.MethodGet, opening(s.Mail()[0]), ""), "component", "ak-stage-identification")
	want(t, other.do(http.MethodGet, opening(s.Mail()[0]), ""), "component", "ak-stage-access-denied")
}

func TestEmail_OpeningALinkDoesNotUseItUp(t *testing.T) {
	t.Parallel()
	s, browser, _ := waiting(t, &EmailStage{})
	for range 3 {
		want(t, browse(t, browser.base).do(http.MethodGet, opening(s.Mail()[0]), ""), "component", "ak-stage-consent")
	}
	want(t, browse(t, browser.base).confirm(s.Mail()[0]), "component", "ak-stage-dummy")
}

func TestEmail_UsedLinkIsReportedAtTheConfirmation(t *testing.T) {
	t.Parallel()
	s, browser, _ := waiting(t, &EmailStage{})
	other := browse(t, browser.base)
	want(t, other.do(http.MethodGet, opening(s.Mail()[0]), ""), "component", "ak-stage-consent")
	browser.confirm(s.Mail()[0])
	want(
		t, other.do(http.MethodGet, opening(s.Mail()[0]), ""),
		"component", "ak-stage-access-denied", "error_message", "Link was already used, please request a new link.",
	)
}

func TestEmail_RequestedMailsAreRateLimited(t *testing.T) {
	t.Parallel()
	s, browser, clock := waiting(t, &EmailStage{MaxAttempts: 2, Window: time.Minute})
	again := func(mails int) {
		t.Helper()
		want(t, browser.do(http.MethodPost, executor("mailed"), `{}`), "component", "ak-stage-email")
		if sent := len(s.Mail()); sent != mails {
			t.Errorf("got %d mails, want %d", sent, mails)
		}
	}
	again(2)
	again(3)
	again(3)
	clock.pass(2 * time.Minute)
	again(4)
}

func TestEmail_ReloadingTheStageSendsNoMail(t *testing.T) {
	t.Parallel()
	s, browser, _ := waiting(t, &EmailStage{})
	browser.do(http.MethodGet, executor("mailed"), "")
	if sent := len(s.Mail()); sent != 1 {
		t.Errorf("got %d mails, want 1", sent)
	}
}

func TestEmail_LinkActivatesAnAccountOnlyIfTheStageSaysSo(t *testing.T) {
	t.Parallel()
	for _, activate := range []bool{false, true} {
		s, browser, _ := waiting(t, &EmailStage{Activate: activate}, func(cfg *Config) { cfg.Users[0].Inactive = true })
		browser.confirm(s.Mail()[0])
		if u, _ := s.User("st-mailed"); u.Inactive == activate {
			t.Errorf("Activate %t: got user inactive %t", activate, u.Inactive)
		}
	}
}

func TestEmail_LinkKeepsTheQueryOfThePage(t *testing.T) {
	t.Parallel()
	s, browser, _ := waiting(t, &EmailStage{})
	query := url.QueryEscape("next=%2Fapp&flow_token=old")
	browser.do(http.MethodPost, executor("mailed")+query, `{}`)
	u, err := url.Parse(s.Mail()[1].Link)
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Query(); got.Get("next") != "/app" || len(got["flow_token"]) != 1 || got.Get("flow_token") == "old" {
		t.Errorf("got the link %s, want the query of the page in it", u)
	}
}

func TestEmail_NeedsAPendingUser(t *testing.T) {
	t.Parallel()
	s, browser := serve(t, Config{Flows: []Flow{
		flowOf("anonymous", &EmailStage{}), flowOf("unknown", ask(), &EmailStage{}),
	}})
	want(t, browser.do(http.MethodGet, executor("anonymous"), ""), "component", "ak-stage-access-denied")
	browser.do(http.MethodGet, executor("unknown"), "")
	want(t, browser.do(http.MethodPost, executor("unknown"), `{"uid_field": "x"}`), "component", "ak-stage-flow-error")
	if sent := len(s.Mail()); sent != 0 {
		t.Errorf("got %d mails, want 0", sent)
	}
}

func TestRecoveryLink_OnlyAdministratorsCreateOne(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Users:  append(people("lg-plain"), User{Username: "admin", Superuser: true}),
		Tokens: map[string]string{"key-of-admin": "admin", "key-of-plain": "lg-plain"},
		Brands: []Brand{{Default: true, FlowRecovery: "recover"}},
		Flows:  []Flow{oneStep("in"), flowOf("recover", ask())},
	}
	_, browser := serve(t, cfg)
	const path = "/api/v3/core/users/1/recovery/"
	want(
		t, browser.do(http.MethodPost, path, `{}`),
		"status", http.StatusForbidden, "detail", "Authentication credentials were not provided.",
	)
	want(t, browser.do(http.MethodPost, path, `{}`, "Authorization", "Bearer wrong"), "status", http.StatusForbidden)
	want(t, browser.do(http.MethodPost, path, `{}`, "Authorization", "Bearer key-of-plain"), "status", http.StatusForbidden)
	want(t, browser.do(http.MethodGet, path, "", "Authorization", "Bearer key-of-admin"), "status", http.StatusMethodNotAllowed)
	want(
		t, browser.do(http.MethodPost, "/api/v3/core/users/99/recovery/", `{}`, "Authorization", "Bearer key-of-admin"),
		"status", http.StatusNotFound,
	)
	made := browser.do(http.MethodPost, path, `{}`, "Authorization", "Bearer key-of-admin")
	link, _ := made["link"].(string)
	if len(flowTokenOf(link)) != 60 {
		t.Errorf("got the recovery link %q", link)
	}
}

func TestRecoveryLink_WorksOnce(t *testing.T) {
	t.Parallel()
	_, browser := serve(t, Config{
		Users: append(people("lg-lost"), User{Username: "admin", Superuser: true}), Tokens: map[string]string{"key": "admin"},
		Brands: []Brand{{Default: true, FlowRecovery: "recover"}},
		Flows:  []Flow{flowOf("recover", &EmailStage{}, dummy("new password"))},
	})
	made := browser.do(http.MethodPost, "/api/v3/core/users/1/recovery/", `{}`, "Authorization", "Bearer key")
	link, _ := made["link"].(string)
	open := executor("recover") + url.QueryEscape("flow_token="+flowTokenOf(link))
	want(t, browse(t, browser.base).do(http.MethodGet, open, ""), "component", "ak-stage-dummy")
	want(t, browse(t, browser.base).do(http.MethodGet, open, ""), "component", "ak-stage-access-denied")
}

func TestRecoveryLink_NeedsAFlow(t *testing.T) {
	t.Parallel()
	_, browser := serve(t, Config{
		Users: []User{{Username: "admin", Superuser: true}}, Tokens: map[string]string{"key": "admin"},
	})
	want(
		t, browser.do(http.MethodPost, "/api/v3/core/users/1/recovery/", `{}`, "Authorization", "Bearer key"),
		"status", http.StatusBadRequest,
	)
}
