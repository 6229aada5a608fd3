package config

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Member is one node of the initial cluster.
type Member struct {
	ID   uint64 // from 1
	Name string
	Site string
	Peer string // host:port that the other nodes dial
}

// ParseMembers reads a list of initial peers: "n1@s1=10.0.0.1:9001,n2@s2=...".
// The site may be left out: then it is the node's name. Members are numbered by
// name, shorter names first, so that the order of the list does not matter and
// n2 comes before n10. An empty list has no members: a node alone.
func ParseMembers(list string) ([]Member, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var members []Member
	for item := range strings.SplitSeq(list, ",") {
		m, err := parseMember(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	peers := map[string]string{}
	for i := range members {
		m := &members[i]
		m.ID = uint64(i + 1)
		if i > 0 && members[i-1].Name == m.Name {
			return nil, fmt.Errorf("initial: node %q is listed twice: give every node its own name", m.Name)
		}
		if other, ok := peers[m.Peer]; ok {
			return nil, fmt.Errorf("initial: %s and %s have the same peer address %s: give every node its own", other, m.Name, m.Peer)
		}
		peers[m.Peer] = m.Name
	}
	return members, nil
}

func parseMember(item string) (Member, error) {
	who, peer, ok := strings.Cut(item, "=")
	if !ok {
		return Member{}, fmt.Errorf("initial: %q is not name@site=host:port", item)
	}
	name, site, ok := strings.Cut(who, "@")
	if !ok {
		site = name
	}
	if err := checkName("initial: node", name); err != nil {
		return Member{}, err
	}
	if err := checkName("initial: site of "+name, site); err != nil {
		return Member{}, err
	}
	if err := checkAddress("initial: peer address of "+name, peer); err != nil {
		return Member{}, err
	}
	if host, port, _ := net.SplitHostPort(peer); host == "" || port == "0" {
		return Member{}, fmt.Errorf("initial: peer address %q of %s: others must be able to dial it: give a host and a port that is not 0", peer, name)
	}
	return Member{Name: name, Site: site, Peer: peer}, nil
}

// FormatMembers writes a list that ParseMembers reads.
func FormatMembers(members []Member) string {
	items := make([]string, len(members))
	for i, m := range members {
		items[i] = m.Name + "@" + m.Site + "=" + m.Peer
	}
	return strings.Join(items, ",")
}

// maxName bounds names, which travel in tables and messages; bytes.
const maxName = 64

func checkName(what, name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%s: name %q must have 1 to %d characters", what, name, maxName)
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r) {
			return fmt.Errorf("%s: name %q has the character %q: use letters, digits, '-', '_' and '.'", what, name, r)
		}
	}
	return nil
}

func checkAddress(what, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is not host:port", what, address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%s: port of %q must be a number from 0 to 65535", what, address)
	}
	return nil
}
