package driver

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// leastBinary is how large a file is that is the engine itself, in bytes. What is smaller is a script that may start one engine today and another
// tomorrow.
const leastBinary = 1 << 20

// remembered is what an engine said of its version, and the file that said it.
type remembered struct {
	Path    string
	Size    int64
	ModTime time.Time
	Version string
}

// versionOf asks an engine for its version. To start it takes a third of a preview, so what it says is remembered for as long as its file is the same.
func (l *Locator) versionOf(ctx context.Context, path string) (string, error) {
	memory := filepath.Join(l.Cache, "on-path.json")
	this := remembered{Path: path}
	if info, err := os.Stat(path); err == nil {
		this.Size, this.ModTime = info.Size(), info.ModTime().UTC()
	}
	if data, err := os.ReadFile(memory); err == nil {
		var was remembered
		if json.Unmarshal(data, &was) == nil && was.Version != "" && was.Path == this.Path && was.Size == this.Size && was.ModTime.Equal(this.ModTime) {
			return was.Version, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.WaitDelay = time.Second // what it has started may live on and hold the pipe
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	this.Version = strings.TrimSpace(string(out))
	if this.Size >= leastBinary {
		if data, err := json.Marshal(this); err == nil && os.MkdirAll(l.Cache, 0o755) == nil {
			_ = os.WriteFile(memory, data, 0o600) // without it the engine is asked again
		}
	}
	return this.Version, nil
}
