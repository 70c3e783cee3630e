package authentiktest

// sourceRows are the recordings about other identity providers.
func sourceRows() []row {
	return []row{
		{name: "source-denied", why: later},
		{name: "source-oauth-return", why: later},
		{name: "source-telegram", why: later},
		{name: "sources-buttons", why: later},
	}
}
