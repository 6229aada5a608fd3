package kv

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/parleydb/parley/clock"
)

// Token is a session's causal past: for each site, and for the strong
// keyspaces together, the stamp up to which the session has read or written.
// Its size depends on the number of sites, not of keys, shards or nodes.
type Token struct {
	Cluster uint64            // the cluster's id
	Strong  clock.Timestamp   // highest stamp seen in strong keyspaces
	Sites   []clock.Timestamp // by site number; none in a cluster without causal keyspaces
}

const (
	tokenVersion  = 1
	maxTokenSites = 1024
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// Merge raises t to include o, component by component.
func (t *Token) Merge(o Token) {
	t.Strong = max(t.Strong, o.Strong)
	for i, s := range o.Sites {
		if i == len(t.Sites) {
			t.Sites = append(t.Sites, s)
			continue
		}
		t.Sites[i] = max(t.Sites[i], s)
	}
}

// Encode is the token as clients carry it: base64url of version, cluster,
// stamps and a CRC-32C.
func (t Token) Encode() string {
	b := []byte{tokenVersion}
	b = binary.BigEndian.AppendUint64(b, t.Cluster)
	b = binary.AppendUvarint(b, uint64(t.Strong))
	b = binary.AppendUvarint(b, uint64(len(t.Sites)))
	for _, s := range t.Sites {
		b = binary.AppendUvarint(b, uint64(s))
	}
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crcTable))
	return base64.RawURLEncoding.EncodeToString(b)
}

// DecodeToken reads what Encode wrote. It refuses other versions, damage, and
// tokens of another cluster than the given one.
func DecodeToken(s string, cluster uint64) (Token, error) {
	if len(s) > 16*maxTokenSites {
		return Token{}, Errorf(KindToken, "token of %d bytes is too long", len(s))
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 1+8+1+1+4 {
		return Token{}, Errorf(KindToken, "not a token: use the string that SESSION TOKEN returned")
	}
	if b[0] != tokenVersion {
		return Token{}, Errorf(KindToken, "token version %d is not supported, this node reads version %d", b[0], tokenVersion)
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, crcTable) != sum {
		return Token{}, Errorf(KindToken, "token is damaged: its checksum does not match")
	}
	t := Token{Cluster: binary.BigEndian.Uint64(body[1:])}
	if t.Cluster != cluster {
		return Token{}, Errorf(KindToken, "token belongs to cluster %016x, this is cluster %016x", t.Cluster, cluster)
	}
	return t, t.decodeStamps(body[9:])
}

func (t *Token) decodeStamps(b []byte) error {
	bad := Errorf(KindToken, "token is damaged: its stamps do not read")
	next := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	strong, ok := next()
	n, ok2 := next()
	if !ok || !ok2 || n > maxTokenSites {
		return bad
	}
	t.Strong = clock.Timestamp(strong)
	for range n {
		v, ok := next()
		if !ok {
			return bad
		}
		t.Sites = append(t.Sites, clock.Timestamp(v))
	}
	if len(b) != 0 {
		return bad
	}
	return nil
}
