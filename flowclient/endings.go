package flowclient

// AccessDenied ends the flow without a sign-in. Ask begins it again.
type AccessDenied struct {
	Base
	// Message is authentik's reason, for the visitor. It may have several lines.
	Message string
}

// Component returns ComponentAccessDenied.
func (AccessDenied) Component() Component { return ComponentAccessDenied }

func decodeAccessDenied(o object, b Base) Challenge {
	return AccessDenied{Base: b, Message: o.text("error_message")}
}

// FlowError means that something failed inside authentik, or that authentik did not
// understand the request. The flow continues: Ask returns the same question.
type FlowError struct {
	Base
	// RequestID finds the error in authentik's log.
	RequestID string
	// Error and Traceback are empty unless an administrator is signed in. Do not show
	// them to others.
	Error, Traceback string
}

// Component returns ComponentFlowError.
func (FlowError) Component() Component { return ComponentFlowError }

func decodeFlowError(o object, b Base) Challenge {
	return FlowError{
		Base: b, RequestID: o.text("request_id"),
		Error: o.text("error"), Traceback: o.text("traceback"),
	}
}

// SessionEnd means that the visitor is signed out of one application and still
// signed in to authentik.
type SessionEnd struct {
	Base
	BrandName            string
	ApplicationName      string
	ApplicationLaunchURL string
	// InvalidationFlowURL leads to the flow that signs out of authentik; see
	// Step.FlowAt.
	InvalidationFlowURL string
	// OverviewURL is the address of the user's applications, since authentik
	// 2026.8. It has the host that this request named; if that is an internal host,
	// browsers cannot open it.
	OverviewURL string
}

// Component returns ComponentSessionEnd.
func (SessionEnd) Component() Component { return ComponentSessionEnd }

func decodeSessionEnd(o object, b Base) Challenge {
	return SessionEnd{
		Base:                 b,
		BrandName:            o.text("brand_name"),
		ApplicationName:      o.text("application_name"),
		ApplicationLaunchURL: o.text("application_launch_url"),
		InvalidationFlowURL:  o.text("invalidation_flow_url"),
		OverviewURL:          o.text("overview_url"),
	}
}

// Shell is an HTML page, mostly that of an error.
type Shell struct {
	Base
	// Body contains authentik's own scripts. Do not embed it in another page.
	Body string
}

// Component returns ComponentShell.
func (Shell) Component() Component { return ComponentShell }

func decodeShell(o object, b Base) Challenge { return Shell{Base: b, Body: o.text("body")} }

// Autosubmit is a form that the visitor's browser must send to another site. No
// answer is sent to it.
type Autosubmit struct {
	Base
	URL string
	// Attrs are the hidden fields.
	Attrs map[string]string
	Title string
}

// Component returns ComponentAutosubmit.
func (Autosubmit) Component() Component { return ComponentAutosubmit }

func decodeAutosubmit(o object, b Base) Challenge {
	in := o.object("attrs")
	attrs := make(map[string]string, len(in))
	for key := range in {
		attrs[key] = in.text(key)
	}
	return Autosubmit{Base: b, URL: o.text("url"), Attrs: attrs, Title: o.text("title")}
}

// DeviceCodeFinish means that the other device is signed in. No answer is sent to it.
type DeviceCodeFinish struct{ Base }

// Component returns ComponentDeviceCodeFinish.
func (DeviceCodeFinish) Component() Component { return ComponentDeviceCodeFinish }

func decodeDeviceCodeFinish(_ object, b Base) Challenge { return DeviceCodeFinish{Base: b} }
