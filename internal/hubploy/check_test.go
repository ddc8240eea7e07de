package hubploy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/values"
)

// locked opens nothing that is encrypted.
func locked(string, []byte) ([]byte, error) { return nil, errors.New("locked") }

// changed are an environment's values of the checkout, with a layer on top.
func changed(t *testing.T, s *Source, env, layer string) *values.Computed {
	t.Helper()
	o := values.Options{Sets: s.sets(env)}
	for _, file := range append([]string{s.Shared, s.Common, s.Values[env]}, s.Secrets[env]...) {
		if file == "" {
			continue
		}
		l, err := s.layer(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.Layers = append(o.Layers, l)
	}
	o.Sets = nil
	for _, set := range s.sets(env) {
		o.Layers = append(o.Layers, values.Layer{File: "set", Data: fmt.Appendf(nil, "jupyterhub: {singleuser: {image: {%s}}}", strings.Replace(strings.TrimPrefix(set.Text, "jupyterhub.singleuser.image."), "=", ": ", 1))})
	}
	o.Layers = append(o.Layers, values.Layer{Name: "now", File: "hubs/hub/now.yaml", Data: []byte(layer)})
	c, err := values.Compute(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What the script comes to has its command line on top, and lines are those of the checkout's files even where a key is there twice.
func TestOldHasTheCommandLine(t *testing.T) {
	s, _ := plan(t, lay(t, with(map[string]string{"deployments/common/services/announcements.py": "x = 1\n"})))
	old, skipped, err := s.Old("staging", locked)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	for at, want := range map[string]string{
		"jupyterhub.singleuser.image.name":                   ecr + "gough-cluster-user-image deployments/gough/hubploy.yaml:2",
		"jupyterhub.singleuser.image.tag":                    "latest-staging deployments/gough/hubploy.yaml:2",
		"jupyterhub.singleuser.cpu.limit":                    "2 deployments/gough/config/staging.yaml:7",
		"jupyterhub.hub.extraFiles.announcements.stringData": "x = 1\n deployments/common/services/announcements.py:1",
		"jupyterhub.proxy.secretToken":                       "planted secrets/deployments/gough/secrets/staging.yaml:1",
		"jupyterhub.singleuser.storage.static.pvcName":       "homes deployments/common/config/all.yaml:9",
		"jupyterhub.hub.extraFiles.announcements.mountPath":  "/srv/announcements.py deployments/common/config/all.yaml:5",
		"jupyterhub.singleuser.memory.limit":                 "15G deployments/gough/config/common.yaml:3",
	} {
		value, _ := old.At(values.ParsePath(at))
		if got := fmt.Sprint(value, " ", old.OriginOf(values.ParsePath(at))); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	if !old.Secret(values.ParsePath("jupyterhub.proxy.secretToken")) {
		t.Error("what a file of secrets has is no secret")
	}
	without, _, err := s.Old("staging", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, has := without.At(values.Path{"jupyterhub", "proxy"}); has {
		t.Error("without a way to open them, files of secrets were read")
	}
}

func TestCompare(t *testing.T) {
	s, _ := plan(t, lay(t, checkout))
	old, _, err := s.Old("staging", locked)
	if err != nil {
		t.Fatal(err)
	}
	if differ, same := s.Compare("staging", old, changed(t, s, "staging", "{}"), nil); len(differ) > 0 || same != 10 {
		t.Errorf("%d are the same, and differ %v", same, differ)
	}
	now := changed(t, s, "staging", `
jupyterhub:
  more: true
  proxy: {secretToken: other-planted}
  hub: {extraVolumes: null}
  singleuser:
    cpu: {limit: 3}
    image: {name: elsewhere, tag: "latest-staging@sha256:01"}
`)
	differ, _ := s.Compare("staging", old, now, []Intent{{At: values.ParsePath("jupyterhub.singleuser.image.name"), Why: "it is built here"}})
	const all, own = "deployments/common/config/all.yaml:7", "deployments/gough/hubploy.yaml:2"
	want := []Difference{
		{Path: "jupyterhub.hub.extraVolumes", Kind: IsNew, NowAt: "hubs/hub/now.yaml:5", Remedy: "if it is not meant, take it out at hubs/hub/now.yaml:5"},
		{Path: "jupyterhub.hub.extraVolumes[0].name", Kind: IsGone, Old: "quota", OldAt: all, Remedy: "if it is not meant, write it into hubs/all.yaml"},
		{Path: "jupyterhub.hub.extraVolumes[0].persistentVolumeClaim.claimName", Kind: IsGone, Old: "quota-claim", OldAt: all, Remedy: "if it is not meant, write it into hubs/all.yaml"},
		{Path: "jupyterhub.more", Kind: IsNew, Now: true, NowAt: "hubs/hub/now.yaml:3", Remedy: "if it is not meant, take it out at hubs/hub/now.yaml:3"},
		{
			Path: "jupyterhub.proxy.secretToken", Kind: IsAnother, Old: values.Masked, Now: values.Masked, OldAt: "secrets/deployments/gough/secrets/staging.yaml:1", NowAt: "hubs/hub/now.yaml:4",
			Remedy: "if it is not meant, `hubwright secrets edit staging` shows and changes it",
		},
		{Path: "jupyterhub.singleuser.cpu.limit", Kind: IsAnother, Old: 2.0, Now: 3.0, OldAt: "deployments/gough/config/staging.yaml:7", NowAt: "hubs/hub/now.yaml:7", Remedy: "if it is not meant, write 2 at hubs/hub/now.yaml:7"},
		{Path: "jupyterhub.singleuser.image.name", Kind: IsAnother, Old: ecr + "gough-cluster-user-image", Now: "elsewhere", OldAt: own, NowAt: "hubs/hub/now.yaml:8", Intended: "it is built here"},
		{Path: "jupyterhub.singleuser.image.tag", Kind: IsAnother, Old: "latest-staging", Now: "latest-staging@sha256:01", OldAt: own, NowAt: "hubs/hub/now.yaml:8", Intended: "the tag is pinned to a digest"},
	}
	if diff := cmp.Diff(want, differ); diff != "" {
		t.Error(diff)
	}
}

// A file that cannot be opened is left out by name, and its text never taken for values.
func TestOldWithoutKeys(t *testing.T) {
	const file = "secrets/deployments/gough/secrets/staging.yaml"
	s, _ := plan(t, lay(t, with(map[string]string{file: "jupyterhub: {proxy: {secretToken: 'ENC[x]'}}\nsops: {mac: x, version: 3.9.0}\n"})))
	old, skipped, err := s.Old("staging", locked)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{file}, skipped); diff != "" {
		t.Error(diff)
	}
	if _, has := old.At(values.Path{"sops"}); has {
		t.Error("an encrypted file was read as values")
	}
	opened, _, err := s.Old("staging", func(string, []byte) ([]byte, error) {
		return []byte("jupyterhub: {proxy: {secretToken: planted}}\n"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := opened.At(values.ParsePath("jupyterhub.proxy.secretToken")); v != "planted" {
		t.Errorf("the opened file says %v", v)
	}
	differ, _ := s.Compare("staging", opened, old, nil)
	if len(differ) != 1 || differ[0].Old != values.Masked || differ[0].OldAt != file+":1" {
		t.Errorf("of the secret it says %+v", differ)
	}
}
