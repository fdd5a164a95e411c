package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A process is a program that a test has started.
type process struct {
	cmd  *exec.Cmd
	out  *transcript // standard output and error
	done chan struct{}
}

// launch starts a program; files become its descriptors from 3 on.
func launch(name string, args, env []string, files ...*os.File) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), out: newTranscript(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.ExtraFiles = files
	p.cmd.SysProcAttr = endsWithTheTest
	// A grandchild that outlives its parent holds the output open.
	p.cmd.WaitDelay = 3 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// kill ends the process as a crash does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end, so that it ends its children too.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
		p.kill()
	}
}

// program returns where a program is, or "". That of Debian goes first: it is
// the one whose libraries the package manager installs.
func program(name string) string {
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
		if path := filepath.Join(dir, name); isFile(path) {
			return path
		}
	}
	path, _ := exec.LookPath(name)
	return path
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
