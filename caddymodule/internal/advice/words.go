package advice

import (
	"fmt"
	"strings"
)

// A family is the advice for every option whose name has one of these words.
type family struct {
	words  []string
	advice string
}

// The first family that matches counts: the name skip_verify_path has words of
// two. The words are in lower case, without underscores and hyphens.
var families = []family{ //nolint:gosec // advice about secrets, not secrets
	{[]string{"verif", "insecure", "validation", "checkcert"}, insteadOfInsecure},
	{[]string{"skip", "bypass", "unauth", "unprotected", "exclu", "except", "ignore", "whitelist", "anonym", "guest", "publicpath", "publicroute"}, insteadOfSkip},
	{[]string{"samesite"}, "the cookie always is SameSite=Lax; leave it out"},
	{[]string{"httponly", "securecookie", "cookiesecure", "csrf"}, "cookies and forms are always protected; leave it out"},
	{[]string{"redis", "valkey", "sentinel"}, "write sessions redis { address redis:6379 }"},
	{[]string{"database", "sqlite", "postgres", "mysql", "memcache", "dsn", "sessionstore", "storage"}, "write sessions storage, sessions memory or sessions redis"},
	{[]string{"clientcert", "clientauth", "clienttls", "mtls", "clientkey"}, "authentik asks for no client certificate; leave it out"},
	{[]string{"certificate", "cacert", "rootca", "truststore", "pem"}, writeTrust},
	{[]string{"logout", "signout", "endsession", "invalidat"}, insteadOfLogout},
	{[]string{"accesstoken", "idtoken", "setauthorization", "passauthorization", "forwardtoken"}, `write headers { Authorization "Bearer {http.auth.user.access_token}" }, with client_id`},
	{[]string{"basic", "htpasswd"}, instead["basicauth"]},
	{[]string{"userinfo", "introspect", "jwks", "wellknown", "discovery", "endpoint", "oauth", "issuer", "authoriz"}, "write url for the address of authentik, and client_id; the gate finds all else itself"},
	{[]string{"pkce", "challengemethod", "nonce", "responsetype", "responsemode", "granttype", "clientauthmethod"}, "the gate always takes the safest way that authentik has; leave it out"},
	{[]string{"bearer", "jwt", "apitoken", "serviceaccount"}, "write clients bearer for programs with access tokens, or clients basic for those with app passwords"},
	{[]string{"claim", "attribute"}, "claims have the names that authentik gives them; write require <claim> <value>, or headers { <Header> <claim> }"},
	{[]string{"xauthrequest", "header", "remoteuser", "inject", "separator"}, "write headers, and the header with a claim in its block: headers { X-User username }"},
	{[]string{"factor", "2fa", "mfa", "totp", "otp", "webauthn", "passkey", "acr"}, "write require mfa for a second factor; authentik's flow says which"},
	{[]string{"group", "role"}, writeRequireGroup},
	{[]string{"email"}, insteadOfEmails},
	{[]string{"ratelimit", "lockout", "brute", "attempt", "regulation", "banned"}, "wrong answers are always slowed down; leave it out"},
	{[]string{"cors", "origin", "preflight"}, "write preflight for the CORS preflights of other origins"},
	{[]string{"remember", "persist", "keepsigned", "keeplogged"}, writePersistent},
	{[]string{"idle", "inactiv"}, "write idle <duration>"},
	{[]string{"refresh", "recheck", "revalidat", "interval", "polling"}, "write recheck <duration>"},
	{[]string{"session", "ttl", "expir", "duration", "lifetime", "validity", "maxage", "timeout"}, "write lifetime <duration>, or idle <duration>"},
	{[]string{"cookie"}, "write cookie { name <name> }, domain <domain> or persistent in that block, and key <secret> for what encrypts"},
	{[]string{"redirect", "callback", "returnto", "returnurl"}, insteadOfCallback},
	{[]string{"login", "signin", "portal"}, "write login page, login relay or login redirect for the way to sign in; its address is /.authentik/login"},
	{[]string{"network", "subnet", "cidr", "ipallow", "allowip", "allowedip", "denyip", "local"}, insteadOfNetworks},
	{[]string{"realip", "clientip", "forwardedfor", "trustproxy", "trustedproxy", "trustedip", "xforwarded"}, "write Caddy's global option: servers { trusted_proxies static <range> }"},
	{[]string{"theme", "css", "style", "color", "colour", "background", "favicon", "banner", "footer", "brand", "template", "logo", "title"}, "write page { title <text> }, or logo, style or templates in that block"},
	{[]string{"lang", "locale"}, "write page { language <tag> }"},
	{[]string{"slug", "appname"}, "write application <slug>, or flow <slug> for the flow"},
	{[]string{"flow"}, "write flow <slug> for the authentication flow; authentik's brand names all others"},
	{[]string{"logging", "loglevel", "accesslog"}, "write Caddy's global option log, and audit for an audit log"},
	{[]string{"ldap", "saml", "radius", "identityprovider"}, "set it up in authentik; write url for the address of authentik"},
	{[]string{"browser", "external", "frontend", "publichost"}, "write public_url for the address of authentik that browsers use, or site for that of this site"},
	{[]string{"upstream", "transport", "health", "dial", "handleresponse", "websocket", "rewrite", "lbpolicy"}, "write it in reverse_proxy after the directive, not inside it"},
	{[]string{"policy", "policies", "access", "acl", "allow", "deny", "block", "rule", "require"}, "write require group <name> or require user <name>, and on <matcher> { … } for some requests only"},
	{[]string{"secret", "encrypt", "signing"}, "write key <secret> for the gate's key, or client_secret <secret> for that of the provider"},
	{[]string{"grace", "offline"}, "write grace <duration>"},
	{[]string{"domain"}, "write cookie { domain <domain> } for one session on several hosts"},
	{[]string{"csp", "frameancestors", "securitypolicy"}, "write header Content-Security-Policy before the directive; the gate's own pages have theirs"},
	{[]string{"error", "forbidden"}, "write page { templates <dir> } for the gate's own pages"},
	{[]string{"encode", "charset", "encoding"}, "write headers { encoding utf8 }, or another one"},
	{[]string{"authenticate", "authentication", "sso"}, "the directive is all that is needed; write application <slug> for authentik's bindings"},
	{[]string{"enable", "disable"}, "leave the directive out where no sign-in is needed, or write open <path>"},
	{[]string{"path", "route", "location", "match"}, "write only <path> for what needs a sign-in, or open <path> for what needs none"},
	{[]string{"host", "server", "address", "authentik", "authelia", "url"}, "write url for the address of authentik, and public_url for the one that browsers use"},
}

