// Package process runs the server processes of databases under test: it starts
// them with a log file, kills them as a crash does, and lets them stand still.
// They die with the program that started them.
package process
