// Package client is the typed Go client of the API, generated from
// openapi.yaml. It knows the contract and nothing of the server: unknown
// numbers are nil pointers, instants are time.Time, and an answer that is none
// of the documented ones leaves all typed fields nil.
//
// NewClientWithResponses makes a client; give it an http.Client with a
// timeout, except for Follow, which reads the stream of events.
package client

//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config oapi-codegen.yaml ../openapi.yaml
