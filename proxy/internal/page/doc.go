// Package page draws what a visitor sees of a sign-in: each of authentik's
// challenges, failures, and what the gate has to say itself. It also reads the
// forms that come back as answers to those challenges. It decides nothing, keeps
// nothing and asks nobody.
//
// Pages are plain HTML that works without scripts wherever a challenge allows;
// what scripts add, they add to that. Nothing stands in a page that its content
// security policy would have to make an exception for.
//
// # The files
//
//   - pages.go: the configuration made into Pages; Ask draws a challenge
//   - view.go: what templates see; draft.go: a page in the making
//   - stages*.go: how each kind of challenge is drawn, and how its answer is read
//   - form.go: what a browser sends; entry.go: what people type into
//   - ending.go: pages that ask nothing; frame.go: those by which a frame goes on
//   - brand.go: authentik's looks; sanitize.go, plaintext.go, qr.go: texts and pictures made from what authentik sends
//   - locale.go, locales: our own words, in the visitor's language
//   - templates.go, templates: the HTML; assets.go, assets: style sheet and scripts
//   - policy.go: what a page may load and where it may send
//
// # Templates of one's own
//
// Config.Templates puts templates in the place of those of the same name here
// (see templates, and [TemplateNames]). layout.html draws the whole page and is
// given a [pageView]; every other file defines the template "stage", which is given
// the same View. What View.Stage holds depends on the file:
//
//   - address.html [addressView], agent.html [agentView], autosubmit.html [autosubmitView]
//   - button.html [buttonView], captcha.html [captchaView], code.html [codeView], codes.html [codesView]
//   - consent.html [consentView], devices.html [devicesView], duo.html [duoView]
//   - elsewhere.html [elsewhereView], ending.html [endingView], frame.html [frameView], framed.html [FrameLinks]
//   - identification.html [identificationView], key.html [keyView], logout.html [logoutView]
//   - password.html [passwordView], prompt.html [promptView], redirect.html [redirectView]
//   - source.html [sourceView], telegram.html [telegramView], totp.html [totpView]
//
// The function say returns a sentence of the catalogue in the visitor's language,
// by its name; what the sentence leaves open follows as pairs:
//
//	{{say "continue_at" "Host" .ElsewhereHost}}
//
// layout.html defines parts that other templates use, and which one's own layout.html
// keeps unless it defines them anew: "hidden" (the hidden fields that every form to
// the gate needs, given the View), "entry" (a label with its input and what there is
// to say about it, given an [Entry]), "picture" (given a [pictureView]), "who" (given the
// View) and icons. Scripts find what they add to a page by attributes: data-afresh on
// the body, data-show, data-remember, data-do and data-wait on what they bring to life.
//
// Templates are trusted code of the operator's. They see all that a page shows,
// and can make a page that sends it anywhere on this site. What is put into them is
// escaped, and the content security policy holds for them too. Mistakes that
// can be found without a challenge are errors of [New]; what fails when a page is
// drawn leaves no half of it.
package page
