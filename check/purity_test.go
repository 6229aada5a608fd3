package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestPurity: clock, history and check start no goroutine, import nothing that
// has a state of the world, and ask no clock.
func TestPurity(t *testing.T) {
	allowed := map[string]bool{
		"bufio": true, "bytes": true, "cmp": true, "encoding/base64": true, "encoding/binary": true, "errors": true, "fmt": true, "io": true,
		"maps": true, "math": true, "slices": true, "sort": true, "strconv": true, "strings": true, "time": true, "unicode/utf16": true, "unicode/utf8": true,
		"github.com/parleydb/parley/clock": true, "github.com/parleydb/parley/history": true,
	}
	for _, dir := range []string{"../clock", "../history", "."} {
		paths, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		if len(paths) == 0 {
			t.Fatalf("%s has no files", dir)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, imp := range file.Imports {
				if name := strings.Trim(imp.Path.Value, `"`); !allowed[name] {
					t.Errorf("%s imports %s", path, name)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s: a goroutine at %v", path, fset.Position(n.Pos()))
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Since" || n.Sel.Name == "Sleep") {
						t.Errorf("%s asks the clock at %v", path, fset.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
}
