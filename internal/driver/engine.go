package driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// EngineVersion is the version of the Pulumi engine that hubwright is built and tested with. The module under tools/ pins the same.
const EngineVersion = "3.259.0"

// Engine is an installed Pulumi engine.
type Engine struct {
	Path    string
	Version semver.Version
	// From says how it was found: PATH, cache, fetched or built.
	From string
}

// Locator finds the engine. The zero value is right outside tests.
type Locator struct {
	// Cache is the folder in which engines are kept. Default: hubwright/engine in the user's cache folder, or $HUBWRIGHT_ENGINE_CACHE.
	Cache string
	// Tools is the folder of the module that pins the engine, for building it. Default: found from where the program was built.
	Tools string
	// Offline skips the fetch, as $HUBWRIGHT_OFFLINE does.
	Offline bool
	// Say is told of each step. Optional.
	Say func(format string, args ...any)
}

// Locate finds an engine: on PATH when its version fits, else in the cache, else fetched, else built from the pinned module. What was
// fetched or built is cached; of processes that start at once one does the work and the others wait. When all four ways fail, the error
// says why each did.
func (l Locator) Locate(ctx context.Context) (Engine, error) {
	if err := l.defaults(); err != nil {
		return Engine{}, err
	}
	want := semver.MustParse(EngineVersion)
	e, onPath := l.fromPath(ctx, want)
	if onPath == nil {
		return e, nil
	}
	home := filepath.Join(l.Cache, "v"+EngineVersion)
	bin := filepath.Join(home, "bin", "pulumi")
	if isFile(bin) {
		return Engine{bin, want, "cache"}, nil
	}
	inCache := fmt.Errorf("%s does not exist", bin)
	unlock, err := l.lock(ctx, home)
	if err != nil {
		return Engine{}, err
	}
	defer unlock()
	if isFile(bin) { // made by another process while this one waited
		return Engine{bin, want, "cache"}, nil
	}
	fetched := l.fetch(ctx, want, home)
	if fetched == nil {
		return Engine{bin, want, "fetched"}, nil
	}
	built := l.build(ctx, bin)
	if built == nil {
		return Engine{bin, want, "built"}, nil
	}
	return Engine{}, &NoEngineError{Path: onPath, Cache: inCache, Fetch: fetched, Build: built}
}

// NoEngineError says why each of the four ways to an engine failed.
type NoEngineError struct{ Path, Cache, Fetch, Build error }

func (e *NoEngineError) Error() string {
	return fmt.Sprintf("there is no Pulumi engine:\n  on PATH: %v\n  in the cache: %v\n  fetched: %v\n  built from tools/: %v", e.Path, e.Cache, e.Fetch, e.Build)
}

func (l *Locator) defaults() error {
	if l.Say == nil {
		l.Say = func(string, ...any) {}
	}
	if l.Cache == "" {
		l.Cache = os.Getenv("HUBWRIGHT_ENGINE_CACHE")
	}
	if l.Cache == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("finding a place for the engine: %w", err)
		}
		l.Cache = filepath.Join(cache, "hubwright", "engine")
	}
	if l.Tools == "" {
		l.Tools = toolsFolder()
	}
	l.Offline = l.Offline || os.Getenv("HUBWRIGHT_OFFLINE") != ""
	return nil
}

// fromPath takes the engine on PATH when it is of the same major version and not older than the one we are tested with.
func (l *Locator) fromPath(ctx context.Context, want semver.Version) (Engine, error) {
	path, err := exec.LookPath("pulumi")
	if err != nil {
		return Engine{}, errors.New("no pulumi there")
	}
	if path, err = filepath.Abs(path); err != nil {
		return Engine{}, err
	}
	said, err := l.versionOf(ctx, path)
	if err != nil {
		return Engine{}, fmt.Errorf("%s does not say its version: %w", path, err)
	}
	v, err := semver.ParseTolerant(said)
	if err != nil {
		return Engine{}, fmt.Errorf("%s says it is of version %q", path, said)
	}
	if v.Major != want.Major || v.LT(want) {
		return Engine{}, fmt.Errorf("%s is version %s; %s or a later %d.x is needed", path, v, want, want.Major)
	}
	return Engine{path, v, "PATH"}, nil
}

// fetchTimeout bounds the fetch as a whole: the archive has about 130 MB.
const fetchTimeout = 10 * time.Minute

func (l *Locator) fetch(ctx context.Context, want semver.Version, home string) error {
	if l.Offline {
		return errors.New("not tried, HUBWRIGHT_OFFLINE is set")
	}
	l.Say("engine: fetching Pulumi %s (about 130 MB, kept in %s)", want, home)
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	stop := l.tick(ctx, "engine: still fetching")
	defer stop()
	if _, err := auto.InstallPulumiCommand(ctx, &auto.PulumiCommandOptions{Version: want, Root: home}); err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		l.Say("engine: it cannot be fetched (%s)", reason)
		return errors.New(reason)
	}
	return nil
}

func (l *Locator) build(ctx context.Context, bin string) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return errors.New("there is no go on PATH")
	}
	if l.Tools == "" {
		return errors.New("the module tools/ of the hubwright repository was not found")
	}
	l.Say("engine: building Pulumi %s from the pinned module (once, 3 to 8 minutes on two cores)", EngineVersion)
	stop := l.tick(ctx, "engine: still building")
	defer stop()
	tmp := bin + ".new"
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		return err
	}
	const pkg = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
	cmd := exec.CommandContext(ctx, goTool, "build", "-ldflags",
		"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v"+EngineVersion, "-o", tmp, pkg)
	cmd.Dir = l.Tools
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build in %s: %w: %s", l.Tools, err, lastLine(string(out)))
	}
	if err := os.Rename(tmp, bin); err != nil {
		return err
	}
	l.Say("engine: built")
	return nil
}

// tick says every half minute that a long step is still at it.
func (l *Locator) tick(ctx context.Context, what string) (stop func()) {
	done := make(chan struct{})
	start := time.Now()
	go func() {
		t := time.NewTicker(30 * time.Second)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				l.Say("%s, %s so far", what, time.Since(start).Round(time.Second))
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { close(done) }
}

// lock lets one process at a time fetch or build.
func (l *Locator) lock(ctx context.Context, home string) (unlock func(), err error) {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, fmt.Errorf("making a place for the engine: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("making a place for the engine: %w", err)
	}
	said := false
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !said {
			said = true
			l.Say("engine: another process is fetching or building it; waiting")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// toolsFolder finds tools/ beside the source that this program was built from, or above the working directory.
func toolsFolder() string {
	_, file, _, ok := runtime.Caller(0)
	candidates := []string{}
	if ok && filepath.IsAbs(file) {
		candidates = append(candidates, filepath.Join(filepath.Dir(file), "..", "..", "tools"))
	}
	if wd, err := os.Getwd(); err == nil {
		for dir := wd; ; dir = filepath.Dir(dir) {
			candidates = append(candidates, filepath.Join(dir, "tools"))
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	for _, c := range candidates {
		if data, err := os.ReadFile(filepath.Join(c, "go.mod")); err == nil && strings.Contains(string(data), "github.com/pulumi/pulumi/pkg/v3 v"+EngineVersion) {
			return filepath.Clean(c)
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		return s[i+1:]
	}
	return s
}
