package flowclient

import "time"

// The limits on one answer of authentik. They keep a broken or hostile server,
// which may answer many visitors at once, from filling the memory. The recorded
// answers are less than a tenth of each limit.
const (
	// maxChallenge is the maximum size of an answer of the flow executor, in
	// bytes. The largest parts of a challenge are pictures that authentik
	// embeds as text (an avatar from a directory has up to 150 kB) and the
	// choices of a drop-down list.
	maxChallenge = 512 << 10
	// maxUser is the maximum size of core/users/me, in bytes: an embedded
	// avatar, and several thousand groups at about 100 bytes each.
	maxUser = 1 << 20
	// maxBrand is the maximum size of core/brands/current, in bytes. Its
	// largest part is the administrator's style sheet.
	maxBrand = 512 << 10
	// maxAnswer is the maximum size of small objects of the API, in bytes:
	// check_access with its messages, root/config, the state of a Duo
	// enrolment.
	maxAnswer = 128 << 10
	// maxPage is the maximum size of redirects and pages of HTML, in bytes. The
	// client needs only a header of them, or the heading.
	maxPage = 128 << 10
	// maxPicture is the maximum size of a logo or a background, in bytes.
	// Backgrounds are photographs.
	maxPicture = 8 << 20
	// maxRelayedAPI and maxRelayedFile are the maximum sizes of answers in a
	// relay, in bytes. The files are authentik's scripts; the largest have
	// several megabytes.
	maxRelayedAPI, maxRelayedFile = 1 << 20, 8 << 20
	// maxOAuth is the maximum size of an answer to Relay.HTTP, in bytes: user
	// information with several thousand groups.
	maxOAuth = 1 << 20
	// largeAnswer is the size, in bytes, from which an answer counts as large.
	// maxLarge is how many large answers are read at the same time; the others
	// wait.
	largeAnswer, maxLarge = 64 << 10, 16
	// maxHeader is the maximum size of the header of an answer, in bytes.
	maxHeader = 256 << 10
)

const (
	// defaultTimeout is the timeout for one call with all its requests.
	// Visitors seldom wait longer for a page.
	defaultTimeout = 15 * time.Second
	// pushTimeout is the timeout for a call that waits for a push: Duo gives
	// its users 60 s.
	pushTimeout = 90 * time.Second
	// maxRetryAfter is the maximum wait that the client accepts from a starting
	// authentik.
	maxRetryAfter = time.Hour
)
