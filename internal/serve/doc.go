// Package serve is one node as a process: the event loop with its clients and
// its links to other nodes, the HTTP server, and an orderly stop. It joins the
// pure parts to sockets, files and clocks and decides nothing by itself.
package serve
