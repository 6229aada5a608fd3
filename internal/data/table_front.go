package data

// Flags that many commands of the connection share.
const (
	anytime = Front | Loading | Stale
	session = anytime | NoScript | Fast | AllowBusy
)

// connectionCommands are Redis' commands that do not run on a keyspace.
var connectionCommands = []Command{
	{"auth", -2, session | NoAuth, noKeys, "connection", "1.0.0", "Authenticates the connection", 0, nil},
	{"client", -2, anytime | NoScript, noKeys, "connection", "2.4.0", "Names, lists and closes connections", 0, nil},
	{"command", -1, anytime, noKeys, "server", "2.8.13", "Describes the commands", 0, nil},
	{"config", -2, anytime | NoScript | Admin, noKeys, "server", "2.0.0", "Shows and changes settings", 0, nil},
	{"discard", 1, session, noKeys, "transactions", "2.0.0", "Drops the commands queued since MULTI", 0, nil},
	{"echo", 2, anytime | Fast, noKeys, "connection", "1.0.0", "Returns its argument", 0, nil},
	{"exec", 1, anytime | NoScript | SkipSlowlog, noKeys, "transactions", "1.2.0", "Runs the commands queued since MULTI as one", 0, nil},
	{"flushall", -1, Front | Write, noKeys, "server", "1.0.0", "Deletes all keys of all keyspaces", 0, nil},
	{"hello", -1, session | NoAuth, noKeys, "connection", "6.0.0", "Chooses the protocol, authenticates and names the connection", 0, nil},
	{"info", -1, anytime, noKeys, "server", "1.0.0", "Shows the node's state and figures", 0, nil},
	{"multi", 1, session, noKeys, "transactions", "1.2.0", "Begins a transaction", 0, nil},
	{"ping", -1, Front | Fast, noKeys, "connection", "1.0.0", "Answers PONG, or its argument", 0, nil},
	{"quit", -1, session | NoAuth, noKeys, "connection", "1.0.0", "Closes the connection", 0, nil},
	{"reset", 1, session | NoAuth, noKeys, "connection", "6.2.0", "Makes the connection as new", 0, nil},
	{"select", 2, anytime | Fast, noKeys, "connection", "1.0.0", "Chooses the keyspace by number or name", 0, nil},
	{"slowlog", -2, anytime | Admin, noKeys, "server", "2.2.12", "Shows the slowest commands", 0, nil},
	{"time", 1, anytime | Fast, noKeys, "server", "2.6.0", "Returns the node's clock", 0, nil},
	{"unwatch", 1, session, noKeys, "transactions", "2.2.0", "Forgets the watched keys", 0, nil},
	{"wait", 3, Front | NoScript, noKeys, "generic", "3.0.0", "Waits until copies hold the connection's writes", 0, nil},
	{"watch", -2, session, allKeys, "transactions", "2.2.0", "Makes the next EXEC fail if a key changes before it", 0, nil},
}

// parleySince is the first release with the commands of group "parley".
const parleySince = "0.1.0"

// parleyCommands are those that Redis does not have.
var parleyCommands = []Command{
	{"at", -3, Front | NoScript | MovableKeys, noKeys, "parley", parleySince, "Runs one command at a consistency level", 2, nil},
	{"keyspace", -2, Front | NoScript | Admin, noKeys, "parley", parleySince, "Creates, lists, shows and drops keyspaces", 0, nil},
	{"level", -1, Front | NoScript | Fast, noKeys, "parley", parleySince, "Shows or sets the connection's consistency level", 0, nil},
	{"once", -3, Front | NoScript | Write | MovableKeys, noKeys, "parley", parleySince, "Runs a write exactly once under an id", 2, nil},
	{"outcome", -3, Front | NoScript | Write, secondArg, "parley", parleySince, "Tells whether the write with an id happened, or makes sure that it never will", 0, nil},
	{"receipt", -2, Front | NoScript | Fast, noKeys, "parley", parleySince, "Shows what the last operation was given", 0, nil},
	{"session", -2, Front | NoScript, noKeys, "parley", parleySince, "Carries a session to another connection", 0, nil},
}
