package authentiktest

// settingsRows are the recordings about what the administrator sets for flows, brands and applications.
func settingsRows() []row {
	return []row{
		{name: "access-application", why: later},
		{name: "brand", why: later},
		{name: "config-anonymous", why: later},
		{name: "flow-settings", why: later},
		{name: "health", why: later},
		{name: "router-core-down", why: later},
		{name: "user-flows", why: later},
	}
}
