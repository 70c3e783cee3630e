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
// outposts use. No client has a reason to send a header with such a name.
const outposts = "x-authentik-"

// protect adds a header to those that are removed from requests.
func (h *Headers) protect(name string) {
	var buf [maxName]byte
	folded := fold(&buf, name)
	h.names[string(folded)] = true
	h.begin(folded[0])
}

// begin notes every octet that folds into one. So a check of the first octet is
// enough for most headers of most requests.
func (h *Headers) begin(folded byte) {
	if h.firsts[folded] { // one that folds into itself
		return
	}
	for written := range 256 {
		if rules.FoldOctet(byte(written)) == folded {
			h.firsts[written] = true
		}
	}
}

// fold returns a header's name as the least careful application reads it. CGI
// (RFC 3875, 4.1.18) replaces "-" with "_", and many of its successors replace
// every octet that is not a letter or digit. Case is ignored. For a name that
// is too long to be protected it returns nothing.
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

// Names returns the names of the headers that the requests of at least some
// users get, each once.
func (h *Headers) Names() []string { return slices.Clip(h.told) }

func (h *Headers) tell() {
	h.told = slices.Collect(maps.Keys(h.additional))
	for _, rule := range h.rules {
		h.told = append(h.told, rule.Name)
	}
	slices.Sort(h.told)
	h.told = slices.Compact(h.told)
}

// Protects reports whether an application may read the visitor's identity from
// a header of this name. No client may then send it.
func (h *Headers) Protects(name string) bool { return h.protects(name) }

// protects is Protects for the bytes of a name.
func (h *Headers) protects(name string) bool {
	if name == "" || !h.firsts[name[0]] {
		return false
	}
	var buf [maxName]byte
	folded := fold(&buf, name)
	return h.presets[string(folded)] || h.names[string(folded)] || h.outposts && ofOutposts(name)
}

// ofOutposts reports whether a name begins as those of authentik's outposts. It may be
// longer than a name that the gate sets.
func ofOutposts(name string) bool {
	var buf [maxName]byte
	name = textproto.TrimString(name)
	return len(name) > len(outposts) && string(fold(&buf, name[:len(outposts)])) == outposts
}

// Strip removes identity headers that the client has sent, in every spelling,
// and such trailers. It also removes two more things:
//
//   - headers that Connection names, and their names there, because of which
//     a proxy behind the gate would delete what the gate, or a handler between
//     them, sets
//   - an upgrade to HTTP, in which a client could send requests past the gate
func (h *Headers) Strip(r *http.Request) {
	for name := range r.Header {
		if h.protects(name) {
			delete(r.Header, name)
		}
	}
	if len(r.Header["Connection"]) > 0 {
		stripNamed(r.Header)
	}
	stripUpgrade(r.Header)
	h.stripTrailer(r)
	if r.Trailer != nil || len(r.TransferEncoding) > 0 {
		r.Body = trailing{ReadCloser: r.Body, strip: func() { h.stripTrailer(r) }}
	}
}

// stripUpgrade removes upgrades to another version of HTTP, without TLS (RFC
// 7540, 3.2) or with it (RFC 2817). If an application accepted one, Caddy would
// connect the client with it, and no later request would pass the gate.
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

// ofConnection are the names in Connection that are no headers, or belong to the
// connection anyway.
var ofConnection = []string{
	"Close", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// stripNamed removes headers that Connection names from a request, as every
// proxy has to (RFC 9110, 7.6.1), and their names from Connection.
func stripNamed(h http.Header) {
	lines := h["Connection"]
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		var tokens []string
		for token := range strings.SplitSeq(line, ",") {
			token = textproto.TrimString(token)
			name := textproto.CanonicalMIMEHeaderKey(token)
			switch {
			case slices.Contains(ofConnection, name):
				tokens = append(tokens, token)
			case name != "":
				delete(h, name)
			}
		}
		if len(tokens) > 0 {
			kept = append(kept, strings.Join(tokens, ", "))
		}
	}
	h["Connection"] = kept
}

// trailing is a body that strips trailers. net/http adds them, announced or
// not, when the body has been read.
type trailing struct {
	io.ReadCloser
	strip func()
}

// Read reads the body, and strips the trailers at its end.
func (t trailing) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		t.strip()
	}
	return n, err
}
