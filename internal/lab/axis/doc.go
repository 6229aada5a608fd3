// Package axis chooses round numbers for the axes of charts, and writes times
// and amounts the way people do. It is pure, and knows nothing of what is drawn.
package axis
