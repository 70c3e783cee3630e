package authentiktest

const provisioning = "no executor request: the administrators' API, which package adminapi has and replays"

// adminRows are the recordings about the administrators' API.
func adminRows() []row {
	return []row{
		{name: "admin-views", replay: adminViews},
		{name: "logout-and-unenrol", replay: logoutAndUnenrol},
		{name: "provisioning-api", why: provisioning},
		{name: "provisioning-blueprint", why: "no executor request: blueprints, which the stand-in does not import; it is set up by its Config"},
	}
}

func adminViews(r *replay) Config {
	r.skip("inspector, administrator", "the inspector shows the database around a plan, and the stand-in has no database")
	boss := person("st-boss")
	boss.Superuser = true
	try := flowOf("st-dummy", dummy("st-dummy"))
	try.Title, try.Designation = "Dummy", DesignationStageConfiguration
	return Config{Users: []User{person("st-plain"), boss}, Flows: []Flow{
		try, titled(flowOf("st-dummy-error", &DummyStage{Throw: true})), titled(oneStep("st-login")),
	}}
}
