// Package contract holds the gate to what it is for: visitors sign in through
// it, at the stand-in for authentik and at a real one. There is one list of
// scenarios. Each has its flow twice, as configuration of the stand-in and as a
// blueprint that a real authentik applies, and one walk: what a visitor does
// and sees, from the application through the whole gate and back.
//
// go test ./internal/contract walks them at the stand-in, in the manners of both
// releases. With AUTHENTIK_URL and AUTHENTIK_TOKEN (an administrator's API
// token) in the environment it walks them at that authentik too, where it makes
// the users, flows and applications it needs under names of their own and
// removes them afterwards.
//
// Mails, text messages and logout notices it has authentik send to servers of its
// own on the loopback interface: that authentik, and its worker, must run on this
// machine.
//
// A walk is never changed to suit the stand-in: where they differ, the stand-in
// is wrong.
//
// The blueprint that administrators are given, in docs, is imported there as well.
//
// blueprint.go writes blueprints, blueprintfile.go fills in one that is written
// already, importer.go has authentik apply them. All else is test:
// registration_test.go is about the one in docs, scenarios_*_test.go are the
// list, site_test.go is the application with the gate before it, visitor_test.go
// the person who walks, program_test.go one who does without pages, post_test.go
// what is sent to them, client_test.go the gate as a client of OpenID Connect, and
// administrator_test.go who changes things at authentik meanwhile.
package contract
