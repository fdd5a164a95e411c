package main

import (
	"errors"
	"fmt"
	"strings"
)

// An edit replaces a text that occurs once in a file by another.
type edit struct {
	file     string // slash-separated, from the root
	old, new string
}

// parseMutant reads a mutant: a sentence, then one or more edits.
func parseMutant(text string) (sentence string, edits []edit, err error) {
	var block *string // where lines go
	var e *edit
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		file, isFile := strings.CutPrefix(line, "file: ")
		switch {
		case isFile:
			edits = append(edits, edit{file: strings.TrimSpace(file)})
			e, block = &edits[len(edits)-1], nil
		case line == "old:" && e != nil && block == nil:
			block = &e.old
		case line == "new:" && e != nil && block == &e.old:
			block = &e.new
		case e == nil:
			sentence = strings.TrimSpace(sentence + " " + line)
		case block != nil:
			*block += line + "\n"
		case strings.TrimSpace(line) != "":
			return "", nil, fmt.Errorf("%q stands where old: is expected", line)
		}
	}
	if sentence == "" {
		return "", nil, errors.New("it does not begin with a sentence that says what it breaks")
	}
	if len(edits) == 0 {
		return "", nil, errors.New("it names no file")
	}
	for i := range edits {
		// The last line's end is the file's own affair.
		edits[i].old = strings.TrimSuffix(edits[i].old, "\n")
		edits[i].new = strings.TrimSuffix(edits[i].new, "\n")
		if edits[i].old == "" || edits[i].old == edits[i].new {
			return "", nil, fmt.Errorf("%s: the old text is empty, or the same as the new", edits[i].file)
		}
	}
	return sentence, edits, nil
}

// apply returns text after the edit.
func (e edit) apply(text string) (string, error) {
	if n := strings.Count(text, e.old); n != 1 {
		return "", fmt.Errorf("does not apply: old: occurs %d times in %s, not once", n, e.file)
	}
	return strings.Replace(text, e.old, e.new, 1), nil
}
