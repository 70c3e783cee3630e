package rooms

import "slices"

// nothing is an allow-list on which nothing stands.
var nothing = []string{"only the standard library"}

// standIn are the bans of every room that ends in a user's Caddy.
var standIn = []Ban{
	{Module + "/internal/authentiktest", "it signs in any user: a Caddy built by users never contains the stand-in for authentik"},
	{Module + "/internal/demo", "it is the stand-in with a command line, which belongs to cmd/caddy"},
	{Module + "/proxy/store/storetest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/redistest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/processtest", "it is for tests, and brings the package testing with it"},
	{Module + "/internal/testsite", "it is for tests, and brings the package testing with it"},
	{Module + "/caddymodule/internal/moduletest", "it is for tests, and brings the package testing with it"},
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
	{Module + "/caddymodule/internal/moduletest", "it is for tests, and brings the package testing with it"},
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
// and a sanitizer for the HTML of forms, which needs expertise of its own. It is built on a
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
		OnlyWhy: "it is a library for any program that drives authentik from Go, and must weigh nothing",
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
		Path: "proxy/sidecar",
		Only: slices.Concat(drawing, signing, []string{
			Module + "/flowclient", Module + "/proxy", "github.com/patrickmn/go-cache", "golang.org/x",
		}),
		OnlyWhy: "it decides nothing, and needs what the gate needs",
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
	{Path: "proxy/internal/session/index", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/user", "it lists sessions by name, and knows nothing that they are about"},
	})},
	{Path: "proxy/internal/authn", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "a source gets plain values and draws nothing"},
	})},
	{Path: "proxy/internal/authn/oidc", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "a source gets plain values and draws nothing"},
	})},
	{Path: "proxy/internal/authn/host", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "a source gets plain values and draws nothing"},
		{Module + "/proxy/internal/exchange", "it knows browsers by what stands for their secrets, and no request"},
	})},
	{Path: "proxy/internal/loginhost", Bans: slices.Concat(caddy, standIn)},
	{
		Path: "proxy/internal/audit", Only: nothing,
		OnlyWhy: "it writes what it is told, and knows no session and no request",
	},
	{
		Path: "proxy/internal/answer", Only: nothing,
		OnlyWhy: "it keeps what an application writes, whatever that is",
	},
	{Path: "proxy/internal/programs", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "programs see no page"},
	})},
	{Path: "proxy/internal/signon", Bans: slices.Concat(caddy, standIn)},
	{
		Path: "proxy/internal/intent", Only: nothing,
		OnlyWhy: "it reads what a client wants, and knows no visitor and no site",
	},
	{
		Path: "proxy/internal/caching", Only: nothing,
		OnlyWhy: "it stands between an application and its server, and needs nothing of the gate",
	},
	{Path: "proxy/internal/exchange", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/access", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/signin", "it reads what is known of a session, and begins no sign-in"},
	})},
	{Path: "proxy/internal/reply", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/devices", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/page", "what authentik remembers of a browser is kept for any page"},
		{Module + "/proxy/internal/exchange", "it knows a browser by its secret, and no request"},
	})},
	{Path: "proxy/internal/copies", Bans: slices.Concat(caddy, standIn, []Ban{
		{Module + "/proxy/internal/exchange", "a copy is for every visitor: it knows no request"},
	})},
	{
		Path: "proxy/internal/readiness", Only: []string{
			Module + "/flowclient", Module + "/proxy/fault", Module + "/proxy/store", Module + "/proxy/internal/cache", "github.com/patrickmn/go-cache",
		},
		OnlyWhy: "it asks a store, and knows neither sessions nor visits",
	},
	{Path: "proxy/internal/signin", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/lateform", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/relay", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/addresses", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/group", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/decision", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/upstream", Bans: slices.Concat(caddy, standIn)},
	{Path: "proxy/internal/signout", Bans: slices.Concat(caddy, standIn)},
	{
		Path: "proxy/internal/user", Only: []string{"golang.org/x"},
		OnlyWhy: "what authentik has said about a user lies below every room that reads it",
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
		OnlyWhy: "what seals depends on no code but the standard library's",
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
		Path: "proxy/internal/page", Only: slices.Concat(drawing, []string{Module + "/flowclient", Module + "/proxy/internal/page", "golang.org/x"}),
		OnlyWhy: "it decides nothing and has as few authors as possible: the gate draws with it, and it knows no gate",
		Bans:    slices.Concat(caddy, standIn),
	},
	{
		Path: "proxy/internal/page/locales", Only: []string{"github.com/nicksnyder/go-i18n", "github.com/BurntSushi/toml", "golang.org/x"},
		OnlyWhy: "it says a message in a language, and knows neither a page nor authentik",
	},
	{
		Path: "proxy/internal/page/markup", Only: []string{
			"github.com/microcosm-cc/bluemonday", "github.com/aymerick/douceur", "github.com/gorilla/css", "golang.org/x",
		},
		OnlyWhy: "what makes HTML safe is read by itself, and depends on the sanitizer",
	},
	{
		Path: "proxy/internal/page/qrcode", Only: []string{"rsc.io/qr"},
		OnlyWhy: "the text of a QR code is a secret, and nothing else gets it",
	},
	{
		Path: "proxy/internal/page/csp", Only: nothing,
		OnlyWhy: "a policy is made of addresses, and knows no page",
	},
	{
		Path: "proxy/internal/page/assets", Only: nothing,
		OnlyWhy: "it serves files that are the same for every visitor, and knows no page",
	},
	{
		Path:    "proxy/internal/page/templates",
		Only:    []string{Module + "/proxy/internal/page/locales", "github.com/nicksnyder/go-i18n", "github.com/BurntSushi/toml", "golang.org/x"},
		OnlyWhy: "it reads HTML, and knows no page",
	},
	{
		Path: "proxy/internal/page/prints", Only: nothing,
		OnlyWhy: "it fills gaps in a text, and knows no page",
	},
	{Path: "proxy/internal/gallery", Bans: slices.Concat(caddy, []Ban{
		{Module + "/internal", "it shows the pages as they are, without anything that stands in for authentik"},
	})},
	{
		Path: "proxy/store", Only: []string{"github.com/patrickmn/go-cache"},
		OnlyWhy: "the author of a store needs the contract, and nothing of the gate",
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
	{
		Path: "examples/legacy", Only: []string{Module + "/examples/legacy/ledger"},
		OnlyWhy: "it is an application that knows nothing of the gate",
	},
	{
		Path: "examples/legacy/ledger", Only: nothing,
		OnlyWhy: "it is an application that knows nothing of the gate",
	},
	{Path: "examples/container", Bans: standIn},
	{Path: "examples/store", Bans: slices.Concat(standIn, []Ban{
		{Module + "/internal", "it shows what other people can do, and they cannot import that"},
	})},
	{Path: "caddymodule", Bans: standIn},
	{Path: "caddymodule/internal/moduletest", Bans: []Ban{
		{Module + "/internal/testsite", "it is for tests of one room, and starts no server"},
	}},
	{Path: "caddymodule/internal/shared", Bans: slices.Concat(standIn, guests)},
	{Path: "caddymodule/sessions/memory", Bans: slices.Concat(standIn, guests)},
	{Path: "caddymodule/sessions/redis", Bans: slices.Concat(standIn, guests)},
	{Path: "caddymodule/sessions/storage", Bans: slices.Concat(standIn, guests)},
	{
		Path: "caddymodule/internal/loglimit", Only: nothing,
		OnlyWhy: "it counts lines of any log",
	},
	{Path: "caddymodule/internal/setup", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy/internal", "a command sets authentik up, and knows nothing of the gate's inside"},
	})},
	{Path: "caddymodule/internal/doctor", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy/internal", "it examines a gate from outside, as visitors and authentik see it"},
	})},
	{Path: "internal/plain", Only: nothing, OnlyWhy: "every command may write with it"},
	{Path: "internal/authentikadmin", Only: []string{Module + "/internal/plain"}, OnlyWhy: "it holds the token of an administrator"},
	{Path: "caddymodule/internal/walk", Bans: slices.Concat(standIn, guests, []Ban{
		{Module + "/proxy", "it follows Caddy's routes, and knows no gate"},
	})},
	{Path: "caddymodule/internal/options", Bans: slices.Concat(standIn, guests)},
	{
		Path: "caddymodule/internal/advice", Only: nothing,
		OnlyWhy: "it is a list of words and of what to write instead",
	},
	{
		Path: "caddymodule/internal/version", Only: nothing,
		OnlyWhy: "it compares versions",
	},
	{
		Path: "caddymodule/internal/gatekey", Only: nothing,
		OnlyWhy: "it holds the key of all encryption, and knows a storage by its methods",
	},
	{Path: "caddymodule/internal/keeper", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy", "it keeps the headers of a response, and knows no gate"},
	})},
	{Path: "caddymodule/internal/matchers", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy/internal", "it looks at requests with Caddy's matchers, and knows no gate"},
	})},
	{Path: "caddymodule/internal/request", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy", "it says what Caddy knows, and knows no gate"},
	})},
	{Path: "caddymodule/internal/routes", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy/internal", "it reads Caddy's routes, and knows a gate by the id of its module"},
	})},
	{Path: "caddymodule/internal/pagefile", Bans: standIn},
	{Path: "caddymodule/internal/identity", Bans: standIn},
	{Path: "caddymodule/internal/gates", Bans: standIn},
	{Path: "caddymodule/internal/telemetry", Bans: standIn},
	{Path: "caddymodule/internal/operator", Bans: standIn},
	{Path: "caddymodule/internal/transport", Bans: slices.Concat(standIn, []Ban{
		{Module + "/proxy/internal", "it makes connections, and knows no gate"},
	})},
	{
		Path:    "caddymodule/sessions/storage/storagestore",
		Only:    []string{Module + "/proxy/store", "github.com/patrickmn/go-cache"},
		OnlyWhy: "it knows a storage by its methods, and brings none with it",
		Bans:    slices.Concat(caddy, standIn, gate),
	},
	{Path: "cmd/caddy", Bans: demonstration},
	{Path: "internal/demo", Bans: demonstration},
	{Path: "bench/load", Bans: []Ban{
		{Module + "/proxy/internal", "what is measured is a Caddy as users build it, in a process of its own; only stores are filled here"},
		{Module + "/caddymodule/internal", "what is measured is a Caddy as users build it, in a process of its own; only stores are filled here"},
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
	"proxy/internal/cache", "proxy/internal/readiness", "proxy/internal/seal", "proxy/internal/assertion", "proxy/internal/headers", "proxy/internal/throttle", "proxy/internal/intake", "proxy/internal/intent", "proxy/internal/answer", "proxy/internal/audit", "proxy/internal/pictures",
	"proxy/internal/page/locales", "proxy/internal/page/markup", "proxy/internal/page/qrcode", "proxy/internal/page/csp", "proxy/internal/page/assets", "proxy/internal/page/prints", "proxy/internal/page/templates",
	"proxy/internal/page", "proxy/internal/copies", "proxy/internal/session/index", "proxy/internal/session", "proxy/internal/devices", "proxy/internal/authn", "proxy/internal/authn/oidc", "proxy/internal/authn/host", "proxy/internal/programs", "proxy/internal/exchange",
	"proxy/internal/access", "proxy/internal/reply", "proxy/internal/lateform", "proxy/internal/signin", "proxy/internal/relay", "proxy/internal/signout", "proxy/internal/addresses", "proxy/internal/group", "proxy/internal/decision", "proxy/internal/upstream", "proxy/internal/signon", "proxy/internal/loginhost", "proxy", "proxy/sidecar",
}
