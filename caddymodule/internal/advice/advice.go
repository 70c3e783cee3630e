// Package advice knows the options of other tools, and says what to write in a
// Caddyfile instead of them.
package advice

import (
	"fmt"
	"strings"
)

// instead has what to write instead of options of other tools: of Caddy's
// forward_auth, of authentik's outposts and of other sign-in proxies. The keys
// are in lower case, without underscores and hyphens.
var instead = map[string]string{ //nolint:gosec // advice about secrets, not secrets
	"skip":              insteadOfSkip,
	"skippath":          insteadOfSkip,
	"skippaths":         insteadOfSkip,
	"skipauth":          insteadOfSkip,
	"skipauthroute":     insteadOfSkip,
	"skipauthroutes":    insteadOfSkip,
	"skipauthregex":     insteadOfSkip,
	"bypass":            insteadOfSkip,
	"bypasspaths":       insteadOfSkip,
	"except":            insteadOfSkip,
	"exclude":           insteadOfSkip,
	"excludepaths":      insteadOfSkip,
	"ignore":            insteadOfSkip,
	"ignorepaths":       insteadOfSkip,
	"public":            insteadOfSkip,
	"publicpaths":       insteadOfSkip,
	"publicurls":        insteadOfSkip,
	"unauthenticated":   insteadOfSkip,
	"unprotected":       insteadOfSkip,
	"whitelist":         insteadOfSkip,
	"skipauthpreflight": "write preflight",
	"protect":           "write only with the paths that need a sign-in: only /admin/*",
	"paths":             "write only with the paths that need a sign-in: only /admin/*",
	"protectedpaths":    "write only with the paths that need a sign-in: only /admin/*",

	"trustednetworks": insteadOfNetworks,
	"trustedips":      insteadOfNetworks,
	"bypassnetworks":  insteadOfNetworks,
	"allowedips":      insteadOfNetworks,
	"ipwhitelist":     insteadOfNetworks,

	"copyheaders":      "the gate sets the headers itself; write headers authentik for those of authentik's outpost",
	"headerup":         "write headers, and the header with a claim in its block: headers { X-User username }",
	"requestheader":    "write headers, and the header with a claim in its block: headers { X-User username }",
	"setheader":        "write headers, and the header with a claim in its block: headers { X-User username }",
	"passheaders":      "the gate sets the headers itself; write headers remote or headers authentik",
	"trustedproxies":   "write Caddy's global option: servers { trusted_proxies static <range> }",
	"outpost":          "no outpost is needed; write authentik's own address as url",
	"outposturl":       "no outpost is needed; write authentik's own address as url",
	"uri":              "no outpost is needed, so that there is no path to it; write authentik's own address as url",
	"authurl":          "write url for the address of authentik, and public_url for the one that browsers use",
	"mode":             "one directive does both; write application for authentik's bindings, and cookie { domain <domain> } for one session on several hosts",
	"forwardsingle":    "no outpost is needed; leave it out",
	"forwarddomain":    "write cookie { domain <domain> } for one session on several hosts",
	"oidc":             "write client_id and application",
	"openid":           "write client_id and application",
	"authorizationurl": "write url for the address of authentik; the gate finds its endpoints itself",
	"authorizeurl":     "write url for the address of authentik; the gate finds its endpoints itself",
	"tokenurl":         "write url for the address of authentik; the gate finds its endpoints itself",
	"loginurl":         "write public_url for the address of authentik that browsers use",
	"externalurl":      "write public_url for the address of authentik that browsers use, or site for that of this site",
	"baseurl":          "write url for the address of authentik",
	"upstream":         "write url for the address of authentik, and reverse_proxy for the application after the directive",
	"to":               "write url for the address of authentik, and reverse_proxy for the application after the directive",
	"reverseproxy":     "write reverse_proxy after the directive, not inside it",
	"issuer":           "write url for the address of authentik, and client_id; the gate knows the issuer by itself",
	"issuerurl":        "write url for the address of authentik, and client_id; the gate knows the issuer by itself",
	"discoveryurl":     "write url for the address of authentik, and client_id; the gate knows the issuer by itself",
	"provider":         "write application with the slug of the application whose provider it is, and client_id",
	"redirecturl":      "the gate's own is https://<this site>/.authentik/callback; register it at authentik's provider",
	"redirecturi":      "the gate's own is https://<this site>/.authentik/callback; register it at authentik's provider",
	"callback":         "the gate's own is https://<this site>/.authentik/callback; register it at authentik's provider",
	"callbackpath":     "the gate's own is https://<this site>/.authentik/callback; register it at authentik's provider",
	"callbackurl":      "the gate's own is https://<this site>/.authentik/callback; register it at authentik's provider",

	"insecure":              insteadOfInsecure,
	"insecureskipverify":    insteadOfInsecure,
	"skiptlsverify":         insteadOfInsecure,
	"tlsskipverify":         insteadOfInsecure,
	"tlsinsecure":           insteadOfInsecure,
	"sslinsecureskipverify": insteadOfInsecure,
	"tlsinsecureskipverify": insteadOfInsecure,
	"tlstrustpool":          "write trust <pem-file>",
	"tlstrustedcacerts":     "write trust <pem-file>",
	"trustpool":             "write trust <pem-file>",
	"cacert":                "write trust <pem-file>",
	"cacerts":               "write trust <pem-file>",
	"caroot":                "write trust <pem-file>",
	"sslverify":             insteadOfInsecure,
	"tls":                   insteadOfInsecure,
	"ca":                    "write trust <pem-file>",
	"tlsca":                 "write trust <pem-file>",
	"cafile":                "write trust <pem-file>",
	"trustedcacerts":        "write trust <pem-file>",
	"tlsservername":         "write tls_name <host>",
	"servername":            "write tls_name <host>",
	"fingerprint":           "write pin <sha256>, the hash of the public key in authentik's certificate",
	"tlsfingerprint":        "write pin <sha256>, the hash of the public key in authentik's certificate",

	"cookiename":      "write cookie { name <name> }",
	"cookiedomain":    "write cookie { domain <domain> }",
	"domain":          "write cookie { domain <domain> }",
	"cookiesecret":    "write key <secret>",
	"cookielifetime":  "write lifetime <duration>, and cookie { persistent } to keep the cookie when the browser is closed",
	"cookieexpire":    "write lifetime <duration>, and cookie { persistent } to keep the cookie when the browser is closed",
	"cookiesecure":    "the cookie is secure whenever the site has HTTPS; leave it out",
	"cookiesamesite":  "the cookie always is SameSite=Lax; leave it out",
	"cookie secure":   "the cookie is secure whenever the site has HTTPS; leave it out",
	"cookie samesite": "the cookie always is SameSite=Lax; leave it out",
	"cookie lifetime": "write lifetime <duration> outside of the block, and persistent to keep the cookie when the browser is closed",
	"cookie maxage":   "write lifetime <duration> outside of the block, and persistent to keep the cookie when the browser is closed",
	"cookie path":     "the cookie is for the whole site; leave it out",
	"secret":          "write key <secret> for the gate's key, or client_secret <secret> for that of the provider",
	"secretkey":       "write key <secret>",
	"jwtsecret":       "write key <secret>",
	"encryptionkey":   "write key <secret>",

	"timeout":         "write lifetime <duration> for the length of a session, or idle <duration>",
	"ttl":             "write lifetime <duration>",
	"expiration":      "write lifetime <duration>",
	"inactivity":      "write idle <duration>",
	"remember":        "write cookie { persistent }",
	"rememberme":      "write cookie { persistent }",
	"staysignedin":    "write cookie { persistent }",
	"persistent":      "write cookie { persistent }",
	"sessiontimeout":  "write lifetime <duration>",
	"sessionexpiry":   "write lifetime <duration>",
	"sessionduration": "write lifetime <duration>",
	"sessionlifetime": "write lifetime <duration>",
	"sessionstore":    "write sessions storage, sessions memory or sessions redis",
	"store":           "write sessions storage, sessions memory or sessions redis",
	"storage":         "write sessions storage",
	"memory":          "write sessions memory",
	"redis":           "write sessions redis { address redis:6379 }",

	"group":         "write require group <name>",
	"groups":        "write require group <name>",
	"allowgroups":   "write require group <name>",
	"allowedgroups": "write require group <name>",
	"role":          "write require group <name>",
	"roles":         "write require group <name>",
	"email":         insteadOfEmails,
	"emails":        insteadOfEmails,
	"allowedemails": insteadOfEmails,
	"emaildomain":   insteadOfEmails,
	"emaildomains":  insteadOfEmails,
	"user":          "write require user <name>",
	"users":         "write require user <name>",
	"allowedusers":  "write require user <name>",
	"allow":         "write require group <name> or require user <name>",
	"policy":        "bind the policy to the application in authentik, and write application <slug>",
	"mfa":           "write require mfa",
	"acr":           "write require mfa for a second factor",
	"acrvalues":     "write require mfa for a second factor",
	"scope":         "write scopes openid profile email",
	"slug":          "write application <slug>, or flow <slug> for the flow",
	"app":           "write application <slug>",
	"appslug":       "write application <slug>",
	"basicauth":     "write clients basic for programs with app passwords, or sign_on basic { … } for an application that asks for a password",
	"token":         "the gate needs no token of an authentik user; leave it out",
	"apitoken":      "the gate needs no token of an authentik user; leave it out",
	"apikey":        "the gate needs no token of an authentik user; leave it out",
	"logouturl":     "the gate's own is /.authentik/logout, to be sent a POST; leave it out",
	"theme":         "write page { style <file.css> }",
	"css":           "write page { style <file.css> }",
	"lang":          "write page { language <tag> }",
	"locale":        "write page { language <tag> }",
	"language":      "write page { language <tag> }",
	"title":         "write page { title <text> }",
	"logo":          "write page { logo <url> }",
	"style":         "write page { style <file.css> }",
	"templates":     "write page { templates <dir> }",
}

const (
	insteadOfSkip     = "write open with the paths that need no sign-in: open /healthz /assets/*"
	insteadOfNetworks = "write a matcher of addresses, such as @office client_ip 192.0.2.0/24, and open @office"
	insteadOfEmails   = "write require user <name> or require group <name>, or with client_id require email <address>"
)

const insteadOfInsecure = "authentik's certificate is always verified; write trust <pem-file> for one of your own authority, " +
	"pin <sha256> for one that no authority has signed, or url http://… if authentik is on this machine"

// OtherTool returns what to write instead of an option that other tools have,
// or nil for every other option.
func OtherTool(option string) error {
	name := strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(option))
	advice := instead[name]
	if advice == "" {
		return nil
	}
	return fmt.Errorf("there is no option %s; %s", option, advice)
}
