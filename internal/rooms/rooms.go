// Package rooms keeps the rooms of this module apart: which package may import
// which, and what none of them may use. It is a test and nothing else, written
// down as a table, so that a failure says the reason for its rule.
//
// Imports go caddymodule → proxy → flowclient, never back.
package rooms

import (
	"fmt"
	"slices"
	"strings"
)

// Module is the path before every room.
const Module = "github.com/flowsidecar/caddy-authentik"

// A Package is one package of this module and what it is built from.
type Package struct {
	ImportPath string
	Imports    []string // what it names itself
	Deps       []string // everything that is linked with it
}

// A Room is a package with the rules it lives under. The rules are about what
// is linked with it, directly or not: a ban that an indirect import gets round
// bans nothing.
type Room struct {
	Path string // below the module
	// Only, unless it is empty, lists everything that may be linked with the
	// room besides the standard library, and OnlyWhy says why so little.
	Only    []string
	OnlyWhy string
	Bans    []Ban
}

// A Ban is a package that must not be linked with a room, with everything
// below it.
type Ban struct {
	Path string
	Why  string
}

// upward returns a sentence for every room that is linked with one above it.
func upward(byPath map[string]Package) (broken []string) {
	for i, below := range Floors {
		for _, above := range Floors[i+1:] {
			if slices.Contains(byPath[Module+"/"+below].Deps, Module+"/"+above) {
				broken = append(broken, fmt.Sprintf("%s must not import %s: arrows go down, and it lies below", below, above))
			}
		}
	}
	return broken
}

// everywhere are the imports that no package of this module may name. What
// others import is their affair: the standard library uses math/rand itself.
var everywhere = []Ban{
	{"math/rand", "everything random here guards something: crypto/rand"},
	{"unsafe", "nothing here needs it"},
}

// Check returns every rule that the packages break, as sentences.
func Check(packages []Package) (broken []string) {
	byPath := make(map[string]Package)
	for _, p := range packages {
		byPath[p.ImportPath] = p
		broken = append(broken, banned(p.ImportPath, p.Imports, everywhere)...)
	}
	for _, room := range Rooms {
		p, found := byPath[Module+"/"+room.Path]
		if !found {
			broken = append(broken, fmt.Sprintf("%s: there is no such package, and its rules hold nothing", room.Path))
			continue
		}
		broken = append(broken, banned(p.ImportPath, p.Deps, room.Bans)...)
		broken = append(broken, strangers(p, room)...)
	}
	broken = append(broken, upward(byPath)...)
	return append(broken, homeless(packages)...)
}

// banned returns a sentence for everything in paths that a ban names.
func banned(importer string, paths []string, bans []Ban) (broken []string) {
	for _, ban := range bans {
		for _, path := range paths {
			if within(path, ban.Path) {
				broken = append(broken, fmt.Sprintf("%s must not import %s: %s", importer, path, ban.Why))
			}
		}
	}
	return broken
}

// strangers returns a sentence for everything that is not on a room's list.
func strangers(p Package, room Room) (broken []string) {
	if len(room.Only) == 0 {
		return nil
	}
	for _, path := range p.Deps {
		listed := slices.ContainsFunc(room.Only, func(allowed string) bool { return within(path, allowed) })
		if !listed && !standard(path) {
			broken = append(broken, fmt.Sprintf("%s must not import %s: %s", p.ImportPath, path, room.OnlyWhy))
		}
	}
	return broken
}

// homeless returns a sentence for every package that users can import and that
// no room has rules for.
func homeless(packages []Package) (broken []string) {
	for _, p := range packages {
		below := strings.TrimPrefix(p.ImportPath, Module+"/")
		roomed := slices.ContainsFunc(Rooms, func(r Room) bool { return r.Path == below })
		if !roomed && !strings.HasPrefix(below, "internal/") {
			broken = append(broken, fmt.Sprintf("%s has no room: say in internal/rooms what it may import", p.ImportPath))
		}
	}
	return broken
}

// within reports whether path is ancestor or lies below it. The major version
// of a module counts as lying below it.
func within(path, ancestor string) bool {
	return path == ancestor || strings.HasPrefix(path, ancestor+"/")
}

// standard reports whether path belongs to the standard library: no other
// module has a first element without a dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
