package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// planted returns what must be found nowhere: the secrets that the sandbox made up for a stack, read with the engine's own key.
func (d *deployment) planted(env string) map[string]string {
	d.t.Helper()
	home := sandbox.Home(d.dir)
	cmd := exec.Command(enginetest.Engine(d.t).Path, "config", "get", "hubwright:secrets", "--stack", env, "--non-interactive")
	cmd.Dir = filepath.Join(home, "project")
	cmd.Env = append(os.Environ(), "PULUMI_BACKEND_URL=file://"+filepath.Join(home, "state"), "PULUMI_CONFIG_PASSPHRASE_FILE="+filepath.Join(home, "passphrase"),
		"PULUMI_HOME="+filepath.Join(home, "pulumi"), "PULUMI_SKIP_UPDATE_CHECK=true")
	text, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("reading the secrets: %v", err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		d.t.Fatal(err)
	}
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(path+"."+k, e)
			}
		case string:
			switch {
			case strings.HasSuffix(path, ".clientId"), strings.HasSuffix(path, ".certificate"): // public by nature
			case strings.HasSuffix(path, ".key"): // a line of it, as it stands in a file whatever the quoting
				out[path] = strings.Split(v, "\n")[1]
			default:
				out[path] = v
			}
		}
	}
	walk(env, tree)
	if len(out) < 5 {
		d.t.Fatalf("only %d secrets are planted", len(out))
	}
	return out
}

// scanForSecrets looks for planted secrets in the deployment, in everything that the sandbox keeps and in what commands print.
func (d *deployment) scanForSecrets(planted map[string]string, commands ...string) {
	d.t.Helper()
	if files := d.lookInFiles(planted); files < 5 {
		d.t.Errorf("only %d files were looked at", files)
	}
	if info, err := os.Stat(filepath.Join(sandbox.Home(d.dir), "pulumi", "logs")); err != nil || info.IsDir() {
		d.t.Errorf("the engine may write its automatic logs, which are compressed and were not looked into: %v", err)
	}
	for _, args := range append([]string{
		"preview staging --sandbox -v", "preview staging --sandbox -o json", "outputs staging --sandbox", "status staging --sandbox -o json", "sandbox list",
		"up staging --sandbox -v -y",
	}, commands...) {
		r := d.must(0, args)
		d.look(planted, "the output of "+args, []byte(r.out+r.err))
	}
}

// lookInFiles looks for planted secrets in all files of the deployment, the sandbox's included, and says how many there are.
func (d *deployment) lookInFiles(planted map[string]string) (files int) {
	d.t.Helper()
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		d.look(planted, path, data)
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return files
}

func (d *deployment) look(planted map[string]string, where string, data []byte) {
	d.t.Helper()
	for name, secret := range planted {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret))[:16]} {
			if bytes.Contains(data, []byte(form)) {
				d.t.Errorf("%s is in %s", name, where)
			}
		}
	}
}
