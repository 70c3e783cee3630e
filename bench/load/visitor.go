package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// request is what a browser sends when a page asks for something of its site. The
// header is one that the visitor is known by.
func request(address, header string) []byte {
	return []byte("GET /some/page HTTP/1.1\r\nHost: " + address + "\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: */*\r\nAccept-Language: en-US,en;q=0.9\r\n" +
		"Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\n" +
		"Sec-Ch-Ua: \"Chromium\";v=\"140\"\r\nSec-Ch-Ua-Mobile: ?0\r\nSec-Ch-Ua-Platform: \"Linux\"\r\n" +
		"Referer: http://" + address + "/\r\n" + header + "\r\n\r\n")
}

// load is what a browser sends that opens a page and has no cookies yet.
func load(method, address, path string, more ...string) []byte {
	return []byte(method + " " + path + " HTTP/1.1\r\nHost: " + address + "\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.9\r\n" +
		"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n" +
		strings.Join(more, "") + "\r\n")
}

// expect asks once and looks at the answer.
func expect(ctx context.Context, address, header string, status int, begins string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/some/page", nil)
	if err != nil {
		return err
	}
	if name, value, found := strings.Cut(header, ":"); found {
		r.Header.Set(name, strings.TrimSpace(value))
	}
	got, body, err := do(http.DefaultClient, r)
	if err != nil {
		return err
	}
	if got != status || !strings.HasPrefix(body, begins) {
		return fmt.Errorf("the answer is %d %.40q, not %d %q", got, body, status, begins)
	}
	return nil
}

// signIn answers authentik's questions on the gate's pages, and returns the header
// with the cookies that it has then.
func signIn(ctx context.Context, transport http.RoundTripper, site, user string) (header string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: transport}
	page, err := visit(ctx, browser, site+"/", nil)
	for _, typed := range []url.Values{{"uid_field": {user}}, {"password": {password}}} {
		if err != nil {
			return "", err
		}
		page, err = visit(ctx, browser, site+"/.authentik/login", fill(page, typed))
	}
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(page, "hello "+user+".") {
		return "", fmt.Errorf("the sign-in ended with %.200q", page)
	}
	at, err := url.Parse(site)
	if err != nil {
		return "", err
	}
	var cookies []string
	for _, c := range jar.Cookies(at) {
		if c.Name == "authentik_gate" {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
	}
	if len(cookies) == 0 {
		return "", errors.New("the gate has set no cookie")
	}
	return "Cookie: theme=dark; " + strings.Join(cookies, "; "), nil
}

var hidden = regexp.MustCompile(`name="(visit|to|component)" value="([^"]*)"`)

// fill puts what was typed into the form of a page.
func fill(page string, typed url.Values) url.Values {
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		typed.Set(field[1], html.UnescapeString(field[2]))
	}
	return typed
}

// visit opens a page, or sends a form where there is one.
func visit(ctx context.Context, browser *http.Client, address string, form url.Values) (string, error) {
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	status, body, err := do(browser, r)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d: %.200q", address, status, body)
	}
	return body, err
}

func do(client *http.Client, r *http.Request) (status int, body string, err error) {
	res, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(raw), err
}
