package demo

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// lookEvery is how often the demonstration looks for new messages.
const lookEvery = 200 * time.Millisecond

// tellMessages prints what authentik would have sent by mail or to a phone.
func (d *demo) tellMessages(ctx context.Context, server *authentiktest.Server) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var mails, texts int
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, mail := range server.Mail()[mails:] {
			mails++
			d.say("  Mail to %s: %s\n", mail.To, cmp.Or(mail.Code, mail.Link, mail.Subject))
		}
		for _, text := range server.Texts()[texts:] {
			texts++
			d.say("  Text message to %s: %s\n", text.To, cmp.Or(text.Code, text.Body))
		}
	}
}

// tellCodes prints what the authenticator apps show, whenever Enter is
// pressed, until there is nobody to press it. A secret that was typed stands for
// an app that is being set up.
func (d *demo) tellCodes(server *authentiktest.Server, people []row, now func() time.Time) {
	keys := bufio.NewScanner(d.in)
	for keys.Scan() {
		if secret := strings.TrimSpace(keys.Text()); secret != "" {
			d.tellCode("this secret", secret, now())
			continue
		}
		for _, p := range people {
			d.tellApps(server, p.name, now())
		}
	}
}

func (d *demo) tellCode(of, secret string, now time.Time) {
	code, err := totp.GenerateCode(secret, now)
	if err != nil {
		code = "this is no secret of an authenticator app"
	}
	d.say("  App of %s: %s\n", of, code)
}

func (d *demo) tellApps(server *authentiktest.Server, username string, now time.Time) {
	user, _ := server.User(username)
	for _, device := range user.Devices {
		if device.Class != authentiktest.DeviceTOTP {
			continue
		}
		d.tellCode(username, device.Secret, now)
	}
}

func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format, args...) }

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}
