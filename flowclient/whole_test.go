package flowclient

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// keys are all keys that a component is known to have in any release. A word without
// a suffix is a text, one with "?" a flag, with "#" a number, with "[]" a list of
// texts, with "~" a number of seconds, with "@" a time, and with braces a list of
// objects.
var keys = map[Component]string{
	ComponentAccessDenied:          "error_message",
	ComponentAuthenticatorDuo:      "activation_barcode activation_code stage_uuid",
	ComponentAuthenticatorEmail:    "email email_required?",
	ComponentAuthenticatorSMS:      "phone_number_required?",
	ComponentAuthenticatorStatic:   "codes[]",
	ComponentAuthenticatorTOTP:     "config_url",
	ComponentAuthenticatorValidate: "device_challenges{device_class,device_uid,challenge,last_used@} configuration_stages{pk,name,verbose_name,meta_model_name}",
	ComponentAuthenticatorWebAuthn: "registration",
	ComponentAutosubmit:            "url title",
	ComponentCaptcha:               "site_key js_url interactive?",
	ComponentConsent:               "header_text token permissions{id,name} additional_permissions{id,name}",
	ComponentDeviceCode:            "",
	ComponentDeviceCodeFinish:      "",
	ComponentDummy:                 "name",
	ComponentEmail:                 "",
	ComponentEndpointAgent:         "challenge challenge_idle_timeout~",
	ComponentFlowError:             "request_id error traceback",
	ComponentFrame:                 "url loading_overlay? loading_text",
	ComponentIdentification: "user_fields[] pending_user_identifier password_fields? allow_show_password? application_pre application_pre_launch " +
		"flow_designation enroll_url recovery_url passwordless_url primary_action sources{name,icon_url,promoted?} show_source_labels? enable_remember_me? passkey_challenge",
	ComponentIframeLogout:     "logout_urls{url,provider_name,binding,saml_request,saml_response,saml_relay_state}",
	ComponentPassword:         "recovery_url allow_show_password?",
	ComponentPrompt:           "fields{field_key,label,type,required?,placeholder,initial_value,order#,sub_text,choices[]}",
	ComponentRedirect:         "to final_redirect?",
	ComponentSAMLNativeLogout: "provider_name is_complete? saml_binding redirect_url post_url saml_request saml_response saml_relay_state",
	ComponentSessionEnd:       "brand_name application_name application_launch_url invalidation_flow_url overview_url",
	ComponentShell:            "body",
	ComponentSourceApple:      "client_id scope redirect_uri state",
	ComponentSourcePlex:       "client_id slug",
	ComponentSourceTelegram:   "bot_username request_message_access?",
	ComponentUserLogin:        "",
}

// common are the keys that all components share.
const common = "pending_user pending_user_avatar"

// whole returns an object with these keys and a different value for each.
func whole(keys string, n *int) map[string]any {
	out := map[string]any{}
	for keys = strings.TrimSpace(keys); keys != ""; keys = strings.TrimLeft(keys, " ,") {
		end := strings.IndexAny(keys+" ", " ,")
		if open := strings.IndexByte(keys, '{'); open >= 0 && open < end {
			end = strings.IndexByte(keys, '}') + 1
		}
		word := keys[:end]
		keys = keys[end:]
		*n++
		switch name, inner, nested := strings.Cut(word, "{"); {
		case nested:
			out[name] = []any{whole(strings.TrimSuffix(inner, "}"), n), whole(strings.TrimSuffix(inner, "}"), n)}
		case strings.HasSuffix(word, "?"):
			out[strings.TrimSuffix(word, "?")] = true
		case strings.HasSuffix(word, "#"):
			out[strings.TrimSuffix(word, "#")] = 1000 + *n
		case strings.HasSuffix(word, "~"):
			out[strings.TrimSuffix(word, "~")] = 1000 + *n
		case strings.HasSuffix(word, "@"):
			out[strings.TrimSuffix(word, "@")] = time.Unix(int64(1_700_000_000+*n), 250_000_000).UTC().Format("2006-01-02T15:04:05.000000Z07:00")
		case strings.HasSuffix(word, "[]"):
			out[strings.TrimSuffix(word, "[]")] = []any{fmt.Sprint("one", *n), fmt.Sprint("two", *n)}
		default:
			out[word] = fmt.Sprint("text", *n)
		}
	}
	return out
}

func count(v any) map[string]int {
	out := map[string]int{}
	leaves("", v, func(key, s string) { out[inGo(key, s)]++ })
	return out
}

// TestDecode_ReadsEveryKnownKey covers keys for which no recording has a value.
func TestDecode_ReadsEveryKnownKey(t *testing.T) {
	t.Parallel()
	for _, c := range Components() {
		list, ok := keys[c]
		if !ok {
			t.Errorf("got no keys of %s", c)
		}
		n := 0
		sent := whole(list+" "+common, &n)
		want := count(sent)
		sent["component"] = c
		raw, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		got := count(outline(t, decoded(t, raw)))
		for v, times := range want {
			if got[v] < times {
				t.Errorf("%s: got %s %d times, want %d, from %s", c, v, got[v], times, raw)
			}
		}
	}
}
