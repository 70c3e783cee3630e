// Package lateform keeps a form that a browser has sent without a session,
// until the visitor has signed in. Only the page that answers the form contains
// it.
//
//   - lateform.go: the pages in their order, and the values that are sealed
//     in them
//   - form.go: the kept form
package lateform
