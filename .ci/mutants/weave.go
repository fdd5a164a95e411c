package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Most mutants change the body of a function or two. They are woven into one
// program: each changed function is added under a name of its own, and the
// original begins by asking whether a mutant is in force. So all of them are
// compiled at once, and each is tried in the time that its test takes.

// inForce is the variable that says which; the environment variable has its name.
const inForce = "mutantInForce"

// A woven mutant is what it adds to the program.
type woven struct {
	id       int                 // from 1
	calls    map[string][]splice // by file: where the originals ask for it
	files    map[string]string   // new files
	packages map[string]string   // names of their packages, by folder
}

// A splice replaces cut bytes of a text at an offset.
type splice struct {
	at, cut int
	text    string
}

// weave returns what the mutant adds to the sources below dir. ok: it is one
// that can be woven.
func weave(dir string, id int, edits []edit) (w woven, ok bool, err error) {
	before, after := map[string]string{}, map[string]string{}
	for _, e := range edits {
		if _, seen := after[e.file]; !seen {
			data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(e.file)))
			if err != nil {
				return w, false, err
			}
			before[e.file], after[e.file] = string(data), string(data)
		}
		if after[e.file], err = e.apply(after[e.file]); err != nil {
			return w, false, err
		}
	}
	w = woven{id, map[string][]splice{}, map[string]string{}, map[string]string{}}
	for name := range after {
		calls, pkg, file, ok := weaveFile(id, before[name], after[name])
		if !ok || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return w, false, nil
		}
		w.calls[name], w.packages[path.Dir(name)] = calls, pkg
		// The original's name at the end keeps what it says about platforms.
		w.files[path.Join(path.Dir(name), fmt.Sprintf("mutant%d_%s", id, path.Base(name)))] = file
	}
	return w, true, nil
}

// weaveFile compares two versions of a file that differ in the bodies of
// functions, and perhaps in imports; ok is false if they differ in more.
func weaveFile(id int, before, after string) (calls []splice, pkg, file string, ok bool) {
	fset := token.NewFileSet()
	old, err1 := parser.ParseFile(fset, "", before, parser.ParseComments|parser.SkipObjectResolution)
	mut, err2 := parser.ParseFile(fset, "", after, parser.ParseComments|parser.SkipObjectResolution)
	if err1 != nil || err2 != nil || len(old.Decls) != len(mut.Decls) {
		return nil, "", "", false
	}
	text := func(src string, from, to token.Pos) string {
		return src[fset.Position(from).Offset:fset.Position(to).Offset]
	}
	var funcs strings.Builder
	used := map[string]bool{}
	for i, d := range mut.Decls {
		was, is := text(before, old.Decls[i].Pos(), old.Decls[i].End()), text(after, d.Pos(), d.End())
		if g, isGen := d.(*ast.GenDecl); was == is || isGen && g.Tok == token.IMPORT {
			continue
		}
		f, isFunc := d.(*ast.FuncDecl)
		o, wasFunc := old.Decls[i].(*ast.FuncDecl)
		if !isFunc || !wasFunc || f.Type.TypeParams != nil || text(before, o.Pos(), o.Body.Pos()) != text(after, f.Pos(), f.Body.Pos()) {
			return nil, "", "", false
		}
		name := fmt.Sprintf("mutant%d_%s", id, f.Name.Name)
		calls = append(calls, call(fset, o, name, id)...)
		fmt.Fprintf(&funcs, "\n%s%s%s\n", text(after, f.Pos(), f.Name.Pos()), name, text(after, f.Name.End(), f.End()))
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok { // a field may be called as a package
				if id, ok := sel.X.(*ast.Ident); ok {
					used[id.Name] = true
				}
			}
			return true
		})
	}
	var head strings.Builder
	if at := strings.Index(after, "//go:build "); at >= 0 && at < int(fset.Position(mut.Package).Offset) {
		line, _, _ := strings.Cut(after[at:], "\n")
		head.WriteString(line + "\n\n")
	}
	fmt.Fprintf(&head, "package %s\n\n", mut.Name.Name)
	for _, spec := range mut.Imports {
		if used[localName(spec)] {
			fmt.Fprintf(&head, "import %s\n", text(after, spec.Pos(), spec.End()))
		}
	}
	return calls, mut.Name.Name, head.String() + funcs.String(), len(calls) > 0
}

