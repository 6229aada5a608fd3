package history

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// The formats that ReadFormat knows.
const (
	Auto      = "auto"       // by the file's first bytes
	Parley    = "parley"     // Parley's own
	EDN       = "edn"        // Jepsen's, Knossos's and Elle's histories, Porcupine's key-value logs
	JepsenLog = "jepsen-log" // lines of Jepsen's logger: Porcupine's etcd logs
	Plume     = "plume"      // text of Plume, PolySI and AWDIT
	AWDIT     = "awdit"      // AWDIT's text for tests
	DBCop     = "dbcop"      // dbcop's and PolySI's binary form
	DBCopJSON = "dbcop-json" // the same as JSON
	DBCopText = "dbcop-text" // dbcop's text for people
)

// Formats are the names of all formats.
func Formats() []string {
	return []string{Auto, Parley, EDN, JepsenLog, Plume, AWDIT, DBCop, DBCopJSON, DBCopText}
}

// byteOrderMark is how some programs begin a text.
const byteOrderMark = "\ufeff"

// ReadFormat reads a history of the named format, and says which it was.
func ReadFormat(r io.Reader, format string, limits Limits) (*History, string, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	if head, err := br.Peek(len(byteOrderMark)); err == nil && string(head) == byteOrderMark {
		_, _ = br.Discard(len(byteOrderMark)) // cannot fail: it was just peeked at
	}
	if format == Auto {
		head, err := br.Peek(512)
		if err != nil && err != io.EOF {
			return nil, "", lineErrorf(1, "%w", err)
		}
		if format, err = Detect(head); err != nil {
			return nil, "", err
		}
	}
	readers := map[string]func(io.Reader, Limits) (*History, error){
		Parley: ReadFrom, EDN: readEDN, JepsenLog: readJepsenLog, Plume: readPlume, AWDIT: readAWDIT, DBCop: readDBCop, DBCopJSON: readDBCopJSON, DBCopText: readDBCopText,
	}
	read, ok := readers[format]
	if !ok {
		return nil, "", fmt.Errorf("unknown format %q; there are %s", format, strings.Join(Formats(), ", "))
	}
	h, err := read(br, limits)
	if err == nil && len(h.Ops) == 0 {
		err = fmt.Errorf("the file has no operations (read as %s)", format)
	}
	return h, format, err
}

// Detect names the format of a file by its first bytes.
func Detect(head []byte) (string, error) {
	text := bytes.TrimLeft(head, " \t\r\n")
	begins := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if bytes.HasPrefix(text, []byte(p)) {
				return true
			}
		}
		return false
	}
	compact := bytes.Join(bytes.Fields(text), nil)
	switch {
	case len(text) == 0:
		return "", lineErrorf(1, "the file is empty")
	case bytes.HasPrefix(compact, []byte(`{"history":`)):
		return Parley, nil
	case bytes.IndexByte(head, 0) >= 0:
		return DBCop, nil
	case begins("(", "#", ";"), isEDN(compact):
		return EDN, nil
	case begins("INFO "), bytes.Contains(text, []byte("\t:invoke\t")):
		return JepsenLog, nil
	case begins("r(", "w("):
		return Plume, nil
	case begins("r ", "w ", "---", "==="):
		return AWDIT, nil
	case begins("{") && bytes.Contains(text, []byte(`"params"`)) || bytes.HasPrefix(compact, []byte(`{"data":[`)), bytes.HasPrefix(compact, []byte(`[[{"`)):
		return DBCopJSON, nil
	case begins("//"), begins("[") && (bytes.Contains(text, []byte(":=")) || bytes.Contains(text, []byte("=="))):
		return DBCopText, nil
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	return "", lineErrorf(1, "no known format begins with %q; name it, one of %s", first[:min(len(first), 60)], strings.Join(Formats()[1:], ", "))
}

// isEDN says whether text without its spaces begins like a map of keywords, or
// like a vector of these.
func isEDN(compact []byte) bool {
	compact = bytes.TrimPrefix(compact, []byte("["))
	return bytes.HasPrefix(compact, []byte("{:")) || bytes.HasPrefix(compact, []byte("#")) || bytes.HasPrefix(compact, []byte(";"))
}
