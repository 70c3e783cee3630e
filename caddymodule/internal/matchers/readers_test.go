package matchers

import (
	"net/url"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// readers are how applications read the path of a request target. Each returns
// the path that the application goes by.
var readers = map[string]func(target string) string{
	"Go":      readAsGo,
	"PHP":     readAsPHP,
	"Node":    readAsNode,
	"Express": func(target string) string { return strings.ToLower(readAsNode(target)) },
	"Laravel": func(target string) string { return "/" + strings.Trim(readAsPHP(target), "/") },
	"Tomcat":  readAsTomcat,
	"Windows": readAsWindows,
}

// readAsGo reads as http.ServeMux does.
func readAsGo(target string) string {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return "/"
	}
	return clean(u.Path)
}

// readAsPHP reads as C programs and frameworks of PHP do: a server decodes, and
// the framework decodes what it gets once more. NUL ends the path.
func readAsPHP(target string) string {
	p, _, _ := strings.Cut(target, "?")
	p = decode(decode(p))
	p, _, _ = strings.Cut(p, "\x00")
	p, _, _ = strings.Cut(p, "?")
	p, _, _ = strings.Cut(p, "#")
	return clean(p)
}

// readAsNode reads as new URL(request.url, base).pathname does, whose segments
// are then decoded, as Express decodes parameters.
func readAsNode(target string) string {
	p, _, _ := strings.Cut(target, "?")
	p, _, _ = strings.Cut(p, "#")
	p = strings.NewReplacer("\t", "", "\r", "", "\n", "", `\`, "/", "%2e", ".", "%2E", ".").Replace(p)
	var segments []string
	for s := range strings.SplitSeq(p, "/") {
		switch {
		case s == "..":
			segments = segments[:max(1, len(segments)-1)]
		case s != ".":
			segments = append(segments, decode(s))
		}
	}
	return strings.Join(segments, "/")
}

// readAsTomcat removes what follows a semicolon from each segment, decodes
// leniently, and takes backslashes for slashes.
func readAsTomcat(target string) string {
	p, _, _ := strings.Cut(target, "?")
	var segments []string
	for s := range strings.SplitSeq(p, "/") {
		s, _, _ = strings.Cut(s, ";")
		segments = append(segments, s)
	}
	p = decode(strings.Join(segments, "/"))
	p = strings.NewReplacer("\xc0\xaf", "/", "\xc0\xae", ".", "\xe0\x80\xaf", "/", "\xc1\x9c", `\`).Replace(p)
	return clean(strings.ReplaceAll(p, `\`, "/"))
}

// readAsWindows replaces characters by what comes next to them, and ignores dots
// and blanks at the end of a name.
func readAsWindows(target string) string {
	p, _, _ := strings.Cut(target, "?")
	p = strings.ReplaceAll(norm.NFKC.String(decode(p)), `\`, "/")
	var segments []string
	for s := range strings.SplitSeq(p, "/") {
		s, _, _ = strings.Cut(s, ":$")
		if s != "." && s != ".." {
			s = strings.TrimRight(s, ". ")
		}
		segments = append(segments, s)
	}
	return clean(strings.Join(segments, "/"))
}

// decode replaces escapes, and leaves broken ones as they are.
func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// clean resolves dots and empty segments, and keeps a slash at the end.
func clean(p string) string {
	cleaned := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && cleaned != "/" {
		cleaned += "/"
	}
	return cleaned
}
