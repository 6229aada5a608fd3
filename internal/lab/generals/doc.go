// Package generals holds the two problems of agreement that are told with
// generals: two of them over messengers who may be caught (Akkoyunlu, Ekanadham
// and Huber 1975; Gray, "Notes on Data Base Operating Systems", 1978), and
// several of whom some are traitors (Lamport, Shostak and Pease, "The Byzantine
// Generals Problem", TOPLAS 1982). Both are small enough to try everything.
//
// It is pure, and knows nothing of databases.
package generals
