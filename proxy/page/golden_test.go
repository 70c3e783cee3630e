package page

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// golden are the pages whose every byte is looked at when it changes.
var golden = map[string]string{
	"identification": `{"component":"ak-stage-identification","flow_info":{"title":"Welcome to Example!","background":"/static/flow_background.jpg",
		"background_themed_urls":{"light":"/media/day.jpg","dark":"/media/night.jpg"},"layout":"stacked"},"user_fields":["username","email"],"password_fields":true,
		"recovery_url":"/if/flow/recovery/","enroll_url":"/if/flow/enrol/","primary_action":"Log in","application_pre":"Wiki",
		"sources":[{"name":"GitHub","challenge":{"component":"xak-flow-redirect","to":"/source/oauth/login/github/"}}],
		"response_errors":{"non_field_errors":[{"string":"Failed to authenticate.","code":"invalid"}]}}`,
	"password": `{"component":"ak-stage-password","flow_info":{"title":"Welcome to Example!","layout":"sidebar_left"},"pending_user":"jane.doe",
		"pending_user_avatar":"data:image/svg+xml;base64,PHN2Zy8+","recovery_url":"https://auth.example.com/if/flow/recovery/",
		"response_errors":{"password":[{"string":"Invalid password","code":"invalid"}]}}`,
	"devices":     `{"component":"ak-stage-authenticator-validate","flow_info":{"title":"Welcome to Example!"},"pending_user":"jane.doe",` + strings.TrimPrefix(fourDevices, ",") + `}`,
	"key-make":    `{"component":"ak-stage-authenticator-webauthn","pending_user":"jane.doe"` + registration + `}`,
	"key-use":     `{"component":"ak-stage-authenticator-validate","flow_info":{"title":"Welcome to Example!"},"pending_user":"jane.doe"` + keyAndApp + `}`,
	"key-offered": `{"component":"ak-stage-identification","user_fields":["username"],"primary_action":"Log in"` + passkeyOffered + `}`,
	"totp":        `{"component":"ak-stage-authenticator-totp","pending_user":"jane.doe","config_url":"otpauth://totp/Example:jane.doe?secret=WTWDJ44DFJK7W64IB7PZXGTKCE44RHFX&issuer=Example"}`,
	"consent": `{"component":"ak-stage-consent","flow_info":{"title":"Redirecting to Wiki"},"pending_user":"jane.doe","header_text":"You're about to sign into Wiki.",
		"permissions":[{"id":"email","name":"Email address"},{"id":"openid","name":""}],"additional_permissions":[{"id":"profile","name":"General Profile Information"}],"token":"t"}`,
	"prompt": `{"component":"ak-stage-prompt","flow_info":{"title":"Create your account"},"pending_user":"jane.doe","fields":[
		{"field_key":"intro","label":"Intro","type":"static","initial_value":"<h1>Welcome!</h1><p onclick=x()>Tell us <b>about</b> you.<script>x()</script>"},
		{"field_key":"username","label":"User name","type":"username","required":true,"sub_text":"See <a href=\"https://example.com/rules\">the rules</a>."},
		{"field_key":"email","label":"Email","type":"email","required":true,"placeholder":"jane@example.com"},
		{"field_key":"password","label":"Password","type":"password","required":true,"initial_value":"hunter2"},
		{"field_key":"nick","label":"Nickname","type":"text","initial_value":"JD"},
		{"field_key":"about","label":"About you","type":"text_area","initial_value":"\nfirst line"},
		{"field_key":"number","label":"Account","type":"text_read_only","initial_value":"17"},
		{"field_key":"notes","label":"Notes","type":"text_area_read_only","initial_value":"fixed"},
		{"field_key":"line","type":"separator","placeholder":"More"},
		{"field_key":"age","label":"Age","type":"number"},
		{"field_key":"shift","label":"Shift","type":"radio-button-group","required":true,"choices":["day","night"],"initial_value":"day"},
		{"field_key":"team","label":"Team","type":"dropdown","choices":[{"value":"eng","label":"Engineering"},{"value":"ops","label":"Operations"}],"initial_value":"{'value': 'eng'}"},
		{"field_key":"born","label":"Birthday","type":"date","initial_value":"1990-04-17"},
		{"field_key":"when","label":"First day","type":"date-time","initial_value":"2026-05-01 12:30:00+00:00"},
		{"field_key":"picture","label":"Picture","type":"file","sub_text":"<ul><li>PNG<li>JPEG</ul>"},
		{"field_key":"locale","label":"Language","type":"ak-locale","initial_value":"de-DE"},
		{"field_key":"campaign","label":"Campaign","type":"hidden","initial_value":"spring"},
		{"field_key":"terms","label":"I accept the terms","type":"checkbox","required":true}],
		"response_errors":{"username":[{"string":"Username is already taken.","code":"invalid"}],"picture":[{"string":"Invalid scheme","code":"invalid"}]}}`,
	"captcha": `{"component":"ak-stage-captcha","flow_info":{"title":"Welcome to Example!"},"pending_user":"jane.doe","site_key":"1x00000000000000000000AA",
		"js_url":"https://challenges.cloudflare.com/turnstile/v0/api.js","interactive":true,
		"response_errors":{"token":[{"string":"Invalid captcha response. Retrying may solve this issue.","code":"invalid"}]}}`,
	"identification-captcha": `{"component":"ak-stage-identification","user_fields":["username"],"password_fields":true,"primary_action":"Log in","recovery_url":"/if/flow/recovery/",
		"captcha_stage":{"component":"ak-stage-captcha","pending_user":"","site_key":"6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI","js_url":"https://www.recaptcha.net/recaptcha/api.js","interactive":false},
		"response_errors":{"non_field_errors":[{"string":"Invalid captcha response","code":"invalid"}]}}`,
	"duo": `{"component":"ak-stage-authenticator-duo","pending_user":"jane.doe","activation_barcode":"https://api-1.duosecurity.com/frame/qr?value=duo%3A%2F%2FQ7z","activation_code":"duo://Q7z-YXBp","stage_uuid":"0f6d3a2c-5b0e-4a57-9c3d-9a0a6a4b7f11"}`,
	"sources": `{"component":"ak-stage-identification","flow_info":{"title":"Welcome!"},"user_fields":[],"sources":[
		{"name":"GitHub","icon_url":"fa://fa-github","challenge":{"component":"xak-flow-redirect","to":"/source/oauth/login/github/"}},
		{"name":"Plex","icon_url":"/static/plex.svg","promoted":true,"challenge":{"component":"ak-source-plex","client_id":"c","slug":"plex"}}]}`,
	"telegram":   `{"component":"ak-source-telegram","bot_username":"example_bot","request_message_access":true}`,
	"autosubmit": `{"component":"ak-stage-autosubmit","url":"https://grafana.example.com/saml/acs","attrs":{"SAMLResponse":"PHNhbWw+","RelayState":""},"title":"Redirecting to Grafana..."}`,
	"logouts": `{"component":"ak-provider-iframe-logout","logout_urls":[
		{"url":"https://wiki.example.com/logout?sid=1","provider_name":"Wiki","binding":"redirect"},
		{"url":"https://crm.example.com/saml/sls","provider_name":"CRM","binding":"post","saml_request":"PHNhbWw+"}]}`,
	"logout":      `{"component":"ak-provider-saml-native-logout","provider_name":"CRM","saml_binding":"post","post_url":"https://crm.example.com/saml/sls","saml_request":"PHNhbWw+","saml_relay_state":"r"}`,
	"session-end": `{"component":"ak-stage-session-end","application_name":"Wiki","application_launch_url":"https://wiki.example.com/","brand_name":"Example","invalidation_flow_url":"/if/flow/out/"}`,
	"frame":       `{"component":"xak-flow-frame","url":"https://auth.example.com/endpoint/gdtc/chrome/","loading_text":"Verifying your browser..."}`,
	"agent":       `{"component":"ak-stage-endpoint-agent","challenge":"a.b.c","challenge_idle_timeout":5}`,
	"shell":       `{"component":"xak-flow-shell","body":"<!DOCTYPE html><html><head><title>Bad Request</title><script>steal()</script></head><body><h1>Bad</h1><p>Invalid <b>binding</b></p></body></html>"}`,
	"denied":      `{"component":"ak-stage-access-denied","flow_info":{"title":"Welcome!"},"pending_user":"jane.doe","error_message":"Line one\nLine two"}`,
	"elsewhere":   `{"component":"ak-stage-of-tomorrow","flow_info":{"title":"Welcome!"}}`,
}

// TestGoldenPages compares whole pages with those that were looked at:
//
//	go test ./proxy/page -run GoldenPages -update
func TestGoldenPages(t *testing.T) {
	t.Parallel()
	for name, raw := range golden {
		c, err := flowclient.Decode([]byte(raw))
		if err != nil {
			t.Fatal(name, err)
		}
		q := questionOf(c)
		if strings.HasPrefix(name, "key") {
			q = atHome(q)
		}
		page := asking(t, q, nil).Body.Bytes()
		wellMade(t, string(page))
		file := filepath.Join("testdata", "pages", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(unmarked(string(page))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(unmarked(string(want)), unmarked(string(page))); diff != "" {
			t.Errorf("%s is another page (-want +got):\n%s", name, diff)
		}
	}
}

// marks are the hashes of files, which have a test of their own.
var marks = regexp.MustCompile(`\?v=[-_A-Za-z0-9]+"`)

// unmarked takes out the marks of files, and the end of lines that some file systems change.
func unmarked(page string) string {
	return strings.ReplaceAll(marks.ReplaceAllString(page, `"`), "\r\n", "\n")
}
