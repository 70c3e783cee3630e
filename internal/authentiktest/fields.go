package authentiktest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A fieldError is one thing that is wrong with one field of an answer. Errors
// that authentik makes of nested objects have no code.
type fieldError struct {
	String string `json:"string"`
	Code   string `json:"code,omitempty"`
}

type fieldErrors map[string][]fieldError

// elsewhere is the name for errors that belong to no field.
const elsewhere = "non_field_errors"

// fault makes the errors of an answer with one mistake.
func (v *visit) fault(field, message, code string) fieldErrors {
	return fieldErrors{field: {{String: v.text(message), Code: code}}}
}

// fields reads an answer field by field, as leniently as authentik's
// serializers, and collects what is wrong.
type fields struct {
	visit *visit
	body  object
	errs  fieldErrors
}

// fields reads the body of a POST. The error is not nil only if the body is not
// JSON: that is an exception in authentik too.
func (v *visit) fields() (*fields, error) {
	body, err := v.body()
	if err != nil {
		return nil, err
	}
	f := &fields{visit: v, errs: fieldErrors{}}
	o, ok := body.(object)
	if !ok {
		f.errs[elsewhere] = []fieldError{{
			String: fmt.Sprintf(v.text("Invalid data. Expected a dictionary, but got %s."), pythonType(body)),
			Code:   "invalid",
		}}
	}
	f.body = o
	return f, nil
}

// failed reports whether anything has been wrong so far.
func (f *fields) failed() bool { return len(f.errs) > 0 }

func (f *fields) wrong(name, message, code string) {
	f.errs[name] = append(f.errs[name], fieldError{String: f.visit.text(message), Code: code})
}

// A rule is what a field may be.
type rule struct {
	optional, blank, null, untrimmed bool
}

// value is the field as sent; ok is false if it is absent or wrong. It adds no
// error if the answer is not an object: that one exists already.
func (f *fields) value(name string, r rule) (any, bool) {
	value, found := f.body[name]
	switch {
	case f.body == nil:
		return nil, false
	case !found && !r.optional:
		f.wrong(name, "This field is required.", "required")
	case found && value == nil && !r.null:
		f.wrong(name, "This field may not be null.", "null")
	}
	return value, found && value != nil
}

// text is a string field. Numbers count as strings, booleans do not.
func (f *fields) text(name string, r rule) (string, bool) {
	value, ok := f.value(name, r)
	if !ok {
		return "", false
	}
	var s string
	switch t := value.(type) {
	case string:
		s = t
	case json.Number:
		s = t.String()
	default:
		f.wrong(name, "Not a valid string.", "invalid")
		return "", false
	}
	if !r.untrimmed {
		s = strings.TrimSpace(s)
	}
	if strings.TrimSpace(s) == "" && !r.blank {
		f.wrong(name, "This field may not be blank.", "blank")
		return "", false
	}
	return s, true
}

// truths are the values that serializers treat as true and as false.
var truths = map[string]bool{
	"true": true, "True": true, "TRUE": true, "t": true, "T": true, "on": true, "On": true, "ON": true,
	"yes": true, "Yes": true, "YES": true, "y": true, "Y": true, "1": true,
	"false": false, "False": false, "FALSE": false, "f": false, "F": false, "off": false, "Off": false, "OFF": false,
	"no": false, "No": false, "NO": false, "n": false, "N": false, "0": false, "0.0": false,
}

// boolean is a field that is true or false.
func (f *fields) boolean(name string, r rule) (truth, ok bool) {
	value, ok := f.value(name, r)
	if !ok {
		return false, false
	}
	switch t := value.(type) {
	case bool:
		return t, true
	case string, json.Number:
		if truth, ok = truths[fmt.Sprint(t)]; ok {
			return truth, true
		}
	}
	f.wrong(name, "Must be a valid boolean.", "invalid")
	return false, false
}

// object is a field that is a JSON object.
func (f *fields) object(name string, r rule) (object, bool) {
	value, ok := f.value(name, r)
	if !ok {
		return nil, false
	}
	o, ok := value.(object)
	if !ok {
		f.wrong(name, "Value must be a dictionary, and not have any duplicate keys.", "invalid")
	}
	return o, ok
}

// integer is a field that is an integer, or a string that holds one.
func (f *fields) integer(name string, r rule) (int, bool) {
	value, ok := f.value(name, r)
	if !ok {
		return 0, false
	}
	switch value.(type) {
	case string, json.Number:
		if n, err := strconv.Atoi(strings.TrimSpace(fmt.Sprint(value))); err == nil {
			return n, true
		}
	}
	f.wrong(name, "A valid integer is required.", "invalid")
	return 0, false
}

// pythonType names a JSON value as authentik's error texts do.
func pythonType(value any) string {
	switch t := value.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case json.Number:
		if strings.ContainsAny(t.String(), ".eE") {
			return "float"
		}
		return "int"
	case []any:
		return "list"
	}
	return "dict"
}
