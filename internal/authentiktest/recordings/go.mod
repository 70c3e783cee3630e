// This module holds nothing but the recordings. Being a module of its own, it
// is left out when the module around it is downloaded.
module github.com/flowsidecar/caddy-authentik/internal/authentiktest/recordings

go 1.26.0
