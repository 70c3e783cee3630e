package adminapi

import (
	"maps"
	"net/http"
)

func applications() kind {
	return kind{
		path: "core/applications/", model: "authentik_core.%s_application",
		list: func(c call) (int, any) {
			var all []object
			for _, one := range c.selected(c.api.tables.applications, "slug", "name", "meta_publisher") {
				all = append(all, c.api.shownApplication(one))
			}
			return c.page(all)
		},
		add: addApplication, get: onApplication(func(c call, one object) (int, any) {
			return http.StatusOK, c.api.shownApplication(one)
		}),
		patch: onApplication(patchApplication), drop: onApplication(dropApplication),
	}
}

// newApplication returns an application with authentik's defaults.
func newApplication(fields object) object {
	one := object{
		"pk": uuid(), "provider": nil, "backchannel_providers": []any{}, "open_in_new_tab": false, "meta_launch_url": "",
		"meta_description": "", "meta_publisher": "", "policy_engine_mode": "any", "group": "",
	}
	maps.Copy(one, fields)
	return one
}

// shownApplication is an application as the API shows it.
func (a *API) shownApplication(one object) object {
	shown := maps.Clone(one)
	shown["provider_obj"] = nil
	if p := find(a.tables.providers, "pk", one["provider"]); p != nil {
		shown["provider_obj"] = object{"pk": p["pk"], "name": p["name"], "component": "ak-provider-oauth2-form"}
	}
	return shown
}

func onApplication(does func(call, object) (int, any)) func(call) (int, any) {
	return func(c call) (int, any) {
		one := find(c.api.tables.applications, "slug", c.rest[0])
		if one == nil || len(c.rest) > 1 {
			return http.StatusNotFound, object{"detail": "No Application matches the given query."}
		}
		return does(c, one)
	}
}

// checkApplication returns what is wrong with the fields of an application.
func (c call) checkApplication(self object) mistakes {
	wrong := mistakes{}
	if self == nil {
		wrong.require(c.body, "name", "slug")
	}
	wrong.slug(c.body, c.api.dialect())
	wrong.unique(c.body, "slug", c.api.tables.applications, self, "Application with this slug already exists.")
	if pk, given := c.body["provider"].(float64); given {
		c.body["provider"] = int(pk)
		wrong.unique(c.body, "provider", c.api.tables.applications, self, "Application with this provider already exists.")
		if find(c.api.tables.providers, "pk", int(pk)) == nil {
			wrong.add("provider", "Invalid pk - object does not exist.")
		}
	}
	return wrong
}

func addApplication(c call) (int, any) {
	if wrong := c.checkApplication(nil); len(wrong) > 0 {
		return http.StatusBadRequest, wrong
	}
	one := newApplication(c.body)
	c.api.tables.applications = append(c.api.tables.applications, one)
	return http.StatusCreated, c.api.shownApplication(one)
}

func patchApplication(c call, one object) (int, any) {
	if wrong := c.checkApplication(one); len(wrong) > 0 {
		return http.StatusBadRequest, wrong
	}
	maps.Copy(one, c.body)
	return http.StatusOK, c.api.shownApplication(one)
}

func dropApplication(c call, one object) (int, any) {
	c.api.tables.applications = without(c.api.tables.applications, one)
	var left []object
	for _, b := range c.api.tables.bindings {
		if b["target"] != one["pk"] {
			left = append(left, b)
		}
	}
	c.api.tables.bindings = left
	return http.StatusNoContent, nil
}
