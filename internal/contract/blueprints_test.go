package contract

import (
	"fmt"
	"maps"
)

// A draft is a blueprint being written for one run.
type draft struct {
	names
	Blueprint
	bound map[string]int // number of stages bound to each flow
}

// draft returns a blueprint with the users and the flow that the gate runs.
func (n names) draft(users ...string) *draft {
	d := &draft{names: n, Blueprint: Blueprint{Name: n.run}, bound: map[string]int{}}
	for _, u := range users {
		d.user(u)
	}
	d.flow("flow", "authentication")
	return d
}

func (d *draft) add(model, id string, identifiers, attrs Attrs) *draft {
	d.Entries = append(d.Entries, Entry{Model: model, ID: id, Identifiers: identifiers, Attrs: attrs})
	return d
}

// named adds an object that is identified by its name.
func (d *draft) named(model, thing string, attrs Attrs) *draft {
	return d.add(model, thing, Attrs{"name": d.unique(thing)}, attrs)
}

func (d *draft) user(name string, groups ...any) *draft {
	attrs := Attrs{"name": fullName(name), "email": d.address(name), "password": d.password, "path": "users"}
	if len(groups) > 0 {
		attrs["groups"] = groups
	}
	return d.add(userModel, name, Attrs{"username": d.unique(name)}, attrs)
}

func fullName(name string) string { return "The Visitor " + name }

func (d *draft) group(name string) *draft {
	return d.named("authentik_core.group", name, Attrs{"is_superuser": false})
}

func (d *draft) flow(thing, designation string) *draft {
	return d.add("authentik_flows.flow", thing, Attrs{"slug": d.unique(thing)}, Attrs{
		"name": d.unique(thing), "title": "Contract", "designation": designation,
		"authentication": "none", "denied_action": "message", "policy_engine_mode": "any",
	})
}

// stage adds a stage and binds it to the end of a flow. The binding's ID is the
// stage's with "-binding".
func (d *draft) stage(flow, model, thing string, attrs Attrs) *draft {
	return d.named(model, thing, attrs).bind(flow, thing)
}

func (d *draft) bind(flow, stage string) *draft {
	d.bound[flow]++
	return d.add("authentik_flows.flowstagebinding", stage+"-binding", Attrs{
		"target": KeyOf(flow), "stage": KeyOf(stage), "order": d.bound[flow] * 10,
	}, Attrs{"evaluate_on_plan": false, "re_evaluate_policies": true, "policy_engine_mode": "any", "invalid_response_action": "retry"})
}

// application adds the application that is behind the gate.
func (d *draft) application() *draft {
	return d.add("authentik_core.application", "app", Attrs{"slug": d.unique("app")}, Attrs{
		"name": "Contract " + d.run, "policy_engine_mode": "any",
	})
}

// allow binds a group to a target, so that only its members have access.
func (d *draft) allow(target, group string) *draft {
	return d.bindPolicy(target, "group", group)
}

// policy adds an expression policy and binds it to a target.
func (d *draft) policy(target, thing, expression string) *draft {
	return d.named("authentik_policies_expression.expressionpolicy", thing, Attrs{"expression": expression}).
		bindPolicy(target, "policy", thing)
}

func (d *draft) bindPolicy(target, kind, by string) *draft {
	return d.add("authentik_policies.policybinding", "", Attrs{
		"target": KeyOf(target), kind: KeyOf(by), "order": 0,
	}, Attrs{"enabled": true, "negate": false, "timeout": 30, "failure_result": false})
}

// The stages of every sign-in.

func (d *draft) identification(flow string) *draft { return d.identificationAs(flow, nil) }

// identificationAs is identification with other settings.
func (d *draft) identificationAs(flow string, other Attrs) *draft {
	attrs := Attrs{"user_fields": []string{"username", "email"}, "pretend_user_exists": true, "show_matched_user": true}
	maps.Copy(attrs, other)
	return d.stage(flow, "authentik_stages_identification.identificationstage", flow+"-identification", attrs)
}

func (d *draft) unboundPassword(flow string) *draft {
	return d.named("authentik_stages_password.passwordstage", flow+"-password", Attrs{
		"backends": []string{"authentik.core.auth.InbuiltBackend"}, "failed_attempts_before_cancel": 5,
	})
}

func (d *draft) boundPassword(flow string) *draft {
	return d.unboundPassword(flow).bind(flow, flow+"-password")
}

func (d *draft) login(flow string) *draft {
	return d.stage(flow, "authentik_stages_user_login.userloginstage", flow+"-login", Attrs{"session_duration": "seconds=0"})
}

// twoSteps adds the stages of a sign-in with name and password. between adds
// those between the password and the login stage, unless it is nil.
func (d *draft) twoSteps(between func(*draft)) *draft {
	d.identification("flow").boundPassword("flow")
	if between != nil {
		between(d)
	}
	return d.login("flow")
}

// setUpDevice makes users without a device set one up while they sign in.
func (d *draft) setUpDevice(class, model, thing string, attrs Attrs) {
	d.named(model, thing, attrs)
	d.stage("flow", "authentik_stages_authenticator_validate.authenticatorvalidatestage", "validation", Attrs{
		"device_classes": []string{class}, "not_configured_action": "configure",
		"configuration_stages": []any{KeyOf(thing)}, "last_auth_threshold": "seconds=0",
	})
}

// prompts adds fields and their prompt stage.
func (d *draft) prompts(flow, thing string, fields ...Attrs) {
	d.checkedPrompts(flow, thing, nil, fields...)
}

// checkedPrompts is prompts with validation policies.
func (d *draft) checkedPrompts(flow, thing string, policies []any, fields ...Attrs) {
	var keys []any
	for i, attrs := range fields {
		field := fmt.Sprintf("%s-field-%d", thing, i)
		attrs["order"] = i
		d.named("authentik_stages_prompt.prompt", field, attrs)
		keys = append(keys, KeyOf(field))
	}
	attrs := Attrs{"fields": keys}
	if policies != nil {
		attrs["validation_policies"] = policies
	}
	d.stage(flow, "authentik_stages_prompt.promptstage", thing, attrs)
}

// smtpSettings adds to attrs the settings that make a stage send its mails to the
// test's own server.
func (d *draft) smtpSettings(attrs Attrs) Attrs {
	maps.Copy(attrs, Attrs{
		"use_global_settings": false, "host": d.host, "port": d.port, "use_tls": false, "use_ssl": false, "timeout": 10,
	})
	return attrs
}

// mail adds an e-mail stage, which mails a link.
func (d *draft) mail(flow, template string, activates bool) *draft {
	return d.stage(flow, "authentik_stages_email.emailstage", flow+"-mail", d.smtpSettings(Attrs{
		"template": template, "activate_user_on_success": activates,
	}))
}

// userWrite adds the stage that saves prompt data to a user.
func (d *draft) userWrite(flow, mode string, inactive bool) *draft {
	return d.stage(flow, "authentik_stages_user_write.userwritestage", flow+"-write", Attrs{
		"user_creation_mode": mode, "create_users_as_inactive": inactive, "user_type": "external", "user_path_template": "users",
	})
}

// set changes attributes of an entry.
func (d *draft) set(id string, attrs Attrs) *draft {
	for _, e := range d.Entries {
		if e.ID == id {
			maps.Copy(e.Attrs, attrs)
		}
	}
	return d
}

// createdLater names a user that the scenario creates, so that it is removed.
func (d *draft) createdLater(user string) *draft {
	d.Later = append(d.Later, Entry{Model: userModel, Identifiers: Attrs{"username": d.unique(user)}})
	return d
}
