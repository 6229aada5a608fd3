package proxy

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// FromProcess tells ends apart that dial one address from one host, by the
// process that holds the other side of the connection. processes gives, at that
// moment, the end of each process id. It reads Linux's /proc and must be
// allowed to look at those processes.
func FromProcess(processes func() map[int]int) From {
	return func(c net.Conn) (int, error) {
		socket, err := peerSocket(c)
		if err != nil {
			return 0, err
		}
		for pid, end := range processes() {
			if holds(pid, socket) {
				return end, nil
			}
		}
		return 0, fmt.Errorf("%s belongs to no process of this network", c.RemoteAddr())
	}
}

// peerSocket is the other side of a connection within this host, as links in
// /proc/<pid>/fd name it.
func peerSocket(c net.Conn) (string, error) {
	local, err := procAddress(c.RemoteAddr())
	if err != nil {
		return "", err
	}
	remote, err := procAddress(c.LocalAddr())
	if err != nil {
		return "", err
	}
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return "", fmt.Errorf("telling nodes apart needs Linux: %w", err)
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		// sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode
		fields := strings.Fields(s.Text())
		if len(fields) > 9 && fields[1] == local && fields[2] == remote {
			return "socket:[" + fields[9] + "]", nil
		}
	}
	return "", fmt.Errorf("%s is gone already", c.RemoteAddr())
}

// procAddress is an IPv4 address as /proc/net/tcp writes it on little-endian
// machines.
func procAddress(a net.Addr) (string, error) {
	t, ok := a.(*net.TCPAddr)
	if !ok || t.IP.To4() == nil {
		return "", fmt.Errorf("%s is no IPv4 address", a)
	}
	ip := t.IP.To4()
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], t.Port), nil
}

func holds(pid int, socket string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false // it has ended
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && to == socket {
			return true
		}
	}
	return false
}
