package proxy

import "github.com/flowsidecar/caddy-authentik/proxy/fault"

// Error is a failure that a gate reports, with its code. See package fault.
type Error = fault.Error

// Code names one failure. See package fault for all codes.
type Code = fault.Code
