// Package rooms keeps the rooms of this module apart: which package may import
// which, and what none of them may use. It is a test and nothing else, written
// down as a table, so that whoever breaks a rule reads the reason for it.
//
// The way between the rooms is caddymodule → proxy → flowclient, never back.
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
// is linked with it, by whatever way: a ban that an indirect import gets round
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

// nothing is an allow-list on which nothing stands.
var nothing = []string{"the standard library alone"}

// standIn are the bans of every room that ends in a user's Caddy.
var standIn = []Ban{
	{Module + "/internal/authentiktest", "it signs in whoever it is told to: a Caddy built by users never contains the stand-in for authentik"},
	{Module + "/internal/demo", "it is the stand-in with a command line, which belongs to cmd/caddy"},
	{Module + "/proxy/store/storetest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/redistest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/processtest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/testsite", "it is for tests, and brings the package testing with it"},
	{"testing", "it registers its flags in every program that contains it"},
	{"github.com/go-webauthn", "it belongs to the stand-in for authentik"},
	{"github.com/pquerna/otp", "it belongs to the stand-in for authentik"},
	{"github.com/chromedp", "it belongs to tests"},
}

// demonstration are the bans of the command that contains the stand-in: what
// only tests need is not linked with it either.
var demonstration = []Ban{
	{Module + "/internal/redistest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/processtest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/testsite", "it is for tests, and brings the package testing with it"},
	{Module + "/proxy/store/storetest", "it is for tests, and brings the package testing with it"},
}

// caddy are the bans of rooms that must not know which server they are in.
var caddy = []Ban{
	{"github.com/caddyserver/caddy", "the gate stands in front of any net/http server"},
	{"github.com/caddyserver/certmagic", "where keys and certificates are kept is the server's affair"},
	{"go.uber.org/zap", "it logs with log/slog, so that every server can take its lines"},
	{"github.com/prometheus", "it reports to an interface, and the server counts as it likes"},
	{Module + "/caddymodule", "the way is caddymodule → proxy → flowclient, never back"},
}

// drawing is what pages are made with: QR codes, words in the visitor's language,
// and a sanitizer for the HTML of forms, which is no work for amateurs. It is built on a
// parser of styles, which is linked with it and not used here.
var drawing = []string{
	"rsc.io/qr", "github.com/nicksnyder/go-i18n", "github.com/BurntSushi/toml",
	"github.com/microcosm-cc/bluemonday", "github.com/aymerick/douceur", "github.com/gorilla/css",
}

// signing is what tokens of OpenID Connect are fetched and checked with.
var signing = []string{"github.com/coreos/go-oidc", "github.com/go-jose/go-jose"}

// gate are the bans of rooms that the gate is built on.
var gate = []Ban{
	{Module + "/proxy/internal", "a store knows nothing of the gate that uses it"},
	{Module + "/flowclient", "a store knows nothing of the gate that uses it"},
}

// guests are the bans of the modules that the handler loads by name.
var guests = []Ban{
	{Module + "/flowclient", "a store knows nothing of the gate that uses it"},
	{Module + "/proxy/internal", "a store knows nothing of the gate that uses it"},
}

// redis is the driver of Redis with what it is built on. Package proxy does without.
var redis = []string{"github.com/redis/go-redis", "github.com/cespare/xxhash", "go.uber.org/atomic"}

