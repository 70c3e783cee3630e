package headers

import (
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// outposts is the folded beginning of all header names that authentik's
// outposts use. No client has a reason to send such a header.
const outposts = "x-authentik-"

// protect adds a header to those that are removed from requests.
func (h *Headers) protect(name string) {
	var buf [maxName]byte
	folded := fold(&buf, name)
	h.names[string(folded)] = true
	h.begin(folded[0])
}

// begin notes every octet that folds into one. For most headers of most requests,
// checking the first octet is enough.
func (h *Headers) begin(folded byte) {
	if h.firsts[folded] { // as it folds into itself
		return
	}
	for written := range 256 {
		if rules.FoldOctet(byte(written)) == folded {
			h.firsts[written] = true
		}
	}
}

// fold spells a header's name as the least careful application reads it: CGI
// (RFC 3875, 4.1.18) replaces "-" by "_", and many successors replace every
// octet that is not a letter or digit. Case is ignored. It returns nothing for
// a name that is too long to be protected.
func fold(buf *[maxName]byte, name string) []byte {
	name = textproto.TrimString(name)
	if len(name) > maxName {
		return nil
	}
	for i := range len(name) {
		buf[i] = rules.FoldOctet(name[i])
	}
	return buf[:len(name)]
}

// Names returns the names of the headers that at least some users' requests
// get, each once.
func (h *Headers) Names() []string { return slices.Clip(h.told) }

func (h *Headers) tell() {
	h.told = slices.Collect(maps.Keys(h.additional))
	for _, rule := range h.rules {
		h.told = append(h.told, rule.Name)
	}
	slices.Sort(h.told)
	h.told = slices.Compact(h.told)
}

// Protects reports whether an application may read who the visitor is from a
// header of this name, so that no client may send it.
func (h *Headers) Protects(name string) bool { return h.protects(name) }

// protects reports whether an application may read who the visitor is from a
// header of this name.
func (h *Headers) protects(name string) bool {
	if name == "" || !h.firsts[name[0]] {
		return false
	}
	var buf [maxName]byte
	folded := fold(&buf, name)
	return h.presets[string(folded)] || h.names[string(folded)] ||
		h.outposts && len(folded) > len(outposts) && string(folded[:len(outposts)]) == outposts
}

// Strip removes identity headers that the client has sent, in every spelling,
// and such trailers. It also removes their names from Connection, which would
// make a proxy behind the gate delete the headers that the gate sets, and an upgrade
// to HTTP, in which a client would send requests past the gate.
func (h *Headers) Strip(r *http.Request) {
	for name := range r.Header {
		if h.protects(name) {
			delete(r.Header, name)
		}
	}
	if lines := r.Header["Connection"]; len(lines) > 0 {
		r.Header["Connection"] = h.connection(lines)
	}
	stripUpgrade(r.Header)
	h.stripTrailer(r)
	if r.Trailer != nil || len(r.TransferEncoding) > 0 {
		r.Body = trailing{ReadCloser: r.Body, strip: func() { h.stripTrailer(r) }}
	}
}

// stripUpgrade removes upgrades to another version of HTTP, in the clear (RFC 7540, 3.2)
// or in TLS (RFC 2817). Caddy would connect the client with an application that
// accepts one, and no request after that would come to the gate.
func stripUpgrade(h http.Header) {
	delete(h, "Http2-Settings")
	lines := h["Upgrade"]
	if len(lines) == 0 {
		return
	}
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		var protocols []string
		for protocol := range strings.SplitSeq(line, ",") {
			if protocol = textproto.TrimString(protocol); protocol != "" && !carriesHTTP(protocol) {
				protocols = append(protocols, protocol)
			}
		}
		if len(protocols) > 0 {
			kept = append(kept, strings.Join(protocols, ", "))
		}
	}
	h["Upgrade"] = kept
	if len(kept) == 0 {
		delete(h, "Upgrade")
	}
}

// carriesHTTP reports whether requests follow an upgrade to a protocol, such as h2c,
// h2c-14, HTTP/2.0 and TLS/1.0.
func carriesHTTP(protocol string) bool {
	protocol = strings.ToLower(protocol)
	return slices.ContainsFunc([]string{"h2", "h3", "http", "tls"}, func(name string) bool {
		return strings.HasPrefix(protocol, name)
	})
}

func (h *Headers) stripTrailer(r *http.Request) {
	for name := range r.Trailer {
		if h.protects(name) {
			delete(r.Trailer, name)
		}
	}
}

// connection returns the lines without tokens that name an identity header.
func (h *Headers) connection(lines []string) []string {
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		var tokens []string
		for token := range strings.SplitSeq(line, ",") {
			if token = textproto.TrimString(token); token != "" && !h.protects(token) {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) > 0 {
			kept = append(kept, strings.Join(tokens, ", "))
		}
	}
	return kept
}

// trailing strips trailers once they are there: net/http adds them, announced or
// not, when the body has been read.
type trailing struct {
	io.ReadCloser
	strip func()
}

// Read reads on and strips the trailers that come with the end.
func (t trailing) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		t.strip()
	}
	return n, err
}
