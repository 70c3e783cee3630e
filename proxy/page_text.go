package proxy

import "fmt"

// A tongue holds our own sentences in one language, by name. What authentik
// says is not in it: that arrives in the visitor's language already.
type tongue map[string]string

// say returns the sentence called name, with args in their places. A name
// without a sentence gives the name itself: a test finds those.
func (t tongue) say(name string, args ...any) string {
	s, ok := t[name]
	if !ok {
		return name
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// english is the only language so far.
var english = tongue{
	// On every page.
	"begin_again":   "Begin again",
	"checked_by":    "Your sign-in is checked by %s.",
	"continue":      "Continue",
	"continue_at":   "Continue at %s",
	"decline":       "Decline",
	"more":          "More about this site",
	"not_you":       "Not you?",
	"optional":      "(optional)",
	"or":            "or",
	"sign_in":       "Sign in",
	"the_other":     "authentik",
	"try_again":     "Try again",
	"wrong_page":    "This page is out of date. Please answer the question below.",
	"not_answered":  "This page has no question to answer.",
	"not_accepted":  "This was not accepted. Please check what you entered.",
	"not_available": "This choice is not available any more. Please choose again.",

	// Identification and password.
	"enroll":            "Create an account",
	"enter_name":        "Enter your %s.",
	"enter_password":    "Enter your password.",
	"forgot":            "Forgot your username or password?",
	"forgot_password":   "Forgot your password?",
	"into":              "Sign in to continue to %s.",
	"log_in":            "Log in",
	"name_email":        "Email",
	"name_or":           "%s or %s",
	"name_upn":          "User principal name",
	"name_username":     "Username",
	"nothing_to_enter":  "There is nothing to enter here. Please use one of the other ways to sign in.",
	"password":          "Password",
	"passwordless":      "Use a security key",
	"recovery_lead":     "Enter what you know, and we help you to get back into your account.",
	"sources":           "You can also sign in with %s. For now that works on authentik's own page only.",
	"username":          "Username",
	"asks_captcha_also": "Before you can sign in, authentik wants to know that you are not a robot (a captcha).",

	// The second factor.
	"another_way":      "Use another way",
	"choose_device":    "Choose how to confirm that it is you.",
	"choose_set":       "Your account needs a second step to sign in. Choose what you want to set up.",
	"code":             "Code",
	"code_email_hint":  "We have sent a code to %s. It can take a minute to arrive.",
	"code_sms_hint":    "We have sent a code to your phone. It can take a minute to arrive.",
	"code_static_hint": "Each recovery code works once.",
	"code_totp_hint":   "Open your authenticator app and enter the code that it shows.",
	"device_email":     "Send a code by email",
	"device_email_to":  "To %s",
	"device_sms":       "Send a code to my phone",
	"device_sms_to":    "By text message",
	"device_static":    "Use a recovery code",
	"device_totp":      "Use my authenticator app",
	"enter_code":       "Enter the code.",
	"keys_also":        "You can also use your %s. For now that works on authentik's own page only.",
	"keys_duo":         "Duo app",
	"keys_webauthn":    "security key or passkey",
	"no_device":        "None of your devices can be used here.",
	"recovery_code":    "Recovery code",
	"send_again":       "Send another code",
	"your_mailbox":     "your mailbox",

	// Setting one up.
	"address_email":      "Email address",
	"address_email_hint": "We send a code there, now and whenever you sign in.",
	"address_email_want": "Enter an email address, such as jane@example.com.",
	"address_sms":        "Phone number",
	"address_sms_hint":   "With the country's code, such as +49 151 23456789.",
	"address_sms_want":   "Enter a phone number.",
	"address_other":      "Use another address",
	"codes_kept":         "I have kept the codes",
	"codes_lead":         "These codes let you sign in when you have lost your other device.",
	"codes_name":         "Recovery codes",
	"codes_once":         "Each code works once, and they are not shown again. Print them or keep them in your password manager.",
	"number_other":       "Use another number",
	"send_code":          "Send a code",
	"setup_email":        "Set up codes by email",
	"setup_sms":          "Set up codes by text message",
	"setup_static":       "Keep your recovery codes",
	"setup_totp":         "Set up your authenticator app",
	"totp_cannot_scan":   "You cannot scan it?",
	"totp_open":          "Open your authenticator app.",
	"totp_open_here":     "Open the app on this device",
	"totp_picture":       "QR code for your authenticator app",
	"totp_scan":          "Scan this picture with it.",
	"totp_secret":        "Or type this key into the app:",
	"totp_type":          "Enter the code that the app shows.",
	"totp_unreadable":    "authentik's key for the app could not be read. Please begin again.",

	// Forms.
	"choose_one":       "Choose one.",
	"consent_asked":    "It also asks for",
	"consent_granted":  "You have already allowed",
	"consent_wants":    "It asks for",
	"device_code_hint": "The code that your device shows.",
	"email_title":      "Look into your mailbox",
	"device_title":     "Connect a device",
	"email_again":      "Send it again",
	"email_lead":       "We have sent you an email with a link. Open it to go on.",
	"email_patience":   "Nothing there? Look into your spam folder, or have it sent again.",
	"email_sent":       "If the message could be sent again, it is on its way.",
	"file_later":       "Files cannot be sent from this page yet.",
	"file_needed":      "Files cannot be sent from this page yet, but authentik asks for this one. Please go on at authentik's own page.",
	"locale_auto":      "As my browser says",
	"login_no":         "No",
	"login_stay":       "Stay signed in?",
	"login_why":        "Say yes only on a device that is yours.",
	"login_yes":        "Yes",
	"time_utc":         "In UTC.",
	"untitled":         "Field %d",
	"untitled_choice":  "Choice %d",

	// Endings.
	"denied":               "Access denied",
	"denied_lead":          "authentik did not let you in.",
	"device_done":          "Your device is connected",
	"device_done_lead":     "You may close this page now.",
	"end_all":              "Your sign-in at %s goes on.",
	"end_app":              "You have signed out of %s.",
	"end_some":             "You have signed out of the application.",
	"end_title":            "You have signed out",
	"flow_error":           "Something went wrong",
	"flow_error_lead":      "authentik could not go on with your sign-in. Please try again. If it happens again, give this number to whoever runs this site.",
	"flow_error_none":      "authentik could not go on with your sign-in. Please try again.",
	"go_on":                "Go on with the sign-in",
	"open_application":     "Open %s",
	"redirect_forbidden":   "authentik wants to lead you to an address that is not safe to open from here.",
	"redirect_inside":      "authentik has finished this part of the sign-in.",
	"redirect_lead":        "authentik leads you to another site before the sign-in goes on. Open it, and come back here.",
	"redirect_scheme":      "authentik wants to open an app on your device. That cannot be done from this page.",
	"redirect_title":       "One more stop",
	"request_id":           "Request",
	"shell_lead":           "authentik answered with a page of its own, which usually means that something in its set-up is wrong.",
	"elsewhere_lead":       "That cannot be done on this page yet.",
	"elsewhere_title":      "One step is left",
	"asks_apple":           "authentik wants you to sign in with Apple.",
	"asks_agent":           "authentik wants its agent on your device to vouch for the device.",
	"asks_autosubmit":      "authentik wants to send you on to another application.",
	"asks_captcha":         "authentik wants to know that you are not a robot (a captcha).",
	"asks_duo":             "authentik wants you to set up the Duo app.",
	"asks_frame":           "authentik wants to check your browser.",
	"asks_logout":          "authentik wants to sign you out of other applications.",
	"asks_plex":            "authentik wants you to sign in with Plex.",
	"asks_source":          "authentik wants you to sign in somewhere else first.",
	"asks_telegram":        "authentik wants you to sign in with Telegram.",
	"asks_unknown":         "authentik asks something that this page does not know.",
	"asks_webauthn":        "authentik wants you to set up a security key or a passkey.",
	"asks_webauthn_prove":  "authentik wants you to use your security key or passkey.",
	"asks_duo_prove":       "authentik wants you to confirm the sign-in in your Duo app.",
	"asks_device_of_yours": "authentik wants you to use a device of yours that this page does not know.",

	// Our own pages.
	"account":          "You are signed in as %s.",
	"code_name":        "Code",
	"fail_client":      "That did not work",
	"fail_server":      "Signing in is not possible right now",
	"forbidden":        "You may not use this application",
	"forbidden_remedy": "Ask whoever runs it for access, or sign in with another account.",
	"sign_in_again":    "Sign in again",
	"sign_out":         "Sign out",
	"sign_out_ask":     "Sign out?",
	"signed_out":       "You are signed out",
	"signed_out_lead":  "Your session on this site has ended. On a shared computer, close the browser as well.",
	"switch_account":   "Use another account",
}
