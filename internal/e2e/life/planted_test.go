package life_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// planted returns what must be found nowhere: the secrets that the sandbox made up for a stack, read with the engine's own key.
func planted(t *testing.T, d *clitest.Deployment, env string) map[string]string {
	t.Helper()
	home := sandbox.Home(d.Dir)
	cmd := exec.Command(enginetest.Engine(t).Path, "config", "get", "hubwright:secrets", "--stack", env, "--non-interactive")
	cmd.Dir = filepath.Join(home, "project")
	cmd.Env = append(os.Environ(), "PULUMI_BACKEND_URL=file://"+filepath.Join(home, "state"), "PULUMI_CONFIG_PASSPHRASE_FILE="+filepath.Join(home, "passphrase"),
		"PULUMI_HOME="+filepath.Join(home, "pulumi"), "PULUMI_SKIP_UPDATE_CHECK=true")
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading the secrets: %v", err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
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
		t.Fatalf("only %d secrets are planted", len(out))
	}
	return out
}
