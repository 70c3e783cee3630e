// Package options reads the options of this project's Caddy modules, from a
// Caddyfile and from JSON. A module lists its options as Settings. Both formats
// use that list, so that both have the same options and refuse the same values.
//
// All mistakes are collected. Each says what is wrong and what to write
// instead, so that an operator can correct all of them at once.
//
//   - mistakes.go: the errors
//   - setting.go, placeholders.go: a value, and the placeholders in it
//   - parser.go: the Caddyfile
//   - checks.go: checks of values that package rules does not have
package options
