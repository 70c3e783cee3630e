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
	"prompt": `{"component":"ak-stage-prompt","flow_info":{"title":"Create your account"},"fields":[
		{"field_key":"intro","type":"static","initial_value":"<b>Welcome!</b> Tell us about you."},
		{"field_key":"username","label":"User name","type":"username","required":true,"sub_text":"See <a href=\"https://example.com/rules\">the rules</a>."},
		{"field_key":"about","label":"About you","type":"text_area","initial_value":"\nfirst line"},
		{"field_key":"shift","label":"Shift","type":"radio-button-group","required":true,"choices":["day","night"],"initial_value":"day"},
		{"field_key":"terms","label":"I accept the terms","type":"checkbox","required":true}],
		"response_errors":{"username":[{"string":"Username is already taken.","code":"invalid"}]}}`,
	"denied":    `{"component":"ak-stage-access-denied","flow_info":{"title":"Welcome!"},"pending_user":"jane.doe","error_message":"Line one\nLine two"}`,
	"elsewhere": `{"component":"ak-stage-captcha","flow_info":{"title":"Welcome!"},"site_key":"x","js_url":"https://captcha.example/api.js"}`,
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
