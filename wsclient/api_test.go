package wsclient_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/api.txt")

// TestAPI compares what the packages export with testdata/api.txt, and that file
// with CHANGELOG.md: whoever changes the API says so to its users.
func TestAPI(t *testing.T) {
	const golden = "testdata/api.txt"
	var b strings.Builder
	for _, dir := range []string{"wsclient", "heartbeat", "reconnect", "codec"} {
		fmt.Fprintf(&b, "package %s\n\n%s\n", dir, strings.Join(exported(t, filepath.Join("..", dir)), ""))
	}
	got := b.String()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the API has changed: %s\nIf it is meant to, run go test ./wsclient -run TestAPI -update", firstDifference(string(want), got))
	}
	changelog, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("API: %x", sha256.Sum256(want))[:len("API: ")+12]
	sections := strings.SplitN(string(changelog), "\n## ", 3)
	if len(sections) < 2 || !strings.Contains(sections[1], line) {
		t.Errorf("say what has changed in the topmost section of CHANGELOG.md, and make its last line %q", line)
	}
}

// firstDifference shows the first lines that are not the same.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d was %q and is %q", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines became %d", len(w), len(g))
}

// exported returns the exported declarations of a package, without comments and
// bodies, sorted.
func exported(t *testing.T, dir string) (decls []string) {
	t.Helper()
	// One platform's files, always the same one's: the API is the same on all.
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "linux", "amd64", false, nil
	pkg, err := ctx.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, pkg.Name)
	if err != nil {
		t.Fatal(err)
	}
	add := func(node ast.Node) { decls = append(decls, declaration(t, fset, node)) }
	values := func(list ...*doc.Value) {
		for _, v := range list {
			add(v.Decl)
		}
	}
	funcs := func(list ...*doc.Func) {
		for _, f := range list {
			add(f.Decl)
		}
	}
	values(d.Consts...)
	values(d.Vars...)
	funcs(d.Funcs...)
	for _, typ := range d.Types {
		add(typ.Decl)
		values(typ.Consts...)
		values(typ.Vars...)
		funcs(typ.Funcs...)
		funcs(typ.Methods...)
	}
	slices.Sort(decls)
	return decls
}

// declaration prints a declaration, without what may change freely.
func declaration(t *testing.T, fset *token.FileSet, node ast.Node) string {
	t.Helper()
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			n.Doc, n.Body = nil, nil
		case *ast.GenDecl:
			n.Doc = nil
			if n.Tok == token.VAR {
				for _, s := range n.Specs {
					if v := s.(*ast.ValueSpec); v.Type != nil {
						v.Values = nil
					}
				}
			}
		case *ast.TypeSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.ValueSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.Field:
			n.Doc, n.Comment = nil, nil
		}
		return true
	})
	var b bytes.Buffer
	c := printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 8}
	if err := c.Fprint(&b, fset, node); err != nil {
		t.Fatal(err)
	}
	// Alignment depends on comments and blank lines: leave it out.
	var lines []string
	for line := range strings.Lines(b.String()) {
		indent := line[:len(line)-len(strings.TrimLeft(line, "\t"))]
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, indent+strings.Join(fields, " "))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
