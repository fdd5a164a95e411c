// Mutants checks that the tests named in docs/promises.md fail when what they
// promise is broken. README.md in this folder says how.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	tableFile = "docs/promises.md"
	folder    = ".ci/mutants"
)

func main() {
	only := flag.String("only", "", "try only the mutant of this `name`")
	timeout := flag.Duration("timeout", 20*time.Second, "of one run of a test")
	workers := flag.Int("workers", 2, "copies of the tree that are worked in at a time")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: .ci/mutants/run [-only name] [-timeout d] [-workers n], in the repository's root")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*only, *timeout, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run does it all; its error says why the check has failed.
func run(only string, timeout time.Duration, workers int) error {
	text, err := os.ReadFile(tableFile)
	if err != nil {
		return err
	}
	rows, err := parseTable(string(text))
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.mutant"))
	if err != nil {
		return err
	}
	if err := match(rows, files); err != nil {
		return err
	}
	todo := rows
	if only != "" {
		if todo = pick(rows, only); len(todo) == 0 {
			return fmt.Errorf("%s names no mutant %q", tableFile, only)
		}
	}
	bad, err := try(todo, timeout, workers)
	if err != nil {
		return err
	}
	fmt.Println(summary(todo))
	if bad > 0 {
		return fmt.Errorf("%d of the mutants were not killed", bad)
	}
	return nil
}

func pick(rows []row, only string) (picked []row) {
	for _, r := range rows {
		if r.mutant == only {
			picked = append(picked, r)
		}
	}
	return picked
}

// A mutant is what a row's file says.
type mutant struct {
	row   row
	edits []edit
	woven woven
	weave bool  // it is woven
	err   error // why it cannot be tried
}

func read(dir string, id int, r row) *mutant {
	m := &mutant{row: r}
	text, err := os.ReadFile(filepath.Join(folder, r.mutant+".mutant"))
	if err == nil {
		_, m.edits, err = parseMutant(string(text))
	}
	if err == nil {
		m.woven, m.weave, err = weave(dir, id, m.edits)
	}
	m.err = err
	return m
}

// try runs the named tests on the tree as it is, then each mutant against its
// own, and returns how many were not killed.
func try(rows []row, timeout time.Duration, workers int) (bad int, err error) {
	temp, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(temp)
	// One tree for what is woven, and one for each worker to break.
	trees := make([]*tree, 1+max(1, workers))
	for i := range trees {
		if trees[i], err = copyTree(".", filepath.Join(temp, fmt.Sprint(i)), timeout); err != nil {
			return 0, err
		}
	}
	var mutants []*mutant
	for _, r := range rows {
		if r.mutant != "" {
			mutants = append(mutants, read(trees[1].dir, len(mutants)+1, r))
		}
	}
	base := make(chan error, 1)
	go func() { base <- trees[1].baseline(rows) }()
	wovenErr := trees[0].weave(trees[1].dir, mutants)
	if err := <-base; err != nil {
		return 0, err
	}
	if wovenErr != nil {
		return 0, wovenErr
	}
	jobs := make(chan *mutant)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, t := range trees[1:] {
		wg.Go(func() {
			for m := range jobs {
				start := time.Now()
				reason, err := m.try(t, trees[0])
				mu.Lock()
				bad += report(m.row, time.Since(start), reason, err)
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		jobs <- m
	}
	close(jobs)
	wg.Wait()
	return bad, nil
}

// try lets m's test judge it, in its own tree or in the one that all share.
func (m *mutant) try(own, shared *tree) (reason string, err error) {
	switch {
	case m.err != nil:
		return "", m.err
	case m.weave:
		return shared.verdict(m.row, m.woven.id)
	}
	return own.kill(m.row, m.edits)
}

// report prints a verdict and returns how many mutants it is bad for.
func report(r row, d time.Duration, reason string, err error) (bad int) {
	verdict := "killed"
	if err != nil {
		verdict, reason, bad = "FAILED", err.Error(), 1
	}
	fmt.Printf("%s %5.1fs  %-28s %s\n        %s\n", verdict, d.Seconds(), r.mutant, r.name(), reason)
	return bad
}
