// Package steadyws_test holds the checks that concern the whole repository.
package steadyws_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/steadyws/steadyws"

const (
	ws      = "github.com/gobwas/ws"
	backoff = "github.com/cenkalti/backoff/v4"
	flate   = "github.com/klauspost/compress"
)

// A room is a folder of the root module: what its code may import besides the
// standard library, and what of the standard library it must not know. The
// reasons are in docs/design.md.
type room struct {
	folder string // with what is below it if it ends in /
	may    []string
	not    []string
	timely bool // it may start goroutines, read the clock and sleep
}

var rooms = []room{
	{folder: "codec", not: []string{"context", "net", "net/http", "time"}},
	{folder: "heartbeat", not: []string{"context", "net", "net/http"}},
	{folder: "reconnect", may: []string{backoff}, not: []string{"context", "net"}},
	{folder: "internal/inflate", not: []string{"context", "net", "net/http", "time"}},
	{folder: "internal/wire", may: []string{ws, flate, "internal/inflate"}, not: []string{"context", "net", "time"}},
	{folder: "wsclient", may: []string{"heartbeat", "reconnect", "codec", "internal/wire", "golang.org/x/net", "golang.org/x/sys"},
		not: []string{"encoding/json", "math"}, timely: true},
	{folder: "internal/testserver", may: []string{ws}, not: []string{"testing"}, timely: true},
	{folder: "examples/", may: []string{"wsclient", "heartbeat", "reconnect", "codec", "internal/testserver", "examples"}, timely: true},
	{folder: ".ci/mutants", timely: true},
}

// A source is one Go file of the root module that is not a test.
type source struct {
	name    string // slash-separated, from the root
	fset    *token.FileSet
	file    *ast.File
	lines   int
	paths   []string          // of its imports
	imports map[string]string // path by the name it has in the file
}

// sources returns the root module's files, save its tests.
func sources(t *testing.T) (list []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			other, _ := filepath.Glob(filepath.Join(name, "go.mod"))
			if d.Name() == ".git" || d.Name() == "testdata" || name != "." && len(other) > 0 {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		s := source{name: name, fset: token.NewFileSet(), imports: map[string]string{}}
		if s.file, err = parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution); err != nil {
			return err
		}
		s.lines = s.fset.File(s.file.FileStart).LineCount()
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.paths = append(s.paths, imported)
			local := path.Base(strings.TrimSuffix(imported, "/v4"))
			if spec.Name != nil {
				local = spec.Name.Name
			}
			s.imports[local] = imported
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no sources found")
	}
	return list
}

// room returns the room of s.
func (s *source) room(t *testing.T) *room {
	t.Helper()
	dir := path.Dir(s.name)
	for i, r := range rooms {
		if dir == r.folder || strings.HasSuffix(r.folder, "/") && strings.HasPrefix(dir+"/", r.folder) {
			return &rooms[i]
		}
	}
	t.Errorf("%s: the folder has no room: say in rooms_test.go and docs/design.md what it may know", s.name)
	return nil
}

// within reports whether the import path p is, or lies below, one of list.
func within(p string, list []string) bool {
	return slices.ContainsFunc(list, func(l string) bool { return p == l || strings.HasPrefix(p, l+"/") })
}

func TestRoomsImportWhatTheyMay(t *testing.T) {
	for _, s := range sources(t) {
		r := s.room(t)
		if r == nil {
			continue
		}
		for _, imported := range s.paths {
			ours := strings.TrimPrefix(imported, module+"/")
			first, _, _ := strings.Cut(imported, "/")
			switch {
			case ours != imported || strings.Contains(first, "."):
				if !within(ours, r.may) {
					t.Errorf("%s imports %s, which the room %s must not know", s.name, imported, r.folder)
				}
			case slices.Contains(r.not, imported):
				t.Errorf("%s imports %s, which the room %s must not know", s.name, imported, r.folder)
			}
		}
	}
}

// untimely are the functions of the standard library that read the clock, wait,
// or start something that does.
var untimely = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause", "AfterFunc"},
}

func TestOnlyTheClientHasGoroutinesAndAClock(t *testing.T) {
	for _, s := range sources(t) {
		if r := s.room(t); r == nil || r.timely {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: starts a goroutine", s.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				id, ok := n.X.(*ast.Ident)
				if ok && slices.Contains(untimely[s.imports[id.Name]], n.Sel.Name) {
					t.Errorf("%s: %s.%s; take the time as an argument", s.fset.Position(n.Pos()), id.Name, n.Sel.Name)
				}
				if n.Sel.Name == "Go" {
					t.Errorf("%s: starts a goroutine", s.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func TestNoThirdPartyTypeIsExported(t *testing.T) {
	public := []string{"wsclient", "heartbeat", "reconnect", "codec"}
	for _, s := range sources(t) {
		if !slices.Contains(public, path.Dir(s.name)) {
			continue
		}
		for _, node := range exportedTypes(s.file) {
			ast.Inspect(node, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				id, ok := sel.X.(*ast.Ident)
				if !ok {
					return true
				}
				imported := s.imports[id.Name]
				first, _, _ := strings.Cut(imported, "/")
				if ours := strings.TrimPrefix(imported, module+"/"); strings.Contains(first, ".") && !slices.Contains(public, ours) {
					t.Errorf("%s: %s.%s stands in an exported declaration", s.fset.Position(sel.Pos()), id.Name, sel.Sel.Name)
				}
				return true
			})
		}
	}
}

// exportedTypes returns the parts of a file that users can see: signatures,
// exported fields, and types and values of variables.
func exportedTypes(f *ast.File) (nodes []ast.Node) {
	ast.FileExports(f) // drops all that is not exported, and unexported fields
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			nodes = append(nodes, d.Type)
		case *ast.GenDecl:
			if d.Tok != token.IMPORT {
				nodes = append(nodes, d)
			}
		}
	}
	return nodes
}

func TestGoModRequiresLittle(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Module  struct{ Path string }
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []any
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	if mod.Module.Path != module {
		t.Errorf("the module is %s", mod.Module.Path)
	}
	for _, r := range mod.Require {
		switch {
		case r.Path == ws, r.Path == backoff, r.Path == flate, strings.HasPrefix(r.Path, "golang.org/x/"):
		case r.Indirect && r.Path == "github.com/gobwas/httphead":
		default:
			t.Errorf("go.mod requires %s; every user would get it", r.Path)
		}
	}
	if len(mod.Replace) > 0 {
		t.Error("go.mod has a replace, which does not hold for users")
	}
}

const (
	mostLines     = 300 // of a file
	mostFuncLines = 60
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > mostLines {
			t.Errorf("%s has %d lines, %d at most: it is about two things", s.name, s.lines, mostLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > mostFuncLines {
				t.Errorf("%s: %s has %d lines, %d at most", s.fset.Position(f.Pos()), f.Name.Name, n, mostFuncLines)
			}
		}
	}
}
