package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Lock is who holds a stack of a file backend.
type Lock struct {
	Holder string
	PID    int
	Since  string
	Host   string
	Dead   bool // the process was of this machine and is gone
}

// String says who holds the stack and since when.
func (l *Lock) String() string {
	return fmt.Sprintf("%s (process %d) has held it since %s", l.Holder, l.PID, l.Since)
}

// Locked asks who holds the stack; nil means nobody does. It writes the state back as it is, which needs the lock.
func (d *Driver) Locked(ctx context.Context, env string) (*Lock, error) {
	err := d.edit(ctx, env, func(*apitype.DeploymentV3) error { return nil })
	var known *Error
	if !errors.As(err, &known) || known.Kind != Busy {
		return nil, err
	}
	l := &Lock{Holder: "somebody else"}
	if m := lockHolder.FindStringSubmatch(d.cmd.last.stderr); m != nil {
		l.Holder, l.Since = m[1], m[3]
		l.PID, _ = strconv.Atoi(m[2])
		_, l.Host, _ = strings.Cut(m[1], "@")
		host, err := os.Hostname()
		l.Dead = err == nil && host == l.Host && gone(l.PID)
	}
	return l, nil
}

// Holder is who holds a stack of a file backend, as its locks say, without a launch of the engine; nil for nobody whose process is alive, and where it is
// not to be seen.
func (d *Driver) Holder(env string) *Lock {
	state, err := d.stateFile(env)
	if state == "" || err != nil {
		return nil
	}
	project := filepath.Base(filepath.Dir(state))
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(state), "..", "..", "locks", "organization", project, env, "*.json"))
	for _, file := range files {
		// The engine's own form: https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/lock.go
		var lock struct {
			Pid       int
			Username  string
			Hostname  string
			Timestamp time.Time
		}
		data, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(data, &lock) != nil {
			continue
		}
		host, err := os.Hostname()
		if err == nil && host == lock.Hostname && !alive(lock.Pid) {
			continue
		}
		return &Lock{Holder: lock.Username + "@" + lock.Hostname, PID: lock.Pid, Since: lock.Timestamp.Format(time.RFC3339), Host: lock.Hostname}
	}
	return nil
}

// gone reports whether a process of this machine has ended, or does so within a second: one that dies with its parent does a moment later.
func gone(pid int) bool {
	for range 20 {
		if !alive(pid) {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// Unlock takes away the lock of a process that is gone.
func (d *Driver) Unlock(ctx context.Context, env string) error {
	_, err := d.run(ctx, "cancel", "--yes", "--stack", env)
	if err != nil {
		return d.classify(env, d.failed(err))
	}
	return nil
}
