// Package readme holds the README to the code: its configurations are read by
// Caddy, and its tables name what there is. It is a test and nothing else.
package readme
