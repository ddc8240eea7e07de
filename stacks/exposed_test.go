package stacks

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/config"
)

func TestExposed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"objects.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  plain: x\n  password: planted-c\n  url: postgres://hub:planted-a@db/hub\n  list: [{name: API_TOKEN, value: planted-d}]\n",
		"pages/page.html": "<p>\n<script>const api_token = \"planted-b\"</script>\n", "pages/login.html": "<input type=\"password\" name=\"password\" value=\"{{ password }}\">\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stack := &config.Stack{Dir: dir, Environment: "staging"}
	h := &config.Hub{Name: "hub", Templates: "pages", Manifests: []config.File{{File: "objects.yaml"}, {File: "none.yaml", Optional: true}}}
	const hint = "consider it known, make it anew, and have the new one in the file of secrets, where a value such as hub.extraFiles takes it: hubwright secrets edit staging --hub hub"
	want := "objects.yaml:7: holds a password in a URL, in a file that is not encrypted; " + hint + "\npages/page.html:2: holds the text of api_token, in a file that is not encrypted; " + hint
	if diff := cmp.Diff(want, Exposed(stack, h).Error()); diff != "" {
		t.Error(diff)
	}
	objects, err := Manifests(stack, h)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := concealed(objects)[0]["data"].(map[string]any)
	list, _ := data["list"].([]any)
	pair, _ := list[0].(map[string]any)
	for _, v := range []any{data["url"], data["password"], pair["value"]} { // by its looks, by its name, and by the name beside it
		if hidden, isOutput := v.(pulumi.Output); !isOutput || !pulumi.IsSecret(hidden) {
			t.Errorf("%v is in plain sight", v)
		}
	}
	if data["plain"] != "x" || pair["name"] != "API_TOKEN" {
		t.Errorf("what is no secret is hidden: %v, %v", data, pair)
	}
}
