package adminapi

import (
	"maps"
	"net/http"
)

func bindings() kind {
	return kind{
		path: "policies/bindings/", model: "authentik_policies.%s_policybinding",
		list: func(c call) (int, any) {
			var all []object
			for _, one := range c.selected(c.api.tables.bindings, "target") {
				all = append(all, c.api.shownBinding(one))
			}
			return c.page(all)
		},
		add: func(c call) (int, any) {
			wrong := mistakes{}
			wrong.require(c.body, "target", "order")
			if c.body["policy"] == nil && c.body["group"] == nil && c.body["user"] == nil && len(wrong) == 0 {
				wrong.add("non_field_errors", "One of 'policy', 'group' or 'user' must be set.")
			}
			if find(c.api.tables.applications, "pk", c.body["target"]) == nil && len(wrong) == 0 {
				wrong.add("target", "Invalid pk - object does not exist.")
			}
			if len(wrong) > 0 {
				return http.StatusBadRequest, wrong
			}
			one := newBinding(c.body)
			c.api.tables.bindings = append(c.api.tables.bindings, one)
			return http.StatusCreated, c.api.shownBinding(one)
		},
		patch: onBinding(func(c call, one object) (int, any) {
			maps.Copy(one, c.body)
			return http.StatusOK, c.api.shownBinding(one)
		}),
		drop: onBinding(func(c call, one object) (int, any) {
			c.api.tables.bindings = without(c.api.tables.bindings, one)
			return http.StatusNoContent, nil
		}),
	}
}

func newBinding(fields object) object {
	one := object{
		"pk": uuid(), "policy": nil, "group": nil, "user": nil, "negate": false, "enabled": true, "timeout": 30, "failure_result": false,
	}
	maps.Copy(one, fields)
	return one
}

// shownBinding is a binding as the API shows it.
func (a *API) shownBinding(one object) object {
	shown := maps.Clone(one)
	shown["group_obj"], shown["user_obj"], shown["policy_obj"] = nil, nil, nil
	if g := find(a.tables.groups, "pk", one["group"]); g != nil {
		shown["group_obj"] = object{"pk": g["pk"], "name": g["name"], "is_superuser": g["is_superuser"], "attributes": g["attributes"]}
	}
	if one["policy"] != nil {
		shown["policy_obj"] = object{"pk": one["policy"], "name": "a policy"}
	}
	return shown
}

func onBinding(does func(call, object) (int, any)) func(call) (int, any) {
	return func(c call) (int, any) {
		one := find(c.api.tables.bindings, "pk", c.rest[0])
		if one == nil || len(c.rest) > 1 {
			return http.StatusNotFound, object{"detail": "No PolicyBinding matches the given query."}
		}
		return does(c, one)
	}
}

func groups() kind {
	return kind{path: "core/groups/", model: "authentik_core.%s_group", list: func(c call) (int, any) {
		c.api.refresh()
		return c.page(c.selected(c.api.tables.groups, "name"))
	}}
}

func flows() kind {
	return kind{path: "flows/instances/", model: "authentik_flows.%s_flow", list: func(c call) (int, any) {
		c.api.refresh()
		return c.page(c.selected(c.api.tables.flows, "slug"))
	}}
}

func scopes() kind {
	return kind{path: "propertymappings/provider/scope/", model: "authentik_providers_oauth2.%s_scopemapping", list: func(c call) (int, any) {
		return c.page(c.selected(c.api.tables.scopes, "managed"))
	}}
}

func keys() kind {
	return kind{path: "crypto/certificatekeypairs/", model: "authentik_crypto.%s_certificatekeypair", list: func(c call) (int, any) {
		return c.page(c.selected(c.api.tables.keys, "name"))
	}}
}

func proxies() kind {
	return kind{path: "providers/proxy/", model: "authentik_providers_proxy.%s_proxyprovider", list: func(c call) (int, any) {
		return c.page(c.api.tables.proxies)
	}}
}

func events() kind {
	return kind{path: "events/events/", model: "authentik_events.%s_event", list: func(c call) (int, any) {
		all := c.selected(c.api.tables.events, "action")
		return c.page(all)
	}}
}
