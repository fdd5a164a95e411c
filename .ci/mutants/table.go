package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// A row is one line of the table of promises.
type row struct {
	line    int
	promise string
	pkg     string // folder, such as "wsclient"; "." is the root
	test    string // with its subtests, such as "TestVerdict/late"; "": open
	mutant  string // "": none
}

// name is the row's test as the table has it.
func (r row) name() string {
	if r.pkg == "." {
		return rootPackage + "." + r.test
	}
	return r.pkg + "." + r.test
}

// rootPackage is what the table calls the tests in the root folder.
const rootPackage = "steadyws"

var testName = regexp.MustCompile(`^([a-z0-9_/]+)\.((?:Test|Fuzz|Example)[A-Za-z0-9_]*(?:/.+)?)$`)

// parseTable returns the rows of all tables in a Markdown text; each line of a
// table has three cells, the first two of a table are its head.
func parseTable(text string) (rows []row, err error) {
	var wrong []error
	inTable := 0
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			inTable = 0
			continue
		}
		if inTable++; inTable <= 2 {
			continue
		}
		r, err := parseRow(line)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", tableFile, i+1, err))
			continue
		}
		r.line = i + 1
		rows = append(rows, r)
	}
	if len(rows) == 0 && len(wrong) == 0 {
		wrong = append(wrong, fmt.Errorf("%s has no table of promises", tableFile))
	}
	return rows, errors.Join(wrong...)
}

func parseRow(line string) (r row, err error) {
	const bar = "\x00"
	line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, bar)
	cells := strings.Split(strings.Trim(line, "|"), "|")
	if len(cells) != 3 {
		return r, fmt.Errorf("%d cells, not promise | test | mutant", len(cells))
	}
	for i, c := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(c, bar, "|"))
	}
	r.promise, r.mutant = cells[0], strings.Trim(cells[2], "`")
	if r.promise == "" {
		return r, errors.New("no promise")
	}
	switch m := testName.FindStringSubmatch(strings.Trim(cells[1], "`")); {
	case m != nil:
		r.pkg, r.test = m[1], m[2]
		if r.pkg == rootPackage {
			r.pkg = "."
		}
	case cells[1] != "":
		return r, fmt.Errorf("%q is not folder.TestName", cells[1])
	case r.mutant != "":
		return r, fmt.Errorf("mutant %s has no test", r.mutant)
	}
	return r, nil
}

// match checks that the mutants of the table and of the folder are the same.
func match(rows []row, files []string) error {
	var wrong []error
	line := map[string]int{}
	for _, r := range rows {
		if r.mutant == "" {
			continue
		}
		if at := line[r.mutant]; at != 0 {
			wrong = append(wrong, fmt.Errorf("%s:%d: mutant %s stands in line %d already", tableFile, r.line, r.mutant, at))
		}
		line[r.mutant] = r.line
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".mutant")
		if line[name] == 0 {
			wrong = append(wrong, fmt.Errorf("%s: no promise in %s has this mutant", f, tableFile))
		}
		delete(line, name)
	}
	for name, at := range line {
		wrong = append(wrong, fmt.Errorf("%s:%d: there is no %s/%s.mutant", tableFile, at, folder, name))
	}
	return errors.Join(wrong...)
}

// summary counts rows.
func summary(rows []row) string {
	var mutants, tests, open int
	for _, r := range rows {
		switch {
		case r.mutant != "":
			mutants++
		case r.test != "":
			tests++
		default:
			open++
		}
	}
	return fmt.Sprintf("%d promises: %d with a test and a mutant, %d with a test, %d open", len(rows), mutants, tests, open)
}
