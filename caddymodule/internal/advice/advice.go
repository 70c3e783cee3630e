// Package advice knows the options of other programs, and says what to write in
// a Caddyfile instead of them.
//
//   - advice.go: known options
//   - words.go: unknown options, by the words in their names
package advice

import (
	"fmt"
	"strings"
)

// instead has the advice for options of other programs: of Caddy's
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

	"skipproviderbutton":   "write login redirect, so that visitors sign in at authentik's own address",
	"skipjwtbearertokens":  "write clients bearer for programs with access tokens",
	"skipauthstripheaders": "the gate always removes identity headers that a client sends; leave it out",
	"whitelistdomain":      "a sign-in only ever leads back to this site; leave it out",
	"whitelistdomains":     "a sign-in only ever leads back to this site; leave it out",
	"forwardauth":          "write authentik's own address as url; the option forward_auth of the gate is for sites that other proxies serve",

	"if":         insteadOfMatcher,
	"when":       insteadOfMatcher,
	"unless":     insteadOfMatcher,
	"method":     insteadOfMatcher,
	"with":       "write require group <name> or require user <name>, or application <slug> for authentik's bindings",
	"realm":      "write clients basic for programs that send a name and a password; the gate names the realm",
	"ssl":        insteadOfInsecure,
	"lan":        insteadOfNetworks,
	"proxies":    "write Caddy's global option: servers { trusted_proxies static <range> }",
	"forwarded":  "write Caddy's global option: servers { trusted_proxies static <range> }",
	"cert":       writeTrust,
	"clientca":   "authentik asks for no client certificate; write trust <pem-file> for the authority of its own",
	"secure":     "the cookie is secure whenever the site has HTTPS; leave it out",
	"stepupauth": "write require mfa",
	"version":    "every release of authentik that is supported is recognized; leave it out",
	"auth":       "write authentik's own address as url, and nothing else is needed",
	"crypto":     writeKey,

	"trustednetworks": insteadOfNetworks,
	"trustedips":      insteadOfNetworks,
	"bypassnetworks":  insteadOfNetworks,
	"allowedips":      insteadOfNetworks,
	"ipwhitelist":     insteadOfNetworks,

	"copyheaders":          "the gate sets the headers itself; write headers authentik for those of authentik's outpost",
	"headerup":             "write headers, and the header with a claim in its block: headers { X-User username }",
	"requestheader":        "write headers, and the header with a claim in its block: headers { X-User username }",
	"setheader":            "write headers, and the header with a claim in its block: headers { X-User username }",
	"passheaders":          "the gate sets the headers itself; write headers remote or headers authentik",
	"trustedproxies":       "write Caddy's global option: servers { trusted_proxies static <range> }",
	"outpost":              "no outpost is needed; write authentik's own address as url",
	"outposturl":           "no outpost is needed; write authentik's own address as url",
	"uri":                  "no outpost is needed, so that there is no path to it; write authentik's own address as url",
	"authurl":              "write url for the address of authentik, and public_url for the one that browsers use",
	"authentikhost":        "write url for the address of authentik",
	"authentikurl":         "write url for the address of authentik",
	"authentikhostbrowser": "write public_url for the address of authentik that browsers use",
	"authentikinsecure":    insteadOfInsecure,
	"authentiktoken":       insteadOfToken,
	"hostbrowser":          "write public_url for the address of authentik that browsers use",
	"externalhost":         "write site for the address of this site as browsers see it",
	"internalhost":         "write reverse_proxy for the application after the directive",
	"proxyprefix":          "write prefix <path>",
	"authpath":             "write prefix <path> for the gate's own addresses",
	"authrequest":          "no outpost is needed, so that there is no path to it; write authentik's own address as url",
	"interceptheaderauth":  "write clients basic bearer for programs with their own credentials",
	"root":                 "write root and file_server after the directive, not inside it",
	"log":                  "write Caddy's global option log, and audit for an audit log",
	"metrics":              "write Caddy's global option metrics; the gate's are among them",
	"name":                 "write cookie { name <name> }, or page { title <text> }",
	"port":                 "write url with the port of authentik: url http://localhost:9000",
	"prompt":               "write max_age <duration> for a recent sign-in",
	"primary":              "leave it out; every gate of a process knows the others",
	"id":                   "write client_id <id>",
	"client":               "write client_id <id>, and client_secret <secret>",
	"audience":             "write client_id <id>; write assertion { audience <text> } for signed assertions",
	"audiences":            "write client_id <id>; write clients bearer { bearer <client-id> } for further clients",
	"mode":                 "one directive does both; write application for authentik's bindings, and cookie { domain <domain> } for one session on several hosts",
	"forwardsingle":        "no outpost is needed; leave it out",
	"forwarddomain":        "write cookie { domain <domain> } for one session on several hosts",
	"oidc":                 "write client_id and application",
	"openid":               "write client_id and application",
	"authorizationurl":     "write url for the address of authentik; the gate finds its endpoints itself",
	"authorizeurl":         "write url for the address of authentik; the gate finds its endpoints itself",
	"tokenurl":             "write url for the address of authentik; the gate finds its endpoints itself",
	"loginurl":             "write public_url for the address of authentik that browsers use",
	"externalurl":          "write public_url for the address of authentik that browsers use, or site for that of this site",
	"baseurl":              "write url for the address of authentik",
	"upstream":             "write url for the address of authentik, and reverse_proxy for the application after the directive",
	"to":                   "write url for the address of authentik, and reverse_proxy for the application after the directive",
	"reverseproxy":         "write reverse_proxy after the directive, not inside it",
	"issuer":               "write url for the address of authentik, and client_id; the gate knows the issuer by itself",
	"issuerurl":            "write url for the address of authentik, and client_id; the gate knows the issuer by itself",
	"discoveryurl":         "write url for the address of authentik, and client_id; the gate knows the issuer by itself",
	"provider":             "write application with the slug of the application whose provider it is, and client_id",
	"redirecturl":          insteadOfCallback,
	"redirecturi":          insteadOfCallback,
	"callback":             insteadOfCallback,
	"callbackpath":         insteadOfCallback,
	"callbackurl":          insteadOfCallback,

	"insecure":              insteadOfInsecure,
	"insecureskipverify":    insteadOfInsecure,
	"skiptlsverify":         insteadOfInsecure,
	"tlsskipverify":         insteadOfInsecure,
	"tlsinsecure":           insteadOfInsecure,
	"sslinsecureskipverify": insteadOfInsecure,
	"tlsinsecureskipverify": insteadOfInsecure,
	"tlstrustpool":          writeTrust,
	"tlstrustedcacerts":     writeTrust,
	"trustpool":             writeTrust,
	"cacert":                writeTrust,
	"cacerts":               writeTrust,
	"caroot":                writeTrust,
	"sslverify":             insteadOfInsecure,
	"tls":                   insteadOfInsecure,
	"ca":                    writeTrust,
	"tlsca":                 writeTrust,
	"cafile":                writeTrust,
	"trustedcacerts":        writeTrust,
	"tlsservername":         "write tls_name <host>",
	"servername":            "write tls_name <host>",
	"fingerprint":           "write pin <sha256>, the hash of the public key in authentik's certificate",
	"tlsfingerprint":        "write pin <sha256>, the hash of the public key in authentik's certificate",

	"cookiename":      "write cookie { name <name> }",
	"cookiedomain":    "write cookie { domain <domain> }",
	"domain":          "write cookie { domain <domain> }",
	"cookiesecret":    writeKey,
	"cookielifetime":  "write lifetime <duration>, and cookie { persistent } to keep the cookie when the browser is closed",
	"cookieexpire":    "write lifetime <duration>, and cookie { persistent } to keep the cookie when the browser is closed",
	"cookiesecure":    "the cookie is secure whenever the site has HTTPS; leave it out",
	"cookiesamesite":  "the cookie always is SameSite=Lax; leave it out",
	"cookie secure":   "the cookie is secure whenever the site has HTTPS; leave it out",
	"cookie samesite": "the cookie always is SameSite=Lax; leave it out",
	"cookie lifetime": writeCookieLifetime,
	"cookie maxage":   writeCookieLifetime,
	"cookie httponly": "scripts never read the cookie; leave it out",
	"cookie secret":   "write key <secret> outside of the block",
	"cookie key":      "write key <secret> outside of the block",
	"cookie ttl":      writeCookieLifetime,
	"cookie expire":   writeCookieLifetime,
	"cookie expires":  writeCookieLifetime,
	"cookie domains":  "write domain with the one domain above all hosts",
	"cookie refresh":  "write recheck <duration> outside of the block",
	"page css":        "write style <file.css>",
	"page stylesheet": "write style <file.css>",
	"page theme":      "write style <file.css>",
	"page background": "write style <file.css>; without it the background is that of authentik's flow",
	"page favicon":    "the favicon is that of authentik's brand; leave it out",
	"page lang":       "write language <tag>",
	"page locale":     "write language <tag>",
	"page name":       "write title <text>",
	"cookie path":     "the cookie is for the whole site; leave it out",
	"secret":          "write key <secret> for the gate's key, or client_secret <secret> for that of the provider",
	"secretkey":       writeKey,
	"jwtsecret":       writeKey,
	"encryptionkey":   writeKey,

	"timeout":         "write lifetime <duration> for the length of a session, or idle <duration>",
	"ttl":             writeLifetime,
	"expiration":      writeLifetime,
	"inactivity":      "write idle <duration>",
	"remember":        writePersistent,
	"rememberme":      writePersistent,
	"staysignedin":    writePersistent,
	"persistent":      writePersistent,
	"sessiontimeout":  writeLifetime,
	"sessionexpiry":   writeLifetime,
	"sessionduration": writeLifetime,
	"sessionlifetime": writeLifetime,
	"sessionstore":    "write sessions storage, sessions memory or sessions redis",
	"store":           "write sessions storage, sessions memory or sessions redis",
	"storage":         "write sessions storage",
	"memory":          "write sessions memory",
	"redis":           "write sessions redis { address redis:6379 }",

	"group":         writeRequireGroup,
	"groups":        writeRequireGroup,
	"allowgroups":   writeRequireGroup,
	"allowedgroups": writeRequireGroup,
	"role":          writeRequireGroup,
	"roles":         writeRequireGroup,
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
	"token":         insteadOfToken,
	"apitoken":      insteadOfToken,
	"apikey":        insteadOfToken,
	"logouturl":     insteadOfLogout,
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

