// Package servers runs the servers of a database under test: it starts them
// with a log each, kills them as a crash does, lets them stand still, and puts
// proxies between them. They die with the program that started them.
package servers
