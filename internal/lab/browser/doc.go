// Package browser opens pages in headless Chromium, for tests of what Parley
// writes as HTML: a script looks at the page as it really came out. There is no
// network: a page that wants something from elsewhere does not get it, and the
// test is told.
package browser
