package authentiktest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A PromptStage is a form with any fields. The answers are stored in the plan's
// context under prompt_data, by the keys of the fields.
type PromptStage struct {
	Name   string // tells one such stage from another
	Fields []Field

	// Policies are the validation policies. All must pass; they find the answer
	// under prompt_data. Their messages are shown as errors.
	Policies []Policy
}

// A Field is one prompt of a form.
type Field struct {
	Key, Label           string
	Type                 FieldType // default: text
	Placeholder, Initial string
	SubText              string
	Optional             bool // required is on by default in authentik
	Order                int

	// Choices are those of a drop-down or a radio group. Without any,
	// Placeholder is the only choice.
	Choices []Choice

	// Expressions win over the fixed values above.
	PlaceholderFunc, InitialFunc func(*PolicyRequest) string
	ChoicesFunc                  func(*PolicyRequest) []Choice
}

// A Choice is one of several. Without a Label it is a plain value; with one it
// is an object, on which older releases fail.
type Choice struct{ Value, Label string }

// A FieldType is how a field looks and what it accepts.
type FieldType string

// The types of authentik.
const (
	FieldText             FieldType = "text"
	FieldTextArea         FieldType = "text_area"
	FieldTextReadOnly     FieldType = "text_read_only"
	FieldTextAreaReadOnly FieldType = "text_area_read_only"
	FieldUsername         FieldType = "username"
	FieldEmail            FieldType = "email"
	FieldPassword         FieldType = "password"
	FieldNumber           FieldType = "number"
	FieldCheckbox         FieldType = "checkbox"
	FieldRadio            FieldType = "radio-button-group"
	FieldDropdown         FieldType = "dropdown"
	FieldDate             FieldType = "date"
	FieldDateTime         FieldType = "date-time"
	FieldFile             FieldType = "file"
	FieldSeparator        FieldType = "separator"
	FieldHidden           FieldType = "hidden"
	FieldStatic           FieldType = "static"
	FieldLocale           FieldType = "ak-locale"

	// Fixed texts in a coloured box, since 2026.8.
	FieldAlertInfo    FieldType = "alert_info"
	FieldAlertWarning FieldType = "alert_warning"
	FieldAlertDanger  FieldType = "alert_danger"
)

// check returns an error for each field that authentik's API refuses.
func (s *PromptStage) check(flow string, d dialect) (errs []error) {
	for _, f := range s.Fields {
		if f.Key == "" {
			errs = append(errs, fmt.Errorf("authentiktest: flow %q: prompt %q: field_key may not be blank", flow, f.Label))
		}
		if f.Label == "" {
			errs = append(errs, fmt.Errorf("authentiktest: flow %q: prompt %q: label may not be blank", flow, f.Key))
		}
		if strings.HasPrefix(string(f.Type), "alert_") && !d.alerts {
			errs = append(errs, fmt.Errorf("authentiktest: flow %q: prompt %q: %s has no type %q", flow, f.Key, d.family, f.Type))
		}
	}
	return errs
}

func (s *PromptStage) get(v *visit) (*response, error) { return v.ask(s.challenge(v)) }

func (s *PromptStage) challenge(v *visit) object {
	c := v.challenge("ak-stage-prompt")
	asked := s.asked(v)
	list := []object{}
	for _, f := range asked {
		list = append(list, f.shown(v))
	}
	c["fields"] = list
	if v.srv.dialect.choiceLabels && slices.ContainsFunc(asked, field.blankChoice) {
		delete(c, "component") // a blank choice, which the challenge's own check refuses
	}
	return c
}

// A field is a Field for this visitor.
type field struct {
	Field
	initial string
	choices []Choice
}

// asked are the fields in their order, with expressions evaluated.
func (s *PromptStage) asked(v *visit) []field {
	request := v.policyRequest()
	var list []field
	for _, f := range s.Fields {
		f.Type = or(f.Type, FieldText)
		one := field{Field: f}
		if f.PlaceholderFunc != nil {
			one.Placeholder = f.PlaceholderFunc(request)
		}
		one.choose(request)
		one.begin(v, request)
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(a, b field) int { return a.Order - b.Order })
	return list
}

// choose sets the choices: those of the expression, or else the placeholder.
func (f *field) choose(request *PolicyRequest) {
	f.choices = f.Choices
	if f.ChoicesFunc != nil {
		f.choices = f.ChoicesFunc(request)
	}
	if f.chosen() && f.Choices == nil && f.ChoicesFunc == nil {
		f.choices = []Choice{{Value: f.Placeholder}}
	}
	if f.chosen() {
		f.Placeholder = ""
	}
}

