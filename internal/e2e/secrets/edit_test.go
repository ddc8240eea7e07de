package secrets_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/needs"
)

// plaintexts are the folders in memory in which `secrets edit` has its plaintext, whoever runs it.
func plaintexts() []string {
	found, _ := filepath.Glob("/dev/shm/hubwright-edit-*")
	more, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "hubwright-edit-*"))
	return append(found, more...)
}

// inMemory skips a test where `secrets edit` says that there is no folder in memory for it to work in.
func inMemory(t *testing.T, d *clitest.Deployment) {
	t.Helper()
	before := d.Env
	d.Env = append(slices.Clone(before), "EDITOR=true")
	if r := d.Run("secrets edit staging"); strings.Contains(r.Err, "there is no folder in memory") {
		needs.Skip(t, "%s", r.Err)
	}
	d.Env = before
}

// watchArguments notes the arguments of all processes until the function is called that it returns, which gives them.
func watchArguments() func() string {
	stop, done := make(chan struct{}), make(chan string)
	go func() {
		seen := map[string]bool{}
		for {
			select {
			case <-stop:
				done <- strings.Join(slices.Collect(maps.Keys(seen)), "\n")
				return
			case <-time.After(10 * time.Millisecond):
				files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
				for _, file := range files {
					if text, err := os.ReadFile(file); err == nil {
						seen[string(text)] = true
					}
				}
			}
		}
	}()
	return func() string { close(stop); return <-done }
}

