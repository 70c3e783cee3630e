// Package authentiktest is a stand-in for authentik: a server that behaves
// like one at the wire, for tests and for the demonstration. It answers the
// flow executor and the few views around it that a login needs, in the
// dialects of the recorded releases. It is no identity provider: passwords
// stand in its configuration as they are.
package authentiktest
