// Package headers prepares and sets the identity headers that an application is
// sent, and removes what a client sent in their names.
package headers

// A Header is one prepared header line.
type Header struct{ Name, Value string }
