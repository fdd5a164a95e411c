package steadyws_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// watch is the program of README.md, to the letter.
func watch(ctx context.Context, url string) error {
	c, err := wsclient.Dial(ctx, url, &wsclient.Options{
		OnConnect: func(ctx context.Context, conn *wsclient.Conn) error { // first on every connection
			return conn.Send(ctx, wsclient.Text(`{"subscribe":"BTC-USD"}`))
		},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	for m, err := range c.Messages(ctx) { // a reconnect does not end the loop
		if err != nil {
			return err
		}
		fmt.Printf("session %d: %s\n", m.Session, m.Data) // a new session: there may be a gap
	}
	return nil
}

// The program of README.md, against a server that cuts the connection.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	greet := func(p *testserver.Peer) {
		m, err := p.Read()
		if err != nil {
			return
		}
		p.WriteText(fmt.Sprintf("%s on connection %d", m.Payload, p.Session()))
	}
	srv := &testserver.Server{Handler: testserver.Sessions(
		func(p *testserver.Peer) { greet(p); p.FIN() },
		func(p *testserver.Peer) { greet(p); p.Close(1008, "over") },
	)}
	if err := srv.Start(nil); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	fmt.Println(watch(ctx, srv.URL()))
	// Output:
	// session 1: {"subscribe":"BTC-USD"} on connection 1
	// session 2: {"subscribe":"BTC-USD"} on connection 2
	// wsclient: receive: client closed: connection closed by the peer: 1008 (policy violation): "over"
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeShowsTheProgramThatIsTested(t *testing.T) {
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "readme_test.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "watch" {
			code := string(source[fset.Position(f.Pos()).Offset:fset.Position(f.End()).Offset])
			if !strings.Contains(readme(t), "```go\n"+code+"\n```\n") {
				t.Errorf("README.md does not have this program:\n%s", code)
			}
		}
	}
	if n := strings.Count(readme(t), "\n"); n > 150 {
		t.Errorf("README.md has %d lines, 150 at most", n)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	example = regexp.MustCompile(`go run (\./[a-z/]+)`)
)

// TestPagesLeadSomewhere follows the links and commands of the pages, as far as
// they are about this repository.
func TestPagesLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CHANGELOG.md", "SECURITY.md", ".ci/mutants/README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
		for _, m := range example.FindAllStringSubmatch(string(text), -1) {
			if files, err := filepath.Glob(filepath.Join(m[1], "*.go")); err != nil || len(files) == 0 {
				t.Errorf("%s: there is no program in %s", page, m[1])
			}
		}
	}
}
