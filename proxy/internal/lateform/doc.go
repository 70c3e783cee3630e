// Package lateform keeps a form that a browser has sent without a session, until
// the visitor has signed in. The form is kept in the page that answers it, and
// nowhere else.
//
//   - lateform.go: the pages in their order, and what is sealed in them
//   - form.go: what is kept of a form
package lateform
