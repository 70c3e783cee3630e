// Package docs tests the documents: README.md, docs and the examples. Caddy
// must read every Caddyfile in them, every link must lead somewhere, and every
// table must name what the code has, nothing more and nothing less. The package
// has tests only.
package docs
