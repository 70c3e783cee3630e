package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func promptScenarios() []scenario {
	return []scenario{
		{
			name: "every type of prompt", standIn: typesStandIn, blueprint: typesBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").signIn("alice").showsNoError().shows("Read this first").shows("More about you")
				filled := map[string]string{
					"Text": "wrong", "Lines": "one\ntwo", "User name": s.unique("new"), "Address": "jane@example.com", "New password": "a long password",
					"Once more": "a long password", "Number": "7", "Box": "1", "Set box": "", "green": "green", "List": "b", "Day": "2026-05-01",
					"Moment": "2026-05-01T12:30", "Picture": "hello", "Language": "de-DE",
				}
				p = p.fillIn(filled).showsError("text is wrong")
				for label, want := range map[string]string{"Lines": "one\ntwo", "Number": "7", "List": "b", "Day": "2026-05-01", "Moment": "2026-05-01T12:30", "New password": ""} {
					field, _ := p.Labelled(label)
					if got, _ := p.Value(field); got != want {
						p.fatal("has %q in %s, want %q", got, label, want)
					}
				}
				filled["Text"] = " some text "
				p.fillIn(filled).greets("alice", "/")
			},
		},
		{
			name: "alerts are fixed texts", standIn: alertsStandIn, blueprint: alertsBlueprint, since: authentiktest.Release202608,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/x").signIn("alice").isChallenge("ak-stage-prompt")
				for _, f := range alerts {
					text := "Look at the " + f.Key + "."
					if p.Has(f.Key) || strings.Contains(p.Text(), "<b>") {
						p.fatal("has a field for %s or shows its HTML as text, want it rendered", f.Key)
					}
					p.shows(text)
				}
				p.fillIn(map[string]string{"Text": "typed"}).greets("alice", "/x")
			},
		},
		{
			name: "terms", standIn: termsStandIn, blueprint: termsBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").showsNoError()
				if !strings.Contains(p.Body, `<a href="https://example.com/terms" rel="nofollow noreferrer noopener"`) || strings.Contains(p.Body, "alert(1)") {
					p.fatal("does not show the administrator's HTML sanitized:\n%s", p.Body)
				}
				p = p.press("").showsError(termsFirst)
				v.open("/").asksFor("uid_field") // not before the terms
				p.enter("I accept the terms", "1").greets("alice", "/x")
			},
		},
	}
}

// fillIn submits a form by the labels of its fields.
func (p page) fillIn(filled map[string]string) page {
	p.visitor.Helper()
	var pairs []string
	for _, label := range slices.Sorted(maps.Keys(filled)) {
		pairs = append(pairs, label, filled[label])
	}
	return p.enter(pairs...)
}

