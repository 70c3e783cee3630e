// Package contract tests that visitors can sign in through the gate, at the
// stand-in for authentik and at a real one. There is one list of scenarios. Each
// has its flow twice, as configuration of the stand-in and as a blueprint for a
// real authentik, and one walk: what a visitor does and sees, from the
// application through the whole gate and back.
//
// go test ./internal/contract runs the scenarios at the stand-in, once for each
// release that it imitates. If AUTHENTIK_URL and AUTHENTIK_TOKEN (an
// administrator's API token) are set, they also run at that authentik. There the
// tests create users, flows and applications with unique names and remove them
// afterwards.
//
// That authentik and its worker must run on this machine: they send mails, text
// messages and logout notices to servers of the test on the loopback interface.
//
// A walk is never changed to suit the stand-in: where the two differ, the
// stand-in is wrong.
//
// The blueprint for administrators, in docs, is imported there as well.
//
// blueprint.go writes blueprints, blueprintfile.go fills in an existing one, and
// importer.go applies them at authentik. The rest are tests: registration_test.go
// tests the blueprint in docs, scenarios_*_test.go are the scenarios, site_test.go
// is the application behind the gate, visitor_test.go a person at a browser,
// program_test.go a client that speaks JSON, messages_test.go receives mails and
// text messages, client_test.go registers the gate as a client of OpenID Connect,
// and administrator_test.go changes users at authentik.
package contract
