package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	const head = "| promise | test | mutant |\n|---|---|---|\n"
	for name, c := range map[string]struct {
		text string
		want []row
		bad  string
	}{
		"a row": {text: head + "| p \\| q | `wsclient.TestX` | `m` |\n",
			want: []row{{3, "p | q", "wsclient", "TestX", "m"}}},
		"a subtest in a deep folder":   {text: head + "| p | internal/wire.TestX/a b | |\n", want: []row{{3, "p", "internal/wire", "TestX/a b", ""}}},
		"the root folder":              {text: head + "| p | steadyws.TestX | |\n", want: []row{{3, "p", ".", "TestX", ""}}},
		"an open promise":              {text: head + "| p | | |\n", want: []row{{3, "p", "", "", ""}}},
		"two tables":                   {text: head + "| p | | |\n\n" + head + "| q | | |\n", want: []row{{3, "p", "", "", ""}, {7, "q", "", "", ""}}},
		"no table":                     {text: "promises\n", bad: "no table"},
		"a mutant without a test":      {text: head + "| p | | m |\n", bad: "has no test"},
		"a test that is none":          {text: head + "| p | wsclient.X | |\n", bad: "folder.TestName"},
		"a row with one cell too many": {text: head + "| p | | | |\n", bad: "4 cells"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := parseTable(c.text)
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Fatalf("error %v, want one with %q", err, c.bad)
				}
				return
			}
			if err != nil || len(rows) != len(c.want) {
				t.Fatal(rows, err)
			}
			for i := range rows {
				if rows[i] != c.want[i] {
					t.Errorf("%+v, want %+v", rows[i], c.want[i])
				}
			}
		})
	}
}

