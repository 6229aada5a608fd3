package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The directory:
//
//	LOCK      held while a process uses it
//	FORMAT    the version; written when all the rest is made
//	CREATING  there while the rest is made
//	IDENTITY  who this node is; written once
//	log/      segments
//	state/    Pebble
const (
	lockFile     = "LOCK"
	formatFile   = "FORMAT"
	creatingFile = "CREATING"
	identityFile = "IDENTITY"
	logDir       = "log"
	stateDir     = "state"

	// formatVersion is that of the directory and of all that commands do to
	// states. Version 1 dropped young idempotency ids; it was never released,
	// and is not read.
	formatVersion = 2
	formatWord    = "parley-disk"
	identityMagic = "PARLEYID"

	// maxSmallFile bounds what is read of FORMAT and IDENTITY.
	maxSmallFile = 64 << 10
)

// checkFormat says whether the directory is new: it holds nothing that was ever
// acknowledged, and is to be made. What a crash left half made is removed.
func (d *Disk) checkFormat() (fresh bool, err error) {
	fs, path := d.opts.FS, d.path(formatFile)
	data, err := readSmall(fs, path)
	if err == nil {
		return false, parseFormat(path, data)
	}
	if !oserror.IsNotExist(err) {
		return false, err
	}
	switch _, err = fs.Stat(d.path(creatingFile)); {
	case err == nil:
		for _, sub := range []string{logDir, stateDir} {
			if err := fs.RemoveAll(d.path(sub)); err != nil {
				return false, err
			}
		}
		return true, nil
	case !oserror.IsNotExist(err):
		return false, err
	}
	for _, name := range []string{logDir, stateDir, identityFile} {
		if _, err := fs.Stat(d.path(name)); err == nil {
			return false, damage(path, -1, "the file is missing, but %s is there", d.path(name))
		} else if !oserror.IsNotExist(err) {
			return false, err
		}
	}
	return true, writeSmall(fs, d.opts.Dir, creatingFile, []byte(formatWord))
}

// finishFormat ends the making of a directory. From here on a missing file is
// a lost one.
func (d *Disk) finishFormat() error {
	fs := d.opts.FS
	if err := writeSmall(fs, d.opts.Dir, formatFile, formatLine(formatVersion)); err != nil {
		return err
	}
	if err := fs.Remove(d.path(creatingFile)); err != nil {
		return err
	}
	return syncDir(fs, d.opts.Dir)
}

func (d *Disk) path(name string) string { return d.opts.FS.PathJoin(d.opts.Dir, name) }

func parseFormat(path string, data []byte) error {
	f := strings.Fields(string(data))
	if len(f) != 3 || f[0] != formatWord || f[2] != formatSum(f[1]) {
		return damage(path, -1, "it is not the line that was written there")
	}
	v, err := strconv.Atoi(f[1])
	if err != nil || v < 1 {
		return damage(path, -1, "it names no version")
	}
	if v != formatVersion {
		return &FormatError{File: path, Found: v, Reads: formatVersion}
	}
	return nil
}

func formatLine(version int) []byte {
	v := strconv.Itoa(version)
	return fmt.Appendf(nil, "%s %s %s\n", formatWord, v, formatSum(v))
}

func formatSum(version string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(formatWord+" "+version), castagnoli))
}

// Identity is what SetIdentity was given, now or in an earlier run.
func (d *Disk) Identity() ([]byte, bool) { return bytes.Clone(d.identity), d.identity != nil }

// SetIdentity writes down who this node is: up to 60 KiB, once. The same again
// is accepted, anything else refused. Durable on return.
func (d *Disk) SetIdentity(id []byte) error {
	if d.failed() {
		return d.Err()
	}
	switch {
	case len(id) == 0 || len(id) > 60<<10:
		return fmt.Errorf("disk: an identity has between 1 byte and 60 KiB, not %d bytes", len(id))
	case d.identity != nil && !bytes.Equal(d.identity, id):
		return fmt.Errorf("disk: directory %s belongs to another node: use an empty one", d.opts.Dir)
	case d.identity != nil:
		return nil
	}
	b := append([]byte(identityMagic), 0, 0, 0, 0)
	b = append(b, id...)
	binary.LittleEndian.PutUint32(b[len(identityMagic):], crc32.Checksum(id, castagnoli))
	if err := writeSmall(d.opts.FS, d.opts.Dir, identityFile, b); err != nil {
		d.fail(err)
		return err
	}
	d.identity = bytes.Clone(id)
	return nil
}

func (d *Disk) readIdentity() error {
	path := d.path(identityFile)
	b, err := readSmall(d.opts.FS, path)
	if oserror.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	id, ok := bytes.CutPrefix(b, []byte(identityMagic))
	if !ok || len(id) <= 4 || binary.LittleEndian.Uint32(id) != crc32.Checksum(id[4:], castagnoli) {
		return damage(path, -1, "its checksum is wrong")
	}
	d.identity = id[4:]
	return nil
}

func readSmall(fs vfs.FS, path string) ([]byte, error) {
	st, err := fs.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxSmallFile {
		return nil, damage(path, -1, "it is %d bytes long", st.Size())
	}
	return readFile(fs, path)
}

// writeSmall writes a file that is there whole or not at all, also after a
// crash.
func writeSmall(fs vfs.FS, dir, name string, data []byte) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Clone(data))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(fs, dir)
}