// begin sets the initial value. A value from an earlier stage wins over the
// administrator's.
func (f *field) begin(v *visit, request *PolicyRequest) {
	f.initial = f.Initial
	if f.InitialFunc != nil {
		f.initial = f.InitialFunc(request)
	}
	known, _ := v.plan.context[contextPrompted].(object)
	if value, ok := known[f.Key]; ok {
		f.initial = pythonString(value)
	}
	if f.chosen() {
		f.initial = f.firstChoice(f.initial, v.srv.dialect.choiceLabels)
	}
}

// firstChoice is the initial value, or the first choice if the initial value is
// not among the choices.
func (f *field) firstChoice(initial string, labels bool) string {
	if len(f.choices) == 0 {
		return ""
	}
	known := func(c Choice) bool { return c.Value == initial && (c.Label == "" || labels) }
	if slices.ContainsFunc(f.choices, known) {
		return initial
	}
	return f.choices[0].python()
}

// chosen reports whether the field offers choices.
func (f *field) chosen() bool { return f.Type == FieldRadio || f.Type == FieldDropdown }

// fixed reports whether the field keeps its initial value, whatever is sent.
func (f *field) fixed() bool {
	return slices.Contains([]FieldType{
		FieldHidden, FieldStatic, FieldTextReadOnly, FieldTextAreaReadOnly, FieldAlertInfo, FieldAlertWarning, FieldAlertDanger,
	}, f.Type)
}

func (f field) blankChoice() bool {
	return slices.ContainsFunc(f.choices, func(c Choice) bool { return c.Value == "" })
}

// shown is the field in the challenge.
func (f field) shown(v *visit) object {
	o := object{
		"field_key": f.Key, "label": f.Label, "type": string(f.Type), "required": !f.Optional,
		"placeholder": f.Placeholder, "initial_value": f.initial, "order": f.Order, "sub_text": f.SubText,
		"choices": nil,
	}
	if !f.chosen() || len(f.choices) == 0 {
		return o
	}
	list := []any{}
	for _, c := range f.choices {
		if v.srv.dialect.choiceLabels {
			list = append(list, object{"value": c.Value, "label": or(c.Label, c.Value)})
		} else {
			list = append(list, c.python())
		}
	}
	o["choices"] = list
	return o
}

// python is a choice as Python prints it.
func (c Choice) python() string {
	if c.Label == "" {
		return c.Value
	}
	return "{'value': " + pythonRepr(c.Value) + ", 'label': " + pythonRepr(c.Label) + "}"
}

// policyRequest is what expressions see.
func (v *visit) policyRequest() *PolicyRequest {
	return &PolicyRequest{
		User: v.user, Pending: v.srv.current(pending(v.plan.context)), HTTP: v.request, Context: v.plan.context,
	}
}

func (s *PromptStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	asked := s.asked(v)
	data, err := s.read(f, asked)
	if err != nil {
		return nil, err
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	if refusal := s.validate(v, asked, data); refusal != nil {
		return v.refuse(s.challenge(v), refusal)
	}
	known, _ := v.plan.context[contextPrompted].(object)
	known = maps.Clone(known)
	if known == nil {
		known = object{}
	}
	maps.Copy(known, data)
	v.plan.context[contextPrompted] = known
	return v.solved()
}

// read is the answer, as far as it is right. Keys with dots make nested
// objects.
func (s *PromptStage) read(f *fields, asked []field) (object, error) {
	data := object{"component": "ak-stage-prompt"}
	for _, one := range asked {
		value, ok, err := one.read(f)
		if err != nil {
			return nil, err
		}
		if ok {
			set(data, strings.Split(one.Key, "."), value)
		}
	}
	for _, one := range asked {
		if one.fixed() {
			data[one.Key] = one.initial
		}
	}
	return data, nil
}

// set stores a value under a path of keys. It replaces the objects on the path,
// which may be shared.
func set(o object, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		inner, _ := o[key].(object)
		inner = maps.Clone(inner)
		if inner == nil {
			inner = object{}
		}
		o[key] = inner
		o = inner
	}
	o[path[len(path)-1]] = value
}

// validate checks the answer as a whole. A refusal may be without a message.
func (s *PromptStage) validate(v *visit, asked []field, data object) fieldErrors {
	var passwords []any
	for _, f := range asked {
		if f.Type == FieldPassword {
			passwords = append(passwords, data[f.Key])
		}
	}
	if len(passwords) == 2 && passwords[0] != passwords[1] {
		return v.fault(elsewhere, "Passwords don't match.", "invalid")
	}
	context := maps.Clone(v.plan.context)
	context[contextPrompted] = data
	passing, messages := v.passes(s.Policies, PolicyAll, context)
	if passing {
		return nil
	}
	errs := fieldErrors{}
	for _, message := range messages {
		errs[elsewhere] = append(errs[elsewhere], fieldError{String: message, Code: "invalid"})
	}
	return errs
}
