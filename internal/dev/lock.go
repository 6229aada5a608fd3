package dev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// maxSocketPath is what fits into the address of a unix socket on every
// system; bytes.
const maxSocketPath = 103

// openDir makes the directory, or a temporary one for "", and locks it. release
// unlocks, and removes a temporary one.
func openDir(dir string) (path string, release func(), err error) {
	temporary := dir == ""
	if temporary {
		path, err = os.MkdirTemp("", "parley-dev-")
	} else if path, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(path, 0o700)
	}
	if err != nil {
		return "", nil, fmt.Errorf("directory for the cluster: %w", err)
	}
	if socket := filepath.Join(path, socketFile); len(socket) > maxSocketPath {
		return "", nil, fmt.Errorf("--dir %s is too long by %d characters for the socket in it: use a shorter one", path, len(socket)-maxSocketPath)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return "", nil, fmt.Errorf("another `parley dev` runs on %s: stop it, or use another --dir", path)
		}
		return "", nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return path, func() {
		if temporary {
			_ = os.RemoveAll(path)
		}
		_ = lock.Close()
	}, nil
}
