package dockerd

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/hubwright/hubwright/internal/needs"
)

// engine is a daemon, when there is one.
func engine(t *testing.T) *Engine {
	t.Helper()
	e, err := Connect(t.Context())
	if err != nil {
		needs.Skip(t, "no Docker daemon: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func contextOf(files map[string]string) func(context.Context, io.Writer) error {
	return func(_ context.Context, to io.Writer) error {
		w := tar.NewWriter(to)
		for name, text := range files {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
				return err
			}
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		return w.Close()
	}
}

func TestBuildWithADaemon(t *testing.T) {
	e := engine(t)
	var names, failed []string
	steps := func(s Step) {
		switch s.What {
		case Done, Cached:
			names = append(names, s.Name)
		case Failed:
			failed = append(failed, s.Name+": "+s.Line)
		}
	}
	files := map[string]string{"Dockerfile": "ARG BASE=scratch\nFROM ${BASE}\nCOPY a /a\n", "a": t.Name()}
	b := Build{Context: contextOf(files), Dockerfile: "Dockerfile", Platform: "linux/amd64", Tag: "hubwright.test/built:h1-a"}
	id, err := e.Build(t.Context(), b, steps)
	if err != nil || !strings.HasPrefix(id, "sha256:") || !strings.Contains(strings.Join(names, "\n"), "COPY a /a") {
		t.Fatalf("%s, %v, %q", id, err, names)
	}
	t.Cleanup(func() {
		_, _ = e.client.ImageRemove(context.Background(), b.Tag, client.ImageRemoveOptions{Force: true})
	})
	again, err := e.Build(t.Context(), b, steps)
	if err != nil || again != id {
		t.Errorf("built again it is %s, %v, not %s", again, err, id)
	}

	wrong := b
	wrong.Context = contextOf(map[string]string{"Dockerfile": "FROM scratch\nCOPY none /none\n"})
	if _, err := e.Build(t.Context(), wrong, steps); err == nil || len(failed) == 0 {
		t.Errorf("a build that cannot be: %v, %q", err, failed)
	}
	broken := errors.New("the disk is gone")
	wrong.Context = func(context.Context, io.Writer) error { return broken }
	if _, err := e.Build(t.Context(), wrong, steps); !errors.Is(err, broken) {
		t.Errorf("a context that cannot be read: %v", err)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	wrong.Context = func(ctx context.Context, _ io.Writer) error {
		cancel(stopped)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	begun := time.Now()
	if _, err := e.Build(ctx, wrong, steps); !errors.Is(err, stopped) || time.Since(begun) > 3*time.Second {
		t.Errorf("a build that is stopped: %v after %s", err, time.Since(begun))
	}
}

// A command runs in an image, and is ended with its context.
func TestRunWithADaemon(t *testing.T) {
	e := engine(t)
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program+".go", []byte(`package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		time.Sleep(time.Minute)
	}
	fmt.Println("out")
	fmt.Fprintln(os.Stderr, "err")
	os.Exit(7)
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	compile := exec.CommandContext(t.Context(), "go", "build", "-o", program, program+".go")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	const tag = "hubwright.test/run:h1-a"
	build := Build{
		Context:    contextOf(map[string]string{"Dockerfile": "FROM scratch\nCOPY --chmod=755 program /program\n", "program": string(binary)}),
		Dockerfile: "Dockerfile", Platform: "linux/amd64", Tag: tag,
	}
	if _, err := e.Build(t.Context(), build, func(Step) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = e.client.ImageRemove(context.Background(), tag, client.ImageRemoveOptions{Force: true}) })
	code, output, err := e.Run(t.Context(), tag, []string{"/program"})
	if err != nil || code != 7 || !strings.Contains(output, "out") || !strings.Contains(output, "err") {
		t.Errorf("%d, %q, %v", code, output, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, _, err := e.Run(ctx, tag, []string{"/program", "sleep"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
	left, err := e.client.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("ancestor", tag)})
	if err != nil || len(left.Items) > 0 {
		t.Errorf("containers are left: %v, %v", left, err)
	}
}

func TestNoDaemon(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/none.sock")
	if _, err := Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer at unix:///") {
		t.Error(err)
	}
}

func TestPlatform(t *testing.T) {
	for text, want := range map[string]string{"linux/amd64": "linux amd64 ", "linux/arm/v7": "linux arm v7", "linux": "", "linux//v7": "", "a/b/c/d": ""} {
		p, err := platformOf(text)
		if got := p.OS + " " + p.Architecture + " " + p.Variant; err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}