var major = regexp.MustCompile(`/v[0-9]+$`)

// localName is the name that an import has in its file.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	imported, _ := strconv.Unquote(spec.Path.Value)
	return path.Base(major.ReplaceAllString(imported, ""))
}

// call makes f begin with a call of its mutant, and names its parameters for it.
func call(fset *token.FileSet, f *ast.FuncDecl, mutant string, id int) (splices []splice) {
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	var names []string
	fields := f.Type.Params.List
	if f.Recv != nil {
		fields = append(slices.Clone(f.Recv.List), fields...)
	}
	for _, field := range fields {
		if field.Names == nil {
			names = append(names, fmt.Sprintf("mutantArg%d", len(names)))
			splices = append(splices, splice{offset(field.Type.Pos()), 0, names[len(names)-1] + " "})
		}
		for _, id := range field.Names {
			names = append(names, id.Name)
			if id.Name == "_" {
				names[len(names)-1] = fmt.Sprintf("mutantArg%d", len(names)-1)
				splices = append(splices, splice{offset(id.Pos()), 1, names[len(names)-1]})
			}
		}
		if _, variadic := field.Type.(*ast.Ellipsis); variadic {
			names[len(names)-1] += "..."
		}
	}
	if f.Recv != nil {
		mutant, names = names[0]+"."+mutant, names[1:]
	}
	form := " if %s == %d { %s(%s); return };"
	if f.Type.Results != nil {
		form = " if %s == %d { return %s(%s) };"
	}
	return append(splices, splice{offset(f.Body.Lbrace) + 1, 0, fmt.Sprintf(form, inForce, id, mutant, strings.Join(names, ", "))})
}

// weave compiles the tree with all mutants that can be woven. plain is a copy of
// it in which nothing was changed. Where a test fails that is none of a
// mutant's doing, its mutants are not woven.
func (t *tree) weave(plain string, mutants []*mutant) error {
	for {
		var ws []woven
		var rows []row
		for _, m := range mutants {
			if m.err == nil && m.weave {
				ws, rows = append(ws, m.woven), append(rows, m.row)
			}
		}
		if len(ws) == 0 {
			return nil
		}
		if err := t.add(plain, ws); err != nil {
			return err
		}
		pass, _, err := t.passing(rows)
		if err == nil {
			for _, m := range mutants {
				m.weave = m.weave && pass[m.row.pkg+"."+m.row.test]
			}
			return nil
		}
		// The compiler names the files of those that are to blame.
		blamed := false
		for _, m := range mutants {
			if m.err == nil && m.weave && strings.Contains(err.Error(), fmt.Sprintf("mutant%d_", m.woven.id)) {
				m.err, blamed = fmt.Errorf("does not compile: %w", err), true
				for name := range m.woven.files {
					os.Remove(filepath.Join(t.dir, name))
				}
			}
		}
		if !blamed {
			return err
		}
	}
}

// add writes the mutants into the tree, whose files are as in plain.
func (t *tree) add(plain string, mutants []woven) error {
	splices := map[string][]splice{}
	packages := map[string]string{}
	for _, w := range mutants {
		for name, text := range w.files {
			if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o666); err != nil {
				return err
			}
		}
		for name, calls := range w.calls {
			splices[name] = append(splices[name], calls...)
		}
		maps.Copy(packages, w.packages)
	}
	for name, list := range splices {
		data, err := os.ReadFile(filepath.Join(plain, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(t.dir, name), []byte(spliced(string(data), list)), 0o666); err != nil {
			return err
		}
	}
	for dir, name := range packages {
		text := fmt.Sprintf("package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar %s, _ = strconv.Atoi(os.Getenv(%q))\n", name, inForce, inForce)
		if err := os.WriteFile(filepath.Join(t.dir, dir, "mutants.go"), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// spliced applies splices to a text. Those of the same place that cut, or name a
// parameter, are the same for every mutant of a function, and are done once.
func spliced(text string, list []splice) string {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b splice) int { return cmp.Compare(a.at, b.at) })
	list = slices.Compact(list)
	var b strings.Builder
	at := 0
	for _, s := range list {
		b.WriteString(text[at:s.at] + s.text)
		at = s.at + s.cut
	}
	return b.String() + text[at:]
}
