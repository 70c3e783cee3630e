package page

import (
	"net/http"
	"reflect"
	"sync"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/prints"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
)

const (
	// printedTemplate is the only template whose pages are printed.
	printedTemplate = "identification.html"
	// maxPrints is the maximum number of pages that are kept for one challenge.
	// Its visitors have one host and language, so there are several pages only
	// if the brand has changed.
	maxPrints = 4
	// maxPrintedLanguage is the maximum size, in bytes, of what a visitor can
	// add to a print.
	maxPrintedLanguage = 256
)

// Prints are the pages that were drawn for a challenge that is the same for all
// visitors. They have gaps for the sealed visit and the way back. The zero
// Prints are empty. They are safe for concurrent use.
type Prints struct {
	mu   sync.Mutex
	kept []printed
}

// A printed page serves all visitors who would get the same page.
type printed struct {
	*prints.Print
	language string // Accept-Language of the visitors
	brand    flowclient.Brand
	policy   csp.Policy
}

// gapMarks are the marks in the gaps for the visit, for the way back, and for
// the address of a new sign-in that leads there.
var gapMarks = prints.Marks(3)

// printable reports whether the pages of a question for different visitors
// differ only in the gaps. Only the gate's own templates are printed: an
// operator's template may use the visit and the way back in any way.
func (p *Pages) printable(r *http.Request, q Question) bool {
	return q.Prints != nil && !p.templates.Replaces(templates.Layout, printedTemplate) &&
		q.Step.Challenge.Component() == flowclient.ComponentIdentification && !q.Step.Lost && len(q.Step.Cookies) == 0 &&
		q.Notice == "" && q.Mistake == nil && q.Source == nil && q.Name == "" && q.Lockout == 0 && q.ResendAfter == 0 &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead) && !r.URL.Query().Has(reloaded) &&
		len(r.Header.Get("Accept-Language")) <= maxPrintedLanguage
}

// print returns the printed page of a question, and draws it if it is not kept.
// ok is false if the page cannot be printed.
func (p *Pages) print(r *http.Request, q Question) (found printed, ok bool) {
	language := r.Header.Get("Accept-Language")
	if found, ok = q.Prints.find(language, q.Brand); ok {
		return found, true
	}
	d := p.newQuestion(r, q)
	d.Visit, d.Back, d.Afresh = gapMarks[0], gapMarks[1], gapMarks[2]
	d.drawStage(q)
	if d.Template != printedTemplate {
		return printed{}, false
	}
	page, err := p.render(d)
	if err != nil { // drawing the page for the visitor reports the error
		return printed{}, false
	}
	found = printed{prints.New(page.String(), gapMarks), language, q.Brand, d.policy}
	q.Prints.add(found)
	return found, true
}

// find returns the page for a visitor.
func (k *Prints) find(language string, b flowclient.Brand) (found printed, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.kept {
		if one.language == language && sameBrand(one.brand, b) {
			return one, true
		}
	}
	return printed{}, false
}

// add keeps a page and drops the oldest one if there are too many.
func (k *Prints) add(one printed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) >= maxPrints {
		k.kept = k.kept[1:]
	}
	k.kept = append(k.kept, one)
}

// sameBrand reports whether two brands are the same. Brands from the same
// answer of authentik share its text.
func sameBrand(a, b flowclient.Brand) bool {
	if len(a.Raw) > 0 && len(a.Raw) == len(b.Raw) && &a.Raw[0] == &b.Raw[0] {
		return true
	}
	return reflect.DeepEqual(a, b)
}
