package authentiktest

import (
	"net/http"
	"strconv"
	"strings"
)

func deviceRoutes() []route {
	return []route{{"/api/v3/authenticators/all/", (*visit).deviceList}}
}

// models are the names of the device classes in authentik's API.
var models = map[DeviceClass]struct{ verbose, plural, model string }{
	DeviceStatic:   {"Static Device", "Static Devices", "authentik_stages_authenticator_static.StaticDevice"},
	DeviceTOTP:     {"TOTP Device", "TOTP Devices", "authentik_stages_authenticator_totp.TOTPDevice"},
	DeviceWebAuthn: {"WebAuthn Device", "WebAuthn Devices", "authentik_stages_authenticator_webauthn.WebAuthnDevice"},
	DeviceDuo:      {"Duo Device", "Duo Devices", "authentik_stages_authenticator_duo.DuoDevice"},
	DeviceSMS:      {"SMS Device", "SMS Devices", "authentik_stages_authenticator_sms.SMSDevice"},
	DeviceEmail:    {"Email Device", "Email Devices", "authentik_stages_authenticator_email.EmailDevice"},
}

// deviceList lists the devices of the signed-in user.
func (v *visit) deviceList() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	if v.user.PK == 0 {
		return v.unauthenticated()
	}
	list := []object{}
	for _, d := range v.srv.current(v.user).devices(nil) {
		list = append(list, d.self())
	}
	return v.api(http.StatusOK, list)
}

func (d Device) self() object {
	m := models[d.Class]
	about := object{
		"verbose_name": m.verbose, "verbose_name_plural": m.plural, "meta_model_name": strings.ToLower(m.model), "type": m.model,
		"pk": strconv.Itoa(d.UID), "name": d.Name, "confirmed": true, "created": moment(d.created),
		"last_updated": moment(d.created), "last_used": moment(d.LastUsed), "extra_description": nil, "external_id": nil,
	}
	if d.model != "" {
		about["extra_description"], about["external_id"] = d.model, "00000000-0000-0000-0000-000000000000"
	}
	return about
}