// prompts returns one field of each type. wanted has the walk's answers as
// authentik writes them as text.
var prompts = []authentiktest.Field{
	{Key: "text", Label: "Text", SubText: "Any <b>text</b>"},
	{Key: "lines", Label: "Lines", Type: authentiktest.FieldTextArea, Optional: true},
	{Key: "fixed", Label: "Fixed", Type: authentiktest.FieldTextReadOnly, Initial: "fixed", Optional: true},
	{Key: "fixed_blank", Label: "Fixed and blank", Type: authentiktest.FieldTextReadOnly, Optional: true},
	{Key: "fixed_lines", Label: "Fixed lines", Type: authentiktest.FieldTextAreaReadOnly, Initial: "fixed lines", Optional: true},
	{Key: "username", Label: "User name", Type: authentiktest.FieldUsername},
	{Key: "email", Label: "Address", Type: authentiktest.FieldEmail},
	{Key: "password", Label: "New password", Type: authentiktest.FieldPassword},
	{Key: "password_repeat", Label: "Once more", Type: authentiktest.FieldPassword},
	{Key: "number", Label: "Number", Type: authentiktest.FieldNumber},
	{Key: "number_blank", Label: "Other number", Type: authentiktest.FieldNumber, Optional: true},
	{Key: "box", Label: "Box", Type: authentiktest.FieldCheckbox},
	{Key: "box_set", Label: "Set box", Type: authentiktest.FieldCheckbox, Optional: true, Initial: "True"},
	{Key: "radio", Label: "Colour", Type: authentiktest.FieldRadio, Choices: []authentiktest.Choice{{Value: "red"}, {Value: "green"}}},
	{Key: "list", Label: "List", Type: authentiktest.FieldDropdown, Choices: []authentiktest.Choice{{Value: "a"}, {Value: "b"}}},
	{Key: "list_first", Label: "Other list", Type: authentiktest.FieldDropdown, Optional: true, Choices: []authentiktest.Choice{{Value: "a"}, {Value: "b"}}},
	{Key: "day", Label: "Day", Type: authentiktest.FieldDate},
	{Key: "day_blank", Label: "Other day", Type: authentiktest.FieldDate, Optional: true},
	{Key: "moment", Label: "Moment", Type: authentiktest.FieldDateTime},
	{Key: "line", Label: "Line", Type: authentiktest.FieldSeparator, Placeholder: "More about you", Optional: true},
	{Key: "hidden", Label: "Hidden", Type: authentiktest.FieldHidden, Initial: "hidden", Optional: true},
	{Key: "static", Label: "Static", Type: authentiktest.FieldStatic, Initial: "<p>Read <i>this</i> first</p>", Optional: true},
	{Key: "picture", Label: "Picture", Type: authentiktest.FieldFile},
	{Key: "picture_blank", Label: "Other picture", Type: authentiktest.FieldFile, Optional: true},
	{Key: "language", Label: "Language", Type: authentiktest.FieldLocale, Optional: true},
}

// alerts are fixed texts with a colour, in HTML that the administrator writes.
var alerts = []authentiktest.Field{
	{Key: "news", Label: "News", Type: authentiktest.FieldAlertInfo, Initial: "Look <b>at</b> the news.", Optional: true},
	{Key: "date", Label: "Date", Type: authentiktest.FieldAlertWarning, Initial: "Look <b>at</b> the date.", Optional: true},
	{Key: "end", Label: "End", Type: authentiktest.FieldAlertDanger, Initial: "Look <b>at</b> the end.", Optional: true},
}

func alertForm() []authentiktest.Field {
	fields := append(slices.Clone(alerts), authentiktest.Field{Key: "text", Label: "Text"})
	for i := range fields {
		fields[i].Order = i
	}
	return fields
}

func alertsStandIn(n names) authentiktest.Config {
	unchanged := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		data, _ := r.Context["prompt_data"].(map[string]any)
		return data["text"] == "typed" && data["end"] == alerts[2].Initial, []string{"something is wrong"}, nil
	}}
	form := &authentiktest.PromptStage{Fields: alertForm(), Policies: []authentiktest.Policy{unchanged}}
	return n.twoSteps([]authentiktest.Binding{{Stage: form}}, n.account("alice"))
}

func alertsBlueprint(n names) *draft {
	d := n.draft("alice")
	d.named("authentik_policies_expression.expressionpolicy", "unchanged", Attrs{
		"expression": "data = request.context[\"prompt_data\"]\n" +
			"return data[\"text\"] == \"typed\" and data[\"end\"] == \"" + alerts[2].Initial + "\"",
	})
	var fields []Attrs
	for _, f := range alertForm() {
		fields = append(fields, promptAttrs(f))
	}
	return d.twoSteps(func(d *draft) { d.checkedPrompts("flow", "form", []any{KeyOf("unchanged")}, fields...) })
}

func wanted(n names) map[string]string {
	return map[string]string{
		"text": " some text ", "lines": "one\ntwo", "fixed": "fixed", "fixed_lines": "fixed lines", "username": n.unique("new"), "email": "jane@example.com",
		"password": "a long password", "password_repeat": "a long password", "number": "7", "number_blank": "None", "box": "True", "box_set": "False",
		"radio": "green", "list": "b", "list_first": "a", "day": "2026-05-01", "day_blank": "None", "moment": "2026-05-01 12:30:00+00:00",
		"hidden": "hidden", "picture": "data:text/plain;base64,aGVsbG8=", "picture_blank": "None", "language": "de-DE",
	}
}

