package flowclient

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"
)

// object reads a JSON object key by key. A value that is missing, null or of an
// unexpected type counts as absent: releases differ in their optional keys, and
// one wrong value must not make the rest of a challenge unusable.
type object map[string]json.RawMessage

// errNotObject does not contain the value, which may be a secret.
var errNotObject = errors.New("flowclient: not a JSON object")

func readObject(raw []byte) (object, error) {
	var o object
	if !utf8.Valid(raw) || json.Unmarshal(raw, &o) != nil || o == nil {
		return nil, errNotObject
	}
	return o, nil
}

// has reports whether the key is present and not null.
func (o object) has(key string) bool {
	v, ok := o[key]
	return ok && string(v) != "null"
}

// text returns a string, or the digits of a number: some keys and codes are
// numbers in one release and strings in another.
func (o object) text(key string) string {
	s, _ := asText(o[key])
	return s
}

func asText(raw json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return s, true
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil && n != "" {
		return n.String(), true
	}
	return "", false
}

// flag returns a boolean, or the given value if it is absent.
func (o object) flag(key string, absent bool) bool {
	var b *bool
	if json.Unmarshal(o[key], &b) != nil || b == nil {
		return absent
	}
	return *b
}

// number returns an integer, which may also be in a string. If it is absent,
// number returns 0.
func (o object) number(key string) int {
	n, err := strconv.Atoi(o.text(key))
	if err != nil {
		return 0
	}
	return n
}

// seconds returns a whole number of seconds as a duration. A number that no
// duration can hold counts as absent.
func (o object) seconds(key string) time.Duration {
	n := o.number(key)
	if d := time.Duration(n) * time.Second; d/time.Second == time.Duration(n) {
		return d
	}
	return 0
}

// time returns a time stamp (RFC 3339), or the zero time if the member is
// absent or has another form.
func (o object) time(key string) time.Time {
	t, err := time.Parse(time.RFC3339, o.text(key))
	if err != nil {
		return time.Time{}
	}
	return t
}

// maybe returns a string, or nil if it is absent.
func (o object) maybe(key string) *string {
	s, ok := asText(o[key])
	if !ok {
		return nil
	}
	return &s
}

// raw returns the value unchanged, or nil if it is absent or null.
func (o object) raw(key string) json.RawMessage {
	if !o.has(key) {
		return nil
	}
	return o[key]
}

// list returns the elements of an array.
func (o object) list(key string) []json.RawMessage {
	var l []json.RawMessage
	if json.Unmarshal(o[key], &l) != nil {
		return nil
	}
	return l
}

// texts returns the strings of an array.
func (o object) texts(key string) []string {
	var out []string
	for _, raw := range o.list(key) {
		if s, ok := asText(raw); ok {
			out = append(out, s)
		}
	}
	return out
}

// object returns a nested object, or nil, which reads like an empty one.
func (o object) object(key string) object {
	inner, err := readObject(o[key])
	if err != nil {
		return nil
	}
	return inner
}

// each decodes every object in an array.
func each[T any](o object, key string, read func(object) T) []T {
	var out []T
	for _, raw := range o.list(key) {
		if inner, err := readObject(raw); err == nil {
			out = append(out, read(inner))
		}
	}
	return out
}

// values returns a nested object as plain Go values.
func (o object) values(key string) map[string]any {
	var m map[string]any
	if json.Unmarshal(o[key], &m) != nil {
		return nil
	}
	return m
}
