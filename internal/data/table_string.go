package data

var stringCommands = []Command{
	{"append", 3, Write | DenyOOM | Fast, oneKey, "string", "2.0.0", "Adds to the end of a string", 0, cmdAppend},
	{"decr", 2, Write | DenyOOM | Fast, oneKey, "string", "1.0.0", "Subtracts one from an integer", 0, cmdDecr},
	{"decrby", 3, Write | DenyOOM | Fast, oneKey, "string", "1.0.0", "Subtracts from an integer", 0, cmdDecrBy},
	{"get", 2, ReadOnly | Fast, oneKey, "string", "1.0.0", "Returns a string", 0, cmdGet},
	{"getdel", 2, Write | Fast, oneKey, "string", "6.2.0", "Returns a string and deletes it", 0, cmdGetDel},
	{"getex", -2, Write | Fast, oneKey, "string", "6.2.0", "Returns a string and changes its deadline", 0, cmdGetEX},
	{"getrange", 4, ReadOnly, oneKey, "string", "2.4.0", "Returns a part of a string", 0, cmdGetRange},
	{"getset", 3, Write | DenyOOM | Fast, oneKey, "string", "1.0.0", "Sets a string and returns the one before", 0, cmdGetSet},
	{"incr", 2, Write | DenyOOM | Fast, oneKey, "string", "1.0.0", "Adds one to an integer", 0, cmdIncr},
	{"incrby", 3, Write | DenyOOM | Fast, oneKey, "string", "1.0.0", "Adds to an integer", 0, cmdIncrBy},
	{"incrbyfloat", 3, Write | DenyOOM | Fast, oneKey, "string", "2.6.0", "Adds to a decimal number", 0, cmdIncrByFloat},
	{"mget", -2, ReadOnly | Fast, allKeys, "string", "1.0.0", "Returns several strings", 0, cmdMGet},
	{"mset", -3, Write | DenyOOM, pairKeys, "string", "1.0.1", "Sets several strings", 0, cmdMSet},
	{"msetnx", -3, Write | DenyOOM, pairKeys, "string", "1.0.1", "Sets several strings if none of the keys exists", 0, cmdMSetNX},
	{"psetex", 4, Write | DenyOOM, oneKey, "string", "2.6.0", "Sets a string that expires after milliseconds", 0, cmdPSetEX},
	{"set", -3, Write | DenyOOM, oneKey, "string", "1.0.0", "Sets a string", 0, cmdSet},
	{"setex", 4, Write | DenyOOM, oneKey, "string", "2.0.0", "Sets a string that expires after seconds", 0, cmdSetEX},
	{"setnx", 3, Write | DenyOOM | Fast, oneKey, "string", "1.0.0", "Sets a string if the key does not exist", 0, cmdSetNX},
	{"setrange", 4, Write | DenyOOM, oneKey, "string", "2.2.0", "Overwrites a part of a string", 0, cmdSetRange},
	{"strlen", 2, ReadOnly | Fast, oneKey, "string", "2.2.0", "Returns a string's length in bytes", 0, cmdStrLen},
	{"substr", 4, ReadOnly, oneKey, "string", "1.0.0", "Returns a part of a string: the old name of GETRANGE", 0, cmdGetRange},
}

var bitmapCommands = []Command{
	{"bitcount", -2, ReadOnly, oneKey, "bitmap", "2.6.0", "Counts the ones in a string", 0, cmdBitCount},
	{"bitfield", -2, Write | DenyOOM, oneKey, "bitmap", "3.2.0", "Reads and changes integers of any width within a string", 0, cmdBitField},
	{"bitfield_ro", -2, ReadOnly | Fast, oneKey, "bitmap", "6.0.0", "Reads integers of any width within a string", 0, cmdBitField},
	{"bitop", -4, Write | DenyOOM, restKeys, "bitmap", "2.6.0", "Combines strings bit by bit", 0, cmdBitOp},
	{"bitpos", -3, ReadOnly, oneKey, "bitmap", "2.8.7", "Finds the first one or zero in a string", 0, cmdBitPos},
	{"getbit", 3, ReadOnly | Fast, oneKey, "bitmap", "2.2.0", "Returns one bit of a string", 0, cmdGetBit},
	{"setbit", 4, Write | DenyOOM, oneKey, "bitmap", "2.2.0", "Sets one bit of a string", 0, cmdSetBit},
}