// Texts of several options.
const (
	writeTrust          = "write trust <pem-file>"
	writeRequireGroup   = "write require group <name>"
	writeLifetime       = "write lifetime <duration>"
	writeCookieLifetime = "write lifetime <duration> outside of the block, and persistent to keep the cookie when the browser is closed"
	writeKey            = "write key <secret>"
	writePersistent     = "write cookie { persistent }"
	insteadOfToken      = "the gate needs no token of an authentik user; leave it out"

	insteadOfMatcher  = "write a matcher of the directive: authentik @<name>, or in its block on @<name> { … }, only @<name> or open @<name>"
	insteadOfCallback = "the gate's own is https://<this site>/.authentik/callback; register it at authentik's provider"
	insteadOfLogout   = "the gate's own is /.authentik/logout, to be sent a POST; leave it out"
	insteadOfSkip     = "write open with the paths that need no sign-in: open /healthz /assets/*"
	insteadOfNetworks = "write a matcher of addresses, such as @office client_ip 192.0.2.0/24, and open @office"
	insteadOfEmails   = "write require user <name> or require group <name>, or with client_id require email <address>"
)

const insteadOfInsecure = "authentik's certificate is always verified; write trust <pem-file> for one of your own authority, " +
	"pin <sha256> for one that no authority has signed, or url http://… if authentik is on this machine"

// OtherTool returns the advice for an option of another program, or nil for an
// unknown option.
func OtherTool(option string) error {
	advice := instead[plain(option)]
	if advice == "" {
		return nil
	}
	return fmt.Errorf("there is no option %s; %s", option, advice)
}

// plain returns the name of an option in the form of the tables' keys.
func plain(option string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(option))
}
