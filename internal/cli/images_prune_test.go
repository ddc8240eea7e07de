package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
)

// What nothing needs is shown, and deleted when that is confirmed.
func TestPrune(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dir, r := withImages(t), registrytest.New(t, registrytest.Options{})
	stack, err := config.Load(dir, "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const repository = "roman-sit-staging-user-image"
	tag := func(n int) string { return fmt.Sprintf("h1-%032x", n) }
	var pushed []string
	for n := range 5 { // the latest first
		pushed = append(pushed, r.Push(t, repository, tag(n), time.Now().Add(-24*time.Hour*time.Duration(3+n))))
	}
	used := imagestore.Used{}
	state := &driver.State{Outputs: map[string]any{"images": map[string]any{"user-image": "x/y@" + pushed[3]}}, Resources: []driver.Resource{{Inputs: map[string]any{"a": []any{"b@" + pushed[4]}}}}}
	if err := addDigests(state, "prod", used); err != nil {
		t.Fatal(err)
	}
	prune := func(g globals) (out, errs string, err error) {
		a, o, e := testApp(t)
		store := &imagestore.Store{Registry: a.registryClient(stack, awsapi.Open), Host: r.Host, Now: time.Now}
		err = a.prune(t.Context(), g, stack, store, used, 1)
		return o.String(), e.String(), err
	}
	out, errs, err := prune(globals{output: "text"})
	if codeOf(err) != exitStopped || strings.Count(out, repository) != 2 || !strings.Contains(out, tag(1)) || !strings.Contains(out, tag(2)) || !strings.Contains(errs, "left: 2 images in use, 1 more among the last 1 of each repository") {
		t.Fatalf("%v\n%s\n%s", err, out, errs)
	}
	var plan, done result.Pruning
	out, _, err = prune(globals{output: "json"})
	reference.Fits(t, []byte(out))
	if jsonErr := json.Unmarshal([]byte(out), &plan); jsonErr != nil || codeOf(err) != exitStopped || len(plan.Surplus) != 2 || plan.Deleted != 0 {
		t.Errorf("%v, %v, %+v", jsonErr, err, plan)
	}
	out, errs, err = prune(globals{output: "json", yes: true})
	if jsonErr := json.Unmarshal([]byte(out), &done); jsonErr != nil || err != nil || done.Deleted != 2 || !strings.Contains(errs, "deleted: 2 images of "+r.Host+"/"+repository) {
		t.Errorf("%v, %v, %+v, %s", jsonErr, err, done, errs)
	}
	a, _, _ := testApp(t)
	left, err := a.registryClient(stack, awsapi.Open).List(t.Context(), r.Host+"/"+repository)
	if err != nil || len(left) != 3 || left[0].Digest != pushed[0] || left[1].Digest != pushed[3] || left[2].Digest != pushed[4] {
		t.Errorf("%v, left are %+v", err, left)
	}
	if _, errs, err = prune(globals{output: "text"}); err != nil || !strings.Contains(errs, "nothing is to be deleted") {
		t.Errorf("%v, %s", err, errs)
	}
}

// As long as it is not known what an environment needs, nothing is deleted.
func TestPruneOfUnknown(t *testing.T) {
	dir := withImages(t)
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.other.yaml"), []byte("config:\n  hubwright:imagse: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ line, want string }{
		{"images prune staging --keep -1", "--keep is -1"},
		{"images prune staging --yes", "which images other needs is not known, so none is deleted"},
	} {
		if code, out, errs := do(t, dir, test.line); code != exitUsage || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%s: exit %d, %s, %s", test.line, code, out, errs)
		}
	}
}
