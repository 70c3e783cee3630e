// Package options reads the options of Caddy modules of this project, from a
// Caddyfile and from JSON. A module lists its options as Settings. Both ways to
// write a configuration go by that list, so that both know the same options and
// refuse the same values.
//
// Every mistake is collected and says what is wrong and what to write instead,
// so that an operator can correct all of them at once.
//
//   - mistakes.go: the errors
//   - setting.go, placeholders.go: a value, and the placeholders in it
//   - parser.go: the Caddyfile
//   - checks.go: rules for values that package rules has none for
package options
