package authentiktest

// adminRows are the recordings about the administrators' API.
func adminRows() []row {
	return []row{
		{name: "admin-views", why: later},
		{name: "logout-and-unenrol", replay: logoutAndUnenrol},
		{name: "provisioning-api", why: later},
		{name: "provisioning-blueprint", why: later},
	}
}
