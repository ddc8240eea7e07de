package oci

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// DockerConfig is a private folder to be named in a builder's DOCKER_CONFIG: a config.json with the credentials of some registries, and what is in the
// user's own that is no credential (the context, proxies), so that the builder finds the same daemon and plugins.
type DockerConfig struct {
	// Dir is the folder; only its owner can look into it.
	Dir string

	client     *Client
	registries []name.Registry
	lock       *os.File
	once       sync.Once
	closed     error
	stop       func() bool
}

// dockerConfigPrefix begins the names of these folders.
const dockerConfigPrefix = "hubwright-docker-"

// DockerConfig makes such a folder for registries, by the names that images begin with: those of the image, of what it is built from, and of its caches; the
// builder finds credentials for no other. Close removes it, and so does the end of the context, which is what
// an interrupt should lead to. A process that is killed leaves it behind: the next one to make a folder removes those whose maker is gone. It is made where
// the session keeps what must not outlive it (XDG_RUNTIME_DIR, in memory), or else among the temporary files.
func (c *Client) DockerConfig(ctx context.Context, registries ...string) (*DockerConfig, error) {
	d := &DockerConfig{client: c}
	for _, r := range registries {
		registry, err := name.NewRegistry(r, name.StrictValidation)
		if err != nil {
			return nil, &Error{Kind: BadName, Message: fmt.Sprintf("%q names no registry", r), Hint: "a host, with its port where it has one", Err: err}
		}
		d.registries = append(d.registries, registry)
	}
	parent := os.Getenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = os.TempDir()
	}
	sweep(parent)
	var err error
	if d.Dir, err = os.MkdirTemp(parent, dockerConfigPrefix); err != nil { // MkdirTemp's mode is 0700
		return nil, fmt.Errorf("making a folder for the builder's credentials: %w", err)
	}
	if err := errors.Join(d.hold(), d.link(), d.Refresh(ctx)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.stop = context.AfterFunc(ctx, func() { _ = d.Close() })
	return d, nil
}

// Refresh writes the credentials anew, where they are newer now. Builders read them when they begin a build or a push: call it between the two, when the
// build may have taken hours.
func (d *DockerConfig) Refresh(ctx context.Context) error {
	type entry struct {
		Auth          string `json:"auth,omitempty"`
		IdentityToken string `json:"identitytoken,omitempty"`
		RegistryToken string `json:"registrytoken,omitempty"`
	}
	auths := map[string]entry{}
	for _, registry := range d.registries {
		auth, err := authn.Resolve(ctx, d.client.keychain, registry)
		if err != nil {
			return failure("finding the credentials of", registry.Name(), err)
		}
		config, err := authn.Authorization(ctx, auth)
		if err != nil {
			return failure("finding the credentials of", registry.Name(), err)
		}
		e := entry{config.Auth, config.IdentityToken, config.RegistryToken}
		if config.Username != "" || config.Password != "" {
			e.Auth = base64.StdEncoding.EncodeToString([]byte(config.Username + ":" + config.Password))
		}
		if e == (entry{}) {
			continue
		}
		key := registry.RegistryStr()
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		auths[key] = e
	}
	settings := d.settings()
	settings["auths"] = auths
	data, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return err
	}
	// Written beside and renamed, because the builder may be reading.
	file := filepath.Join(d.Dir, "config.json")
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return fmt.Errorf("writing the builder's credentials: %w", err)
	}
	return os.Rename(file+".new", file)
}

// settings are what is in the user's configuration and is no credential nor a way to one. A file that cannot be read has none: Docker says so itself.
func (d *DockerConfig) settings() map[string]any {
	settings := map[string]any{}
	data, err := os.ReadFile(filepath.Join(userConfig(), "config.json"))
	if err != nil || json.Unmarshal(data, &settings) != nil {
		return map[string]any{}
	}
	for _, credential := range []string{"auths", "credsStore", "credHelpers", "HttpHeaders"} {
		delete(settings, credential)
	}
	return settings
}

// link makes the user's contexts and plugins be found.
func (d *DockerConfig) link() error {
	for _, part := range []string{"contexts", "cli-plugins"} {
		there := filepath.Join(userConfig(), part)
		if _, err := os.Stat(there); err != nil {
			continue
		}
		if err := os.Symlink(there, filepath.Join(d.Dir, part)); err != nil {
			return err
		}
	}
	return nil
}

// userConfig is the folder of the user's Docker configuration.
func userConfig() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			return abs
		}
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(string(filepath.Separator), "nonexistent")
	}
	return filepath.Join(home, ".docker")
}

// Close removes the folder. It may be called more than once.
func (d *DockerConfig) Close() error {
	d.once.Do(func() {
		if d.stop != nil {
			d.stop()
		}
		d.closed = os.RemoveAll(d.Dir)
		if d.lock != nil {
			_ = d.lock.Close()
		}
	})
	return d.closed
}

// lockName is the file whose lock says that a folder's maker lives. The system takes it from a process that ends, however it ends.
const lockName = "lock"

// hold takes the folder's lock. The file gets its name when it is locked, so that nobody finds it unlocked before.
func (d *DockerConfig) hold() error {
	file := filepath.Join(d.Dir, lockName)
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	d.lock = f
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// sweepAge is after how long a folder without a lock is one that was never finished.
const sweepAge = time.Hour

// sweep removes the folders of processes that were killed.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), dockerConfigPrefix) {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, lockName))
		if err != nil {
			if errors.Is(err, os.ErrNotExist) && time.Since(info.ModTime()) > sweepAge {
				_ = os.RemoveAll(dir)
			}
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = f.Close()
	}
}