// A plaintext that is being edited is in memory, and is gone when the program is killed.
func TestEditIsInMemory(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d := clitest.New(t, nil)
	d.Env = append(d.Env, "SOPS_AGE_KEY="+id.String())
	d.Must(0, "secrets init staging --age "+id.Recipient().String())

	d.Env = append(d.Env, "EDITOR=sed -i s/proxy:/proxy/")
	inMemory(t, d)
	d.Must(4, "secrets edit staging").Has(t, "hubs/hub/secrets/staging.yaml:2: mapping values are not allowed in this context", "nothing was changed")
	for edit, want := range map[string]string{
		"s/secretToken:.*/secretToken:\\x20" + strings.Repeat("12345678", 8) + "/": "secrets.hub.proxyToken: is a number, but text is wanted",
		"s/secretToken:.*/secretToken:\\x20[planted-list]/":                        "secrets.hub.proxyToken: is a list, but text is wanted",
		"s/secretToken:/secretToken_unencrypted:/":                                 "proxy.secretToken_unencrypted: would be in plaintext in the file",
		"d": "is empty: every secret in it would be gone",
	} {
		before, err := os.ReadFile(filepath.Join(d.Dir, "hubs/hub/secrets/staging.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		d.Env[len(d.Env)-1] = "EDITOR=sed -i " + edit
		d.Must(4, "secrets edit staging").Has(t, "error: hubs/hub/secrets/staging.yaml:", want, "nothing was changed")
		if after, err := os.ReadFile(filepath.Join(d.Dir, "hubs/hub/secrets/staging.yaml")); err != nil || string(after) != string(before) {
			t.Errorf("%s: the file was changed: %v", edit, err)
		}
	}
	d.Env[len(d.Env)-1] = "EDITOR=sed -i s/secretToken:.*/planted-key:\\x20planted-edit/"
	d.Must(0, "secrets edit staging").Has(t, "is encrypted for "+id.Recipient().String())
	d.Must(0, "values staging proxy").Has(t, "planted-key: '[secret]'")
	d.Env[len(d.Env)-1] = "EDITOR=true"
	d.Must(0, "secrets edit staging").Has(t, "nothing was changed")
	d.Env[len(d.Env)-1] = "EDITOR=false"
	d.Must(1, "secrets edit staging").Has(t, "nothing was changed")

	d.Env[len(d.Env)-1] = "EDITOR=timeout 20 tail -f"
	cmd := d.Command(t.Context(), "secrets edit staging")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for i := 0; i < 1000 && len(dirs) == 0; i++ {
		time.Sleep(5 * time.Millisecond)
		for _, dir := range plaintexts() {
			if text, err := os.ReadFile(filepath.Join(dir, "staging.yaml")); err == nil && strings.Contains(string(text), "planted-edit") {
				dirs = append(dirs, dir) // the control: while it is edited it is there to be found
			}
		}
	}
	if len(dirs) == 0 {
		t.Fatal("the plaintext is nowhere while it is edited")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	gone := func() bool {
		for _, dir := range dirs {
			if _, err := os.Stat(dir); err == nil {
				return false
			}
		}
		return true
	}
	for i := 0; i < 400 && !gone(); i++ {
		time.Sleep(5 * time.Millisecond)
	}
	if !gone() {
		t.Errorf("%q is still there after a kill", dirs)
	}
}

// A hundred secrets that were edited into a file are in plaintext nowhere: neither in the deployment nor in the sandbox's state, world and events, nor in
// what is printed, nor in a temporary file.
func TestSecretsOfFilesAreNowhere(t *testing.T) {
	t.Parallel()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d := clitest.New(t, nil)
	outside := t.TempDir()
	planted := map[string]string{}
	var text strings.Builder
	text.WriteString("custom:\n")
	for i := range 100 {
		name, secret := fmt.Sprintf("planted%03d", i), fmt.Sprintf("planted-%03d-%x", i, i*7919)
		planted[name] = secret
		fmt.Fprintf(&text, "  %s: %s\n", name, secret)
	}
	script := "#!/bin/sh\ncat " + filepath.Join(outside, "more") + " >> \"$1\"\n"
	if err := errors.Join(os.WriteFile(filepath.Join(outside, "more"), []byte(text.String()), 0o600), os.WriteFile(filepath.Join(outside, "editor"), []byte(script), 0o700)); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(d.Dir, "tmp") // scanned with the rest
	if err := os.Mkdir(temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	d.Env = append(d.Env, "SOPS_AGE_KEY="+id.String(), "EDITOR="+filepath.Join(outside, "editor"), "TMPDIR="+temporary)
	d.Must(0, "secrets init staging --age "+id.Recipient().String())
	inMemory(t, d)
	d.Must(0, "secrets edit staging")
	certificate, key := pair(t, "roman-sit-staging.science.stsci.edu")
	for name, text := range map[string]string{"oauth.clientId": "id-1", "oauth.clientSecret": "planted-oauth-secret", "tls.certificate": certificate, "tls.key": key} {
		if r := d.Feed(text, "secrets set staging "+name); r.Code != 0 {
			t.Fatal(r)
		}
	}
	planted["oauth.clientSecret"], planted["tls.key"] = "planted-oauth-secret", strings.Split(key, "\n")[1]
	arguments := watchArguments()
	d.Must(0, "values staging custom").Has(t, "planted000: '[secret]'")
	d.Must(0, "up staging --sandbox --yes -v")
	d.Must(0, "secrets rotate staging data-key --yes")
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")
	d.ScanForSecrets(t, planted, "values staging", "values staging --origin", "values staging -o json", "validate staging", "secrets rotate staging cookieSecret --yes", "drift staging --sandbox -o json")

	seen := arguments()
	for _, leak := range clitest.Leaks(planted, "the arguments of a process", []byte(seen)) {
		t.Error(leak)
	}
	if !strings.Contains(seen, "--event-log") {
		t.Error("the engine's own arguments were not seen")
	}

	// The control: what is there is found.
	if err := os.WriteFile(filepath.Join(d.Dir, "hubs", "left.yaml"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if leaks, _ := d.LeaksInFiles(planted); len(leaks) < len(planted)-2 { // those that were set one by one are not in it
		t.Errorf("the scan finds %d of what is there", len(leaks))
	}
}
