// Package lane keeps long frames for another node from holding up short ones that
// are urgent, such as a heartbeat: a leader that is busy sending 64 MiB over a
// slow link is still there, and its followers must hear so.
//
// Frames that are not urgent go in one lane, in order. A long one goes in pieces,
// each a frame of its own (wire.FramePiece), and the sender gives the link no more
// of them than the link takes at once. Urgent frames do not enter the lane, and so
// overtake it between two pieces.
//
// The package is pure, and knows neither links nor time: the network of the
// simulator and the real one use the same code.
package lane
