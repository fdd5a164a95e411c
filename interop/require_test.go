package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const requireVariable = "STEADYWS_REQUIRE"

// installed says of each program that may be missing what is missing of it, or "".
var installed = map[string]func() string{
	"node":              sync.OnceValue(missingNode),
	"python-websockets": sync.OnceValue(func() string { return missingPython("websockets") }),
	"python-aiohttp":    sync.OnceValue(func() string { return missingPython("aiohttp") }),
	"nginx":             sync.OnceValue(func() string { return missingProgram("nginx") }),
	"haproxy":           sync.OnceValue(func() string { return missingProgram("haproxy") }),
	"squid":             sync.OnceValue(func() string { return missingProgram("squid") }),
	"tinyproxy":         sync.OnceValue(func() string { return missingProgram("tinyproxy") }),
	"microsocks":        sync.OnceValue(func() string { return missingProgram("microsocks") }),
	"dante":             sync.OnceValue(func() string { return missingProgram("danted") }),
}

// need skips the test if the program is missing, or fails it if
// STEADYWS_REQUIRE has its name.
func need(t *testing.T, name string) {
	t.Helper()
	missing := installed[name]()
	switch {
	case missing == "":
	case slices.Contains(required(), name):
		t.Fatalf("%s: %s; %s has it", name, missing, requireVariable)
	default:
		t.Skipf("%s: %s; see interop/install", name, missing)
	}
}

func required() []string {
	return strings.FieldsFunc(os.Getenv(requireVariable), func(r rune) bool { return r == ',' || r == ' ' })
}

// A name that is spelled wrong would require nothing.
func TestRequiredNamesAreKnown(t *testing.T) {
	for _, name := range required() {
		if installed[name] == nil {
			t.Errorf("%s has %q, which is no server of these tests", requireVariable, name)
		}
	}
}

func missingProgram(name string) string {
	if program(name) == "" {
		return "there is no program " + name
	}
	return ""
}

// missingNode looks for the version of ws that the lock file names: one that was
// installed for an older lock file is not what the tests are about.
func missingNode() string {
	if missing := missingProgram("node"); missing != "" {
		return missing
	}
	want, err := os.ReadFile(filepath.Join("node", "package-lock.json"))
	if err != nil {
		return err.Error()
	}
	have, err := os.ReadFile(filepath.Join("node", "node_modules", "installed.json"))
	if err != nil || string(have) != string(want) {
		return "the packages of interop/node are not installed"
	}
	return ""
}

func missingPython(module string) string {
	if missing := missingProgram("python3"); missing != "" {
		return missing
	}
	look := fmt.Sprintf("import importlib.util, sys; sys.exit(importlib.util.find_spec(%q) is None)", module)
	if err := exec.Command(program("python3"), "-c", look).Run(); err != nil {
		return "python3 has no module " + module
	}
	return ""
}
