package parley_test

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFormatted keeps every Go file as gofmt writes it.
func TestFormatted(t *testing.T) {
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") {
			return err
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		out, err := format.Source(src)
		if err != nil || !bytes.Equal(src, out) {
			t.Errorf("%s is not as gofmt writes it (%v)", p, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
