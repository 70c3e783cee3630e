// Package authentiktest is a stand-in for authentik: a server that behaves like
// one on the wire, for tests and for the demonstration. It has the flow
// executor and the views around it that a sign-in needs, in the dialects of
// several releases, and is held to recordings of real servers. It is not an
// identity provider: passwords are stored in plain text, and nothing outlives
// the process.
//
// [New] makes a [Server] from a [Config], in which flows are data. Methods of
// Server make the changes that an administrator could make during visits. It
// has no faults built in: wrap the handler.
//
// It refuses what real servers refuse: a prompt without a label is an error of
// New, a client without grant types can do nothing, a TOTP code is accepted only
// once, and after a wrong code even the right one is refused for a while.
//
// # Files
//
// config.go is what an administrator sets up, admin.go what an administrator
// changes later. server.go finds the view of a request, session.go stores
// sessions, response.go writes answers. executor.go and plan.go are the flow
// executor, stage.go is what all stages share, fields.go reads answers; each
// kind of stage has a separate file. dialect.go has all differences between
// releases, language.go all differences between languages. brand.go, api.go and
// pages.go are the views around the executor. router.go is the router in front
// of the core, with the static files; interface.go is authentik's own pages.
// source*.go are other identity providers, saml*.go is for applications that
// speak SAML, network.go and reputation.go are about addresses. validate*.go
// asks for second factors and setup_*.go sets them up; both use device.go,
// code.go and webauthn.go.
//
// A [Provider] makes an application a client of OpenID Connect. access.go has
// the checks of all its views, authorize.go is the authorization endpoint,
// token.go, machine.go and device_code.go issue tokens, grants.go stores what
// was issued, signing.go makes tokens, keys.go has the keys, metadata.go is
// discovery, end_session.go the end-session endpoint, and backchannel.go sends
// logout tokens.
//
// # How to add a stage
//
// Write a struct with exported settings whose zero values are authentik's
// defaults, and on its pointer the two methods of [Stage]. get answers a GET:
// it ends in v.ask(challenge) or, for a stage without a challenge, in
// v.solved() or v.deny(message). A challenge is an object made by
// v.challenge(component), or v.userChallenge if authentik names the user. post
// answers a POST: read the body with v.fields(), whose methods collect what is
// wrong with the fields. If something is wrong, return v.refuse(challenge,
// errors), which also restarts the flow if the binding says so; otherwise act on
// the answer and return v.solved(). A returned error stands for an exception.
// Values that the stage needs in the next request go into v.plan.context; they
// are replaced, never changed in place, since a session is a copy until it is
// saved. Texts for the visitor pass through v.text. A difference between
// releases becomes a field of dialect, named for the difference. A new view
// needs a route in a function that routes calls.
//
// # How to replay a recording
//
// The recordings are packed in a folder that is a separate module, so that
// they are not downloaded with this one; recordings/INDEX.md lists them. Each
// scenario has one row in the file of its group, replay_<group>_test.go. A row
// has a function that makes the Config from the recording's setup, for all
// releases; setups_test.go has the common parts. On its replay argument the
// function may set hooks, by the note of an exchange or by "#" and its number:
// before for what the administrator did in the meantime, change for a request
// that must be computed, such as a TOTP code, skip with a reason for an exchange
// that is out of scope, together for two that were sent at the same time.
// signedIn gives a browser a session whose login was not recorded. Values that
// authentik makes up are listed once, as normalisations in compare_test.go;
// everything else must be the same. Cookies are carried over. A row without a
// replay says why.
package authentiktest
