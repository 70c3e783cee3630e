// Package page draws what a visitor sees of a sign-in: authentik's challenges,
// failures, and the gate's own pages. It also reads the forms that are sent back
// as answers. It makes no decisions, stores nothing and sends no requests.
//
// Pages are plain HTML. They work without scripts wherever a challenge allows it;
// scripts only add to them. No page needs an exception from its content security
// policy.
//
// # Files
//
//   - pages.go: Pages and its configuration; Ask draws a challenge
//   - view.go: the data of layout.html; draft.go: a page that is being built
//   - stages.go: the table of challenges; stages_*.go: how each kind is drawn, and
//     how its answer is read
//   - form.go: what a browser sends; entry.go: fields to type into
//   - ending.go: pages without a question; frame.go: pages for frames
//   - brand.go: authentik's looks; sanitize.go, plaintext.go and qr.go: what is
//     made of authentik's HTML and secrets
//   - locale.go, language.go, locales: our own messages, in the visitor's language
//   - templates.go, templates: the HTML; assets.go, assets: style sheet and scripts
//   - policy.go, policy_captcha.go: the content security policy
//
// Templates can be replaced by the operator. What they get is described in
// docs/templates.md, and is part of the public contract.
package page