// Related returns the advice for an unknown option by the words in its name, or
// nil.
func Related(option string) error {
	name := plain(option)
	if strings.Contains(name, " ") {
		return nil // a block has few options
	}
	for _, f := range families {
		for _, word := range f.words {
			if strings.Contains(name, word) {
				return fmt.Errorf("there is no option %s; %s", option, f.advice)
			}
		}
	}
	return nil
}

// ofRedis has the advice for options of other programs in the block of sessions
// redis.
var ofRedis = map[string]string{ //nolint:gosec // advice about secrets, not secrets
	"url":  "write address <host>:<port>, and username, password, database and tls on separate lines",
	"uri":  "write address <host>:<port>, and username, password, database and tls on separate lines",
	"dsn":  "write address <host>:<port>, and username, password, database and tls on separate lines",
	"host": "write address <host>:<port>", "hosts": "write address <host>:<port> <host>:<port>", "addr": "write address <host>:<port>",
	"addrs": "write address <host>:<port> <host>:<port>", "port": "write address <host>:<port>", "server": "write address <host>:<port>",
	"endpoint": "write address <host>:<port>", "nodes": "write address with all nodes of the cluster", "cluster": "write address with all nodes of the cluster",
	"sentinel": "write address with all Sentinels, and master <name>", "sentinels": "write address with all Sentinels, and master <name>",
	"mastername": "write master <name>", "db": "write database <number>", "dbindex": "write database <number>", "index": "write database <number>",
	"user": "write username <name>", "pass": "write password <secret>", "auth": "write password <secret>", "passwordfile": "write password {file./path}",
	"ssl": "write tls", "tlsenabled": "write tls", "usetls": "write tls", "tlsinsecure": "write tls { ca <pem-file> }", "insecure": "write tls { ca <pem-file> }",
	"tls insecure": "the certificate of Redis is always verified; write ca <pem-file>", "tls insecureskipverify": "the certificate of Redis is always verified; write ca <pem-file>",
	"tls skipverify": "the certificate of Redis is always verified; write ca <pem-file>", "tls cafile": "write ca <pem-file>",
	"tls key": "write cert <pem-file> <pem-file-of-the-key>", "tls servername": "write server_name <name>",
	"keyprefix": "write prefix <text>", "namespace": "write prefix <text>", "ttl": "write lifetime <duration> outside of the block",
	"dialtimeout": "write timeout <duration>", "readtimeout": "write timeout <duration>", "connecttimeout": "write timeout <duration>",
}

// OtherStore returns the advice for an option of another program in the block
// of sessions redis, or nil for an unknown option.
func OtherStore(option string) error {
	advice := ofRedis[strings.TrimPrefix(plain(option), "redis ")]
	if advice == "" {
		return nil
	}
	return fmt.Errorf("there is no option %s; %s", option, advice)
}
