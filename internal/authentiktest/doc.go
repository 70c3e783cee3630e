// Package authentiktest is a stand-in for authentik: a server that behaves
// like one at the wire, for tests and for the demonstration. It answers the
// flow executor and the views around it that a login needs, in the dialects of
// two releases, and is held to recordings of real servers. It is no identity
// provider: passwords stand in its configuration as they are, and nothing of
// it outlives the process.
//
// [New] makes a [Server] of a [Config], in which flows are data. Methods of
// Server make the changes an administrator could make while visits run. There
// are no faults built in: wrap the handler.
//
// # Files
//
// config.go has what an administrator sets up, admin.go what he changes later.
// server.go takes a request from its host to its view, session.go keeps the
// session it belongs to, response.go writes the answer. executor.go and plan.go
// are the flow executor, stage.go what all stages share, fields.go how answers
// are read; each kind of stage has a file of its own. dialect.go is all that
// differs between releases, language.go all that differs between languages.
// brand.go, api.go and pages.go are the views around the executor. router.go
// stands before all of it, as in every installation, and serves what is static;
// interface.go is authentik's own pages, on which visitors sign in without us.
// source*.go lets visitors come from other identity providers, saml*.go answers
// applications that speak SAML, network.go and reputation.go keep an eye on
// addresses. validate*.go asks for second factors and setup_*.go sets them up;
// device.go, code.go and webauthn.go are what both need.
//
// Applications that are clients of OpenID Connect have a [Provider]. access.go
// is what their views ask of a visitor first, authorize.go where a browser is
// sent for a code, token.go, machine.go and device_code.go where tokens come
// from, grants.go what has been given out, signing.go what tokens say, keys.go
// the keys they are signed and encrypted with, metadata.go what clients read of
// an issuer, end_session.go how they sign a visitor out, and backchannel.go how
// they are told that a session is over.
//
// # How to add a stage
//
// Write a struct with exported settings whose zero values are authentik's
// defaults, and on its pointer the two methods of [Stage]. get answers a GET:
// it ends in v.ask(challenge) or, for a stage without a challenge, in
// v.solved() or v.deny(message). A challenge is an object begun with
// v.challenge(component), or v.userChallenge where authentik names the user.
// post answers a POST: read the body with v.fields(), whose methods collect
// what is wrong with the fields; if it has failed, end in v.refuse(challenge,
// errors), which also sees to bindings that restart; else do what the answer
// is for and end in v.solved(). An exception is an error that is returned.
// What a stage must remember until the next request goes into
// v.plan.context; values there are replaced, never changed in place, since a
// session is a copy until it is written back. Texts for the visitor pass
// through v.text. A difference between releases becomes a field of dialect,
// named for the difference. A view of its own gets a route, in a function that
// routes calls.
//
// # How to replay a recording
//
// The recordings are packed in a folder that is a module of its own, so that
// nobody downloads them with this one. Each scenario has one row in the file
// of its group, replay_<group>_test.go. A row has a function that makes the
// Config out of what the recording's setup says, in both releases; setups_test.go
// has what occurs again and again. On the replay it is given, the function may
// hang hooks, by the note of an exchange or by "#" and its number: before for
// what the administrator did in the meantime, change for a request that must be
// computed, such as a TOTP code, skip with a reason for an exchange that is out
// of scope, together for two that were sent at the same moment; signedIn makes
// a browser one whose login was not recorded. Values that authentik makes up
// are seen to in one list, normalisations in compare_test.go: what is not
// named there must be the same. Cookies are carried over by themselves.
// A row that is not replayed says why.
package authentiktest
