// Package spacetime draws space-time diagrams (Lamport, "Time, Clocks, and the
// Ordering of Events in a Distributed System", CACM 1978, figure 1): processes
// as lines along which time passes, what happens on them as points and spans,
// messages and dependencies as arrows between them.
//
// It is pure: a diagram in, bytes out, the same bytes for the same diagram. It
// knows nothing of databases. SVG writes a picture that stands alone; HTML a
// page in which it can be zoomed and pointed at. Figure, Style and Script are
// the parts of that page, for pages that show several diagrams.
package spacetime
