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
//   - printed.go: first pages that are drawn once for many visitors
//   - view.go: the data of layout.html and of fields to type into; draft.go: a page
//     that is being built
//   - stages.go: the table of challenges, and what a browser sends; stages_*.go: how
//     each kind is drawn, and how its answer is read
//   - ending.go: pages without a question, and those for frames
//   - brand.go: authentik's looks
//   - templates.go, templates: the HTML
//
// Rooms of their own, which know no page: locales has our messages in every
// language, assets the style sheet and the scripts, csp the content security
// policy, prints pages with gaps for what differs between visitors, markup makes
// authentik's HTML safe, and qrcode draws secrets.
//
// Templates can be replaced by the operator. What they get is described in
// docs/templates.md, and is part of the public contract.
package page
