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

// pollInterval is the time between two checks for new messages.
const pollInterval = 200 * time.Millisecond

// printMessages prints the messages that authentik would send by e-mail or to a
// phone.
func (d *demonstration) printMessages(ctx context.Context, server *authentiktest.Server) {
	tick := time.NewTicker(pollInterval)
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
			d.printf("  Mail to %s: %s\n", mail.To, cmp.Or(mail.Code, mail.Link, mail.Subject))
		}
		for _, text := range server.Texts()[texts:] {
			texts++
			d.printf("  Text message to %s: %s\n", text.To, cmp.Or(text.Code, text.Body))
		}
	}
}

// printCodes prints the codes of all authenticator apps when Enter is pressed,
// until the input ends. If a secret is typed, it prints the code of the app
// that was set up with it.
func (d *demonstration) printCodes(server *authentiktest.Server, people []row, now func() time.Time) {
	keys := bufio.NewScanner(d.in)
	for keys.Scan() {
		if secret := strings.TrimSpace(keys.Text()); secret != "" {
			d.printCode("this secret", secret, now())
			continue
		}
		for _, p := range people {
			d.printApps(server, p.name, now())
		}
	}
}

func (d *demonstration) printCode(of, secret string, now time.Time) {
	code, err := totp.GenerateCode(secret, now)
	if err != nil {
		code = "this is not the secret of an authenticator app"
	}
	d.printf("  App of %s: %s\n", of, code)
}

func (d *demonstration) printApps(server *authentiktest.Server, username string, now time.Time) {
	user, _ := server.User(username)
	for _, device := range user.Devices {
		if device.Class != authentiktest.DeviceTOTP {
			continue
		}
		d.printCode(username, device.Secret, now)
	}
}

func (d *demonstration) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, format, args...)
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}
