package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A tree is a copy of the repository to break things in.
type tree struct {
	dir     string
	timeout time.Duration
}

// copyTree copies the files of from, without .git, to a new folder.
func copyTree(from, dir string, timeout time.Duration) (*tree, error) {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.Name() == ".git":
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, rel), 0o777)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, rel), data, 0o666)
	})
	return &tree{dir, timeout}, err
}

// passing runs every test named in rows, and returns those that pass. why says
// something of a package in which one does not.
func (t *tree) passing(rows []row) (pass map[string]bool, why map[string]string, err error) {
	names := map[string][]string{} // of tests, by package
	for _, r := range rows {
		if r.test != "" && !slices.Contains(names[r.pkg], r.test) {
			names[r.pkg] = append(names[r.pkg], r.test)
		}
	}
	pass, why = map[string]bool{}, map[string]string{}
	for pkg, tests := range names {
		if err := t.compile(pkg); err != nil {
			return nil, nil, err
		}
		var top []string
		for _, name := range tests {
			name, _, _ = strings.Cut(name, "/")
			top = append(top, name)
		}
		slices.Sort(top)
		out, failed := t.test(pkg, "^("+strings.Join(slices.Compact(top), "|")+")$", len(tests), 0)
		if failed {
			why[pkg] = ": " + reason(out)
		}
		for _, name := range tests {
			pass[pkg+"."+name] = strings.Contains(out, "--- PASS: "+subtest(name)+" (")
		}
	}
	return pass, why, nil
}

// baseline checks that every test named in rows is there and passes.
func (t *tree) baseline(rows []row) error {
	pass, why, err := t.passing(rows)
	wrong := []error{err}
	for _, r := range rows {
		if err == nil && r.test != "" && !pass[r.pkg+"."+r.test] {
			wrong = append(wrong, fmt.Errorf("%s:%d: %s does not exist, or does not pass without any mutant%s", tableFile, r.line, r.name(), why[r.pkg]))
			delete(why, r.pkg)
		}
	}
	return errors.Join(wrong...)
}

// kill breaks the tree, runs the row's test, and mends the tree. reason is what
// the test said; an error means that it still passes, or could not be asked.
func (t *tree) kill(r row, edits []edit) (reason string, err error) {
	before := map[string][]byte{}
	defer func() {
		for path, data := range before {
			err = errors.Join(err, os.WriteFile(path, data, 0o666))
		}
	}()
	for _, e := range edits {
		path := filepath.Join(t.dir, filepath.FromSlash(e.file))
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if before[path] == nil {
			before[path] = data
		}
		mutated, err := e.apply(string(data))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(mutated), 0o666); err != nil {
			return "", err
		}
	}
	if err := t.compile(r.pkg); err != nil {
		return "", err
	}
	return t.verdict(r, 0)
}

// verdict runs the row's test with a woven mutant in force, or 0.
func (t *tree) verdict(r row, id int) (string, error) {
	out, failed := t.test(r.pkg, pattern(r.test), 1, id)
	switch {
	case !strings.Contains(out, "=== RUN   "+subtest(r.test)+"\n"):
		return "", fmt.Errorf("the test did not begin:\n%s", out)
	case !failed:
		return "", errors.New("SURVIVED: the test still passes")
	}
	return reason(out), nil
}

// compile makes the test binary of a package.
func (t *tree) compile(pkg string) error {
	cmd := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", t.binary(pkg), "./"+pkg)
	cmd.Dir = t.dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		_, err = os.Stat(t.binary(pkg)) // there is none without test files
	}
	if err != nil {
		return fmt.Errorf("./%s does not compile: %v\n%s", pkg, err, out)
	}
	return nil
}

func (t *tree) binary(pkg string) string {
	return t.dir + "-" + strings.ReplaceAll(pkg, "/", "-") + ".test"
}

// test runs n tests of a compiled package, with a woven mutant in force, or 0.
func (t *tree) test(pkg, pattern string, n, id int) (out string, failed bool) {
	limit := t.timeout * time.Duration(n)
	ctx, cancel := context.WithTimeout(context.Background(), limit+5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.binary(pkg), "-test.run="+pattern, "-test.v", "-test.timeout="+limit.String())
	cmd.Dir = filepath.Join(t.dir, filepath.FromSlash(pkg))
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", inForce, id))
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return b.String(), err != nil
}

// subtest is a test's name as the testing package prints it.
func subtest(name string) string { return strings.ReplaceAll(name, " ", "_") }

// pattern matches one test, or subtest, and nothing else.
func pattern(name string) string {
	parts := strings.Split(subtest(name), "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

var (
	message = regexp.MustCompile(`(?m)^\s+([a-z0-9_]+_test\.go:\d+: .+)$`)
	crash   = regexp.MustCompile(`(?m)^(?:panic|fatal error): .+$`)
)

// reason is what a failed test said, in one line.
func reason(out string) string {
	if m := crash.FindString(out); m != "" {
		return m
	}
	if m := message.FindAllStringSubmatch(out, -1); m != nil {
		return m[len(m)-1][1]
	}
	return "it says nothing"
}
