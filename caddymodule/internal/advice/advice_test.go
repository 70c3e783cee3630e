package advice

import (
	"strings"
	"testing"
)

func TestOtherTool_HasAdviceForEverySpelling(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"copy_headers", "copy-headers", "CopyHeaders", "trusted_proxies", "skip_tls_verify", "cookie_name", "auth_url"} {
		if err := OtherTool(option); err == nil || !strings.Contains(err.Error(), "no option "+option+"; ") {
			t.Errorf("%s: got %v, want what to write instead", option, err)
		}
	}
	for _, option := range []string{"flwo", "lifetme", "xyz", ""} {
		if err := OtherTool(option); err != nil {
			t.Errorf("%s: got %v, want nothing", option, err)
		}
	}
}

func TestOtherTool_SaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for name, advice := range instead {
		if !strings.Contains(advice, "write ") && !strings.Contains(advice, "leave it out") && !strings.Contains(advice, "register it") {
			t.Errorf("%s: got %q, want what to write instead", name, advice)
		}
	}
}

// Options of other tools that are in no list: their words say enough.
func TestRelated_HasAdviceForTheWordsOfAName(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]string{
		"unauthenticated_paths":     insteadOfSkip,
		"skip_path_regex":           insteadOfSkip,
		"verify_ssl":                insteadOfInsecure,
		"SSLVerification":           insteadOfInsecure,
		"cookie_httponly":           "leave it out",
		"sameSite":                  "leave it out",
		"session_ttl":               "write lifetime",
		"idle_timeout":              "write idle",
		"cookie_refresh":            "write recheck",
		"remember_me_duration":      "write cookie { persistent }",
		"redis_connection_url":      "write sessions redis",
		"post_logout_redirect_uri":  insteadOfLogout,
		"required_groups":           "write require group",
		"allowed_email_domains":     insteadOfEmails,
		"pass_user_headers":         "write headers",
		"pass_access_token":         "access_token}",
		"oidc_groups_claim":         "write require <claim>",
		"two_factor":                "write require mfa",
		"userinfo_url":              "write url",
		"code_challenge_method":     "leave it out",
		"tls_client_auth":           "leave it out",
		"local_networks":            insteadOfNetworks,
		"real_client_ip_header":     "header",
		"custom_css":                "write page",
		"authorization_flow":        "write url",
		"enrollment_flow":           "write flow",
		"login_path":                "write login",
		"access_control":            "write require",
		"authelia_url-server":       "write url",
		"identity_provider_of_saml": "write url",
	} {
		if err := Related(option); err == nil || !strings.Contains(err.Error(), "no option "+option+"; ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", option, err, want)
		}
	}
	for _, option := range []string{"", "xyz", "cookie flavour", "page session"} {
		if err := Related(option); err != nil {
			t.Errorf("%s: got %v, want nothing", option, err)
		}
	}
	for _, f := range families {
		if !strings.Contains(f.advice, "write ") && !strings.Contains(f.advice, "leave it out") && !strings.Contains(f.advice, "register it") {
			t.Errorf("%v: got %q, want what to write instead", f.words, f.advice)
		}
	}
}

func TestOtherStore_SaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"redis url", "redis host", "redis DB", "redis use_tls", "tls insecure_skip_verify"} {
		if err := OtherStore(option); err == nil || !strings.Contains(err.Error(), "write ") {
			t.Errorf("%s: got %v, want what to write instead", option, err)
		}
	}
	if err := OtherStore("redis flavour"); err != nil {
		t.Errorf("got %v, want nothing", err)
	}
}