// Rooms are the rooms of this module.
var Rooms = []Room{
	{
		Path: "flowclient", Only: nothing,
		OnlyWhy: "it is a library for anybody who drives authentik from Go, and must weigh nothing",
		Bans:    []Ban{{Module + "/proxy", "the way is caddymodule → proxy → flowclient, never back"}},
	},
	{
		Path: "proxy",
		Only: slices.Concat(drawing, signing, []string{
			Module + "/flowclient", Module + "/proxy/fault", Module + "/proxy/internal", Module + "/proxy/rules", Module + "/proxy/store", Module + "/proxy/plex",
			"github.com/patrickmn/go-cache", "golang.org/x",
		}),
		OnlyWhy: "what guards an application has as few authors as possible",
		Bans:    slices.Concat(caddy, standIn),
	},
	{
		Path: "proxy/fault", Only: []string{Module + "/flowclient"},
		OnlyWhy: "failures lie below every room of the gate",
	},
	{
		Path: "proxy/rules", Only: []string{"golang.org/x"},
		OnlyWhy: "rules for a configuration are read by every server, and know nothing of the gate",
	},
	{
		Path: "proxy/plex", Only: nothing,
		OnlyWhy: "it asks plex.tv and needs nothing of the gate",
	},
	{Path: "proxy/internal/session", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "a session's life knows no page"},
	})},
	{Path: "proxy/internal/authn", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "a source gets plain values and draws nothing"},
	})},
	{Path: "proxy/internal/authn/oidc", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "a source gets plain values and draws nothing"},
	})},
	{Path: "proxy/internal/exchange", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/reply", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/signin", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/relay", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/signout", Bans: slices.Concat(caddy, standIn)},
	{
		Path: "proxy/internal/user", Only: []string{"golang.org/x"},
		OnlyWhy: "what authentik said about a person lies below every room that reads it",
	},
	{
		Path: "proxy/internal/headers", Only: []string{Module + "/proxy/internal/user", Module + "/proxy/rules", "golang.org/x"},
		OnlyWhy: "it knows no session and no gate",
	},
	{
		Path:    "proxy/internal/assertion",
		Only:    []string{Module + "/proxy/internal/user", Module + "/proxy/internal/seal", "github.com/go-jose/go-jose", "golang.org/x"},
		OnlyWhy: "it signs what it is given, and knows no session and no request",
	},
	{
		Path: "proxy/internal/background", Only: nothing,
		OnlyWhy: "it runs what it is given",
	},
	{
		Path: "proxy/internal/seal", Only: nothing,
		OnlyWhy: "what seals depends on nobody's code but the standard library's",
	},
	{
		Path: "proxy/internal/cache", Only: nothing,
		OnlyWhy: "it keeps values and fetches them: what they are is the affair of its users",
		Bans:    []Ban{{"crypto", "it keeps what it is given: hashing and sealing come before"}},
	},
	{
		Path: "proxy/internal/throttle", Only: []string{Module + "/proxy/internal/cache", "golang.org/x/text"},
		OnlyWhy: "it counts failures by name and address, and knows neither authentik nor a request",
	},
	{
		Path: "proxy/internal/intake", Only: nothing,
		OnlyWhy: "it reads bytes within bounds, and knows neither a form nor a visit",
	},
	{
		Path: "proxy/internal/pictures", Only: []string{Module + "/flowclient", Module + "/proxy/internal/cache"},
		OnlyWhy: "it fetches what a marked name says and keeps it, and decides nothing about visitors",
	},
	{
		Path: "proxy/internal/page", Only: slices.Concat(drawing, []string{Module + "/flowclient", "golang.org/x"}),
		OnlyWhy: "what draws a sign-in has as few authors as possible",
		Bans: slices.Concat(caddy, standIn, []Ban{
			{Module + "/proxy", "it decides nothing: the gate draws with it, and it knows no gate"},
		}),
	},
	{Path: "proxy/internal/gallery", Bans: slices.Concat(caddy, []Ban{
		{Module + "/internal", "it shows the pages as they are, without anything that stands in for authentik"},
	})},
	{
		Path: "proxy/store", Only: []string{"github.com/patrickmn/go-cache"},
		OnlyWhy: "who writes a store needs the contract, and nothing of the gate",
		Bans:    slices.Concat(caddy, standIn, gate),
	},
	{
		Path:    "proxy/store/redis",
		Only:    slices.Concat(redis, []string{Module + "/proxy/rules", Module + "/proxy/store", "github.com/patrickmn/go-cache", "golang.org/x"}),
		OnlyWhy: "it brings the driver of Redis to programs that want it, and nothing else",
		Bans:    slices.Concat(caddy, standIn, gate),
	},
	{
		Path: "proxy/store/storetest", Only: []string{Module + "/proxy/store", "github.com/patrickmn/go-cache"},
		OnlyWhy: "it is for stores of other people, and tests nothing but the contract",
		Bans: slices.Concat(caddy, gate, []Ban{
			{Module + "/internal", "it is for stores of other people, who cannot import that"},
		}),
	},
	{Path: "examples/store", Bans: slices.Concat(standIn, []Ban{
		{Module + "/internal", "it shows what other people can do, and they cannot import that"},
	})},
	{Path: "caddymodule", Bans: standIn},
	{Path: "caddymodule/internal/shared", Bans: slices.Concat(standIn, guests)},
	{Path: "caddymodule/sessions/memory", Bans: slices.Concat(standIn, guests)},
	{Path: "caddymodule/sessions/redis", Bans: slices.Concat(standIn, guests)},
	{Path: "caddymodule/sessions/storage", Bans: slices.Concat(standIn, guests)},
	{
		Path: "caddymodule/internal/loglimit", Only: nothing,
		OnlyWhy: "it counts lines of any log",
	},
	{Path: "caddymodule/internal/options", Bans: slices.Concat(standIn, guests)},
	{
		Path:    "caddymodule/sessions/storage/storagestore",
		Only:    []string{Module + "/proxy/store", "github.com/patrickmn/go-cache"},
		OnlyWhy: "it knows a storage by its methods, and brings none with it",
		Bans:    slices.Concat(caddy, standIn, gate),
	},
	{Path: "cmd/caddy", Bans: demonstration},
	{Path: "internal/demo", Bans: demonstration},
	{Path: "bench/load", Bans: []Ban{
		{Module + "/proxy", "what is measured is a Caddy as users build it, in a process of its own"},
		{Module + "/caddymodule", "what is measured is a Caddy as users build it, in a process of its own"},
	}},
	{Path: "internal/authentiktest", Bans: slices.Concat(caddy, []Ban{
		{Module + "/proxy", "a stand-in made of the code under test agrees with its mistakes"},
		{Module + "/flowclient", "a stand-in made of the code under test agrees with its mistakes"},
	})},
}

// Floors are the rooms behind the gate, from the bottom up. A room is linked only
// with rooms before it.
var Floors = []string{
	"flowclient", "proxy/rules", "proxy/plex", "proxy/store", "proxy/fault", "proxy/internal/user", "proxy/internal/background",
	"proxy/internal/cache", "proxy/internal/seal", "proxy/internal/assertion", "proxy/internal/headers", "proxy/internal/throttle", "proxy/internal/intake", "proxy/internal/pictures",
	"proxy/internal/page", "proxy/internal/session", "proxy/internal/authn", "proxy/internal/authn/oidc", "proxy/internal/exchange",
	"proxy/internal/reply", "proxy/internal/signin", "proxy/internal/relay", "proxy/internal/signout", "proxy",
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