func typesStandIn(n names) authentiktest.Config {
	check := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		data, _ := r.Context["prompt_data"].(map[string]any)
		var wrong []string
		for key, want := range wanted(n) {
			if got := python(data[key]); got != want {
				wrong = append(wrong, fmt.Sprintf("%s is wrong: %s", key, got))
			}
		}
		return len(wrong) == 0, wrong, nil
	}}
	fields := slices.Clone(prompts)
	for i := range fields {
		fields[i].Order = i
	}
	form := &authentiktest.PromptStage{Fields: fields, Policies: []authentiktest.Policy{check}}
	return n.twoSteps([]authentiktest.Binding{{Stage: form}}, n.account("alice"))
}

// python formats a value as Python's str does.
func python(v any) string {
	switch v {
	case nil:
		return "None"
	case true:
		return "True"
	case false:
		return "False"
	}
	return fmt.Sprint(v)
}

func typesBlueprint(n names) *draft {
	var expression strings.Builder
	expression.WriteString("data = request.context[\"prompt_data\"]\ngood = True\n")
	for _, key := range slices.Sorted(maps.Keys(wanted(n))) {
		fmt.Fprintf(&expression, "if str(data.get(%[1]q)) != %[2]q:\n    ak_message(\"%[1]s is wrong: \" + str(data.get(%[1]q)))\n    good = False\n", key, wanted(n)[key])
	}
	expression.WriteString("return good")
	fields := make([]Attrs, len(prompts))
	for i, f := range prompts {
		fields[i] = promptAttrs(f)
	}
	d := n.draft("alice")
	d.named("authentik_policies_expression.expressionpolicy", "check", Attrs{"expression": expression.String()})
	return d.twoSteps(func(d *draft) { d.checkedPrompts("flow", "form", []any{KeyOf("check")}, fields...) })
}

// promptAttrs returns a field of the stand-in as attributes for authentik.
func promptAttrs(f authentiktest.Field) Attrs {
	kind := string(f.Type)
	if kind == "" {
		kind = "text"
	}
	attrs := Attrs{
		"field_key": f.Key, "label": f.Label, "type": kind, "required": !f.Optional, "placeholder": f.Placeholder,
		"initial_value": f.Initial, "sub_text": f.SubText,
	}
	if f.Choices != nil {
		var values []string
		for _, c := range f.Choices {
			values = append(values, fmt.Sprintf("%q", c.Value))
		}
		attrs["placeholder"], attrs["placeholder_expression"] = "return ["+strings.Join(values, ", ")+"]", true
	}
	return attrs
}

// termsFirst is the message for visitors who have not accepted the terms.
const termsFirst = "Please accept the terms."

// terms is a checkbox. authentik never requires a checkbox to be ticked, so a
// policy does.
var terms = authentiktest.Field{
	Key: "terms", Label: "I accept the terms", Type: authentiktest.FieldCheckbox,
	SubText: `See <a href="https://example.com/terms" onclick="alert(1)">the terms</a>.<script>alert(1)</script>`,
}

func termsStandIn(n names) authentiktest.Config {
	accepted := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		data, _ := r.Context["prompt_data"].(map[string]any)
		return data["terms"] == true, []string{termsFirst}, nil
	}}
	form := &authentiktest.PromptStage{Fields: []authentiktest.Field{terms}, Policies: []authentiktest.Policy{accepted}}
	return n.twoSteps([]authentiktest.Binding{{Stage: form}}, n.account("alice"))
}

func termsBlueprint(n names) *draft {
	d := n.draft("alice")
	d.named("authentik_policies_expression.expressionpolicy", "accepted", Attrs{
		"expression": "if not request.context[\"prompt_data\"][\"terms\"]:\n    ak_message(\"" + termsFirst + "\")\n    return False\nreturn True",
	})
	return d.twoSteps(func(d *draft) { d.checkedPrompts("flow", "form", []any{KeyOf("accepted")}, promptAttrs(terms)) })
}
