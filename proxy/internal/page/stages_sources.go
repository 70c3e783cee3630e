package page

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A SourceWay is a button that chooses another place to sign in.
type SourceWay struct {
	// Place is the source's among the challenge's.
	Place int
	Name  string
	// Icon is empty where the gate cannot show it; Initial then stands for it.
	Icon    template.URL
	Initial string
	// Main is what the page is for where it asks nothing else.
	Main, Focus bool
}

// sourceWays lists the sources that have a name, promoted ones first.
func sourceWays(c flowclient.Identification, d *draft) []SourceWay {
	var promoted, others []SourceWay
	for i, s := range c.Sources {
		switch way := sourceWay(i, s, d); {
		case way.Name == "":
		case s.Promoted:
			promoted = append(promoted, way)
		default:
			others = append(others, way)
		}
	}
	return slices.Concat(promoted, others)
}

// sourceWay shows a source's icon where it is authentik's. Those of icon fonts
// (fa://) and of other hosts would have to be fetched from a third party.
func sourceWay(place int, s flowclient.Source, d *draft) SourceWay {
	name := strings.TrimSpace(s.Name)
	way := SourceWay{Place: place, Name: name, Icon: template.URL(d.pages.source(s.IconURL))} //nolint:gosec // Checked by source.
	for _, letter := range name {
		way.Initial = string(unicode.ToUpper(letter))
		break
	}
	return way
}

// A Chosen is a source that the visitor has chosen. authentik has not been told.
type Chosen struct {
	// Name is the source's, and Challenge what authentik says of how to get there.
	Name      string
	Challenge flowclient.Challenge
	// Plex is the address at Plex where the visitor signs in, once there is one.
	Plex string
	// Barred says that a sign-in by way of a source does not count at this site.
	Barred bool
}

// A Source leads to another place to sign in, or waits for what happens there.
type Source struct {
	Words []string
	// Address leads there, with Text on it; NewTab keeps this page open.
	Address, Text string
	NewTab        bool
	// Turns are the buttons of the form. Where Waits is set, the page sends the first
	// of them by itself once it is time.
	Turns []Turn
	Waits bool
}

// showChosen draws what comes of a source, in the place of the question that it was chosen on.
func showChosen(s Chosen, d *draft) any {
	d.Template = "source.html"
	d.Heading = d.say.say("source_title", "Name", s.Name)
	back := Turn{"ways", "1", d.say.say("source_back")}
	switch {
	case s.Barred:
		return Source{Words: []string{d.say.say("source_barred", "Name", s.Name)}, Turns: []Turn{back}}
	case s.Plex != "":
		return showPlexPIN(s, back, d)
	default:
		return d.sourceElsewhere(s.Name, back)
	}
}

// sourceElsewhere says that a sign-in runs at authentik, and what that means.
func (d *draft) sourceElsewhere(name string, turns ...Turn) Source {
	page := Source{
		Words: []string{d.say.say("source_runs", "Name", name, "Host", d.ElsewhereHost)},
		Turns: turns,
	}
	if d.Elsewhere != "" {
		page.Words = append(page.Words, d.Afterwards)
		page.Address, page.Text = d.Elsewhere, d.say.say("continue_at", "Host", d.ElsewhereHost)
	}
	return page
}

func showPlexPIN(s Chosen, back Turn, d *draft) Source {
	return Source{
		Words:   []string{d.say.say("plex_open"), d.say.say("plex_then")},
		Address: s.Plex, Text: d.say.say("plex_link"), NewTab: true, Waits: true,
		Turns: []Turn{{"on", "1", d.say.say("continue")}, back},
	}
}

// showSourcePlex draws a flow's own stage that asks for Plex. The way there begins with a
// click: it costs a request to Plex.
func showSourcePlex(_ flowclient.SourcePlex, d *draft) any {
	d.heading(d.say.say("source_title", "Name", "Plex"))
	return Source{Words: []string{d.say.say("plex_lead")}, Turns: []Turn{{"source", "0", d.say.say("continue")}}}
}

func showSourceApple(_ flowclient.SourceApple, d *draft) any {
	d.heading(d.say.say("source_title", "Name", "Apple"))
	return d.sourceElsewhere("Apple")
}

// showSourceRedirect draws a flow's own stage that leads to a source. Only
// Telegram's comes back to this page.
func showSourceRedirect(c flowclient.Redirect, d *draft) any {
	d.Template = "source.html"
	if strings.HasPrefix(c.Path, "/source/telegram/") {
		return Source{Words: []string{d.say.say("telegram_lead")}, Turns: []Turn{{"source", "0", d.say.say("continue")}}}
	}
	return d.sourceElsewhere(d.say.say("source_unnamed"))
}

// A Telegram has Telegram's own button, which a script of ours puts there.
type Telegram struct {
	// Bot is the one that the visitor signs in to; Writes has it ask whether it may write.
	Bot    string
	Writes bool
}

// telegramFrame is where Telegram's button comes from, and telegramName what a
// bot may be called.
const (
	telegramFrame  = "https://oauth.telegram.org"
	telegramPrefix = "telegram."
)

// showSourceTelegram lets the page frame Telegram, and nothing else. No script of
// Telegram's runs here: its own would need eval. The button opens a window that reports to the
// frame, which browsers allow only where the page's own opener policy does.
func showSourceTelegram(c flowclient.SourceTelegram, d *draft) any {
	d.Heading = d.say.say("source_title", "Name", "Telegram") // the flow is called after what it does inside authentik
	d.run("telegram.js")
	d.allow(policy{frames: []string{telegramFrame}, popups: true})
	return Telegram{Bot: c.BotUsername, Writes: c.RequestMessageAccess}
}

// readSourceTelegram takes exactly the keys that Telegram has sent: all of them go
// into its signature. Numbers stay numbers.
func readSourceTelegram(_ flowclient.SourceTelegram, form Form) (flowclient.Answer, *Mistake) {
	values := map[string]any{}
	for name := range form.Values {
		key, ok := strings.CutPrefix(name, telegramPrefix)
		if !ok || len(values) > 20 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" || key == "component" {
			continue
		}
		values[key] = form.Get(name)
		if key == "id" || key == "auth_date" {
			n, err := strconv.ParseInt(form.Get(name), 10, 64)
			if err != nil {
				return nil, mistake("", "telegram_unread")
			}
			values[key] = n
		}
	}
	for _, needed := range []string{"id", "auth_date", "hash"} {
		if _, ok := values[needed]; !ok {
			return nil, mistake("", "telegram_unread")
		}
	}
	return flowclient.SourceTelegramAnswer{Values: values}, nil
}