func TestMatch(t *testing.T) {
	rows := []row{{line: 3, mutant: "a"}, {line: 4, mutant: "b"}, {line: 5, mutant: "b"}}
	err := match(rows, []string{"x/b.mutant", "x/c.mutant"})
	for _, want := range []string{"no .ci/mutants/a.mutant", "b stands in line 4 already", "c.mutant: no promise"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestMutantFormat(t *testing.T) {
	_, edits, err := parseMutant("It adds\nwrongly.\nfile: a.go\nold:\n\ta + b\n\tc\nnew:\n\ta - b\n\nfile: b.go\nold:\nx\nnew:\n")
	if err != nil || len(edits) != 2 || edits[0] != (edit{"a.go", "\ta + b\n\tc", "\ta - b\n"}) || edits[1] != (edit{"b.go", "x", ""}) {
		t.Fatalf("%+v %v", edits, err)
	}
	for _, bad := range []string{"", "says.\n", "file: a\nold:\nx\nnew:\ny\n", "says.\nfile: a\nx\n", "says.\nfile: a\nold:\nx\nnew:\nx\n"} {
		if _, _, err := parseMutant(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
	if _, err := edits[1].apply("x x"); err == nil {
		t.Error("applied to a text that occurs twice")
	}
	if _, err := edits[1].apply("y"); err == nil {
		t.Error("applied to a text that does not occur")
	}
}

// TestVerdicts plays every way a mutant can fare on a module of its own.
func TestVerdicts(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
	write("go.mod", "module example.com/m\n\ngo 1.26\n")
	write("sum/sum.go", "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int { return a + b + none }\n\nconst none = 0\n")
	write("sum/sum_test.go", `package sum
import "testing"
func TestSum(t *testing.T) { t.Run("of two", func(t *testing.T) { if s := Sum(1, 2); s != 3 { t.Errorf("sum is %d", s) } }) }
func TestFails(t *testing.T) { t.Error("always") }
func TestSkips(t *testing.T) { t.Skip() }
`)
	change := func(name, to string) {
		write(".ci/mutants/"+name+".mutant", "Broken.\nfile: sum/sum.go\nold:\na + b\nnew:\n"+to+"\n")
	}
	change("killed", "a - b")
	change("survives", "b + a")
	change("broken", "a + c")
	change("hangs", "func() int { select {} }()")
	write(".ci/mutants/stale.mutant", "Broken.\nfile: sum/sum.go\nold:\na * b\nnew:\n0\n")
	// A constant cannot be woven.
	write(".ci/mutants/constant.mutant", "Broken.\nfile: sum/sum.go\nold:\nnone = 0\nnew:\nnone = 1\n")
	const timeout = 2 * time.Second
	dir := t.TempDir()
	shared, err := copyTree(".", filepath.Join(dir, "shared"), timeout)
	if err != nil {
		t.Fatal(err)
	}
	own, err := copyTree(".", filepath.Join(dir, "own"), timeout)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, test, want string }{ // part of the reason, or of the error after a !
		{"killed", "TestSum/of two", "sum is -1"},
		{"survives", "TestSum", "!SURVIVED"},
		{"broken", "TestSum", "!does not compile"},
		{"stale", "TestSum", "!occurs 0 times"},
		{"hangs", "TestSum", "panic: test timed out"},
		{"constant", "TestSum", "sum is 4"},
	}
	var mutants []*mutant
	for i, c := range cases {
		mutants = append(mutants, read(own.dir, i+1, row{pkg: "sum", test: c.test, mutant: c.name}))
	}
	if err := shared.weave(own.dir, mutants); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		for _, weave := range []bool{true, false} {
			m := mutants[i]
			if weave && (c.name == "constant") == m.weave && m.err == nil {
				t.Errorf("%s is woven: %v", c.name, m.weave)
			}
			if !weave {
				m = read(own.dir, i+1, m.row)
				m.weave = false
			}
			reason, err := m.try(own, shared)
			if part, bad := strings.CutPrefix(c.want, "!"); bad != (err != nil) {
				t.Errorf("%s: %q %v, want %q", c.name, reason, err, c.want)
			} else if bad && !strings.Contains(err.Error(), part) || !bad && !strings.Contains(reason, part) {
				t.Errorf("%s: %q %v, want %q", c.name, reason, err, part)
			}
		}
	}
	if err := own.baseline([]row{{pkg: "sum", test: "TestSum/of two"}}); err != nil {
		t.Errorf("the tree was not mended: %v", err)
	}
	for _, name := range []string{"TestFails", "TestSkips", "TestNone", "TestSum/of three"} {
		if err := own.baseline([]row{{pkg: "sum", test: "TestSum"}, {pkg: "sum", test: name}}); err == nil {
			t.Errorf("the baseline takes %s", name)
		}
	}
}

// TestWeave has functions of every form.
func TestWeave(t *testing.T) {
	const before = `//go:build linux

package p

import (
	"fmt"
	other "math/rand/v2"
	"os"
)

type T[A any] struct{ a A }

func (*T[A]) m(_ int, _ string, more ...A) (n int, err error) { return fmt.Println("m") }
func plain(int, string)                                                { fmt.Println(other.Int(), "plain") }
func same()                                                { os.Exit(0) }
`
	calls, pkg, file, ok := weaveFile(7, before, strings.NewReplacer(`"m"`, `"M"`, `"plain"`, `"PLAIN"`).Replace(before))
	if !ok || pkg != "p" {
		t.Fatal(calls, pkg, file, ok)
	}
	for _, want := range []string{"//go:build linux", "func (*T[A]) mutant7_m(_ int, _ string, more ...A)", `"M"`, "func mutant7_plain(int, string)", `import other "math/rand/v2"`} {
		if !strings.Contains(file, want) {
			t.Errorf("the new file lacks %s:\n%s", want, file)
		}
	}
	if strings.Contains(file, "same") || strings.Contains(file, `"os"`) {
		t.Errorf("the new file has too much:\n%s", file)
	}
	text := spliced(before, append(calls, calls...))
	for _, want := range []string{
		"func (mutantArg0 *T[A]) m(mutantArg1 int, mutantArg2 string, more ...A) (n int, err error) {" +
			" if mutantInForce == 7 { return mutantArg0.mutant7_m(mutantArg1, mutantArg2, more...) };",
		"{ if mutantInForce == 7 { mutant7_plain(mutantArg0, mutantArg1); return };",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the original lacks %s:\n%s", want, text)
		}
	}
	for name, after := range map[string]string{
		"a type":        strings.Replace(before, "a A", "b A", 1),
		"a signature":   strings.Replace(before, "plain(int", "plain(uint", 1),
		"a new one":     before + "func more() {}\n",
		"what is no Go": before + "func\n",
	} {
		if _, _, _, ok := weaveFile(7, before, after); ok {
			t.Errorf("a file is woven that differs in %s", name)
		}
	}
}
