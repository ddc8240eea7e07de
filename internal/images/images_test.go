package images_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
)

// A chain as missions have it: certificates, what all share, and the mission's own.
var chain = map[string]string{
	"certificates/Dockerfile": "FROM docker.io/library/debian:12\nCOPY ca.pem /\n", "certificates/ca.pem": "ca",
	"common/Dockerfile":  "ARG BASE_IMAGE=certificates\nFROM ${BASE_IMAGE}\n",
	"mission/Dockerfile": "ARG BASE=common\nARG TOOLS=certificates\nFROM $BASE AS main\nCOPY --from=docker.io/library/alpine:3 /bin/sh /sh\nFROM ${TOOLS} AS tools\nFROM main\nCOPY --from=tools /ca.pem /\n",
}

// stack is one with the images in another order than they are built in.
func stack(t *testing.T, change map[string]string) *config.Stack {
	t.Helper()
	s := &config.Stack{Dir: t.TempDir(), Environment: "staging"}
	for name, text := range chain {
		if other, ok := change[name]; ok {
			text = other
		}
		file := filepath.Join(s.Dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"mission", "common", "certificates"} {
		s.Images = append(s.Images, config.Image{Name: name, Context: name, Dockerfile: "Dockerfile", Platform: "linux/amd64"})
	}
	return s
}

// tags are the images' tags by name, and their names in order.
func tags(t *testing.T, s *config.Stack) (map[string]string, []string) {
	t.Helper()
	plan, err := images.Plan(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, order := map[string]string{}, []string{}
	for _, i := range plan {
		out[i.Name] = i.Tag
		order = append(order, i.Name)
	}
	return out, order
}

func TestChain(t *testing.T) {
	plan, err := images.Plan(t.Context(), stack(t, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	parents := map[string]map[string]string{}
	for _, i := range plan {
		parents[i.Name] = i.Parents
	}
	want := map[string]map[string]string{"certificates": {}, "common": {"BASE_IMAGE": "certificates"}, "mission": {"BASE": "common", "TOOLS": "certificates"}}
	if diff := cmp.Diff(want, parents); diff != "" {
		t.Errorf("parents (-want +got):\n%s", diff)
	}
	before, order := tags(t, stack(t, nil))
	if diff := cmp.Diff([]string{"certificates", "common", "mission"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for name, test := range map[string]struct {
		change map[string]string
		pin    string // of common
		want   []string
	}{
		"nothing":                     {want: nil},
		"what all are built of":       {change: map[string]string{"certificates/ca.pem": "another"}, want: []string{"certificates", "common", "mission"}},
		"what one is built of":        {change: map[string]string{"common/Dockerfile": chain["common/Dockerfile"] + "RUN true\n"}, want: []string{"common", "mission"}},
		"the last":                    {change: map[string]string{"mission/Dockerfile": chain["mission/Dockerfile"] + "RUN true\n"}, want: []string{"mission"}},
		"one in the middle is pinned": {pin: "registry/common:h1-0@sha256:" + strings.Repeat("0", 64), want: []string{"common", "mission"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack(t, test.change)
			if test.pin != "" {
				s.Pins.Images = map[string]string{"common": test.pin}
			}
			after, _ := tags(t, s)
			var changed []string
			for _, name := range order {
				if after[name] != before[name] {
					changed = append(changed, name)
				}
			}
			if diff := cmp.Diff(test.want, changed); diff != "" {
				t.Errorf("tags that changed (-want +got):\n%s", diff)
			}
		})
	}
}

// What an image is built of may differ between its platforms. Its secrets count by their ids.
func TestPlatformsAndSecrets(t *testing.T) {
	s := stack(t, map[string]string{
		"common/Dockerfile":  "FROM scratch\n",
		"mission/Dockerfile": "ARG ONE=common\nARG TWO=certificates\nFROM ${ONE} AS amd64\nFROM ${TWO} AS arm64\nFROM ${TARGETARCH}\n",
	})
	mission := &s.Images[0]
	plan, err := images.Plan(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range plan {
		if diff := cmp.Diff(map[string]string{"ONE": "common"}, i.Parents); i.Name == "mission" && diff != "" {
			t.Errorf("parents on one platform (-want +got):\n%s", diff)
		}
	}
	one, _ := tags(t, s)
	mission.Platforms = []string{"linux/amd64", "linux/arm64"}
	both, order := tags(t, s)
	if one["mission"] == both["mission"] || order[2] != "mission" {
		t.Errorf("tags %v and %v, order %v", one, both, order)
	}
	mission.Secrets = []config.BuildSecret{{ID: "pip", Env: "A"}}
	secret, _ := tags(t, s)
	mission.Secrets = []config.BuildSecret{{ID: "pip", File: "/a"}}
	elsewhere, _ := tags(t, s)
	if secret["mission"] == both["mission"] || secret["mission"] != elsewhere["mission"] {
		t.Errorf("tags %s without a secret, %s with one, %s with it elsewhere", both["mission"], secret["mission"], elsewhere["mission"])
	}
}

func TestWrongChains(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]string
		want   string
	}{
		"without an argument": {
			map[string]string{"common/Dockerfile": "FROM certificates\n", "mission/Dockerfile": "\nFROM common:latest\n"},
			"common/Dockerfile:1: FROM certificates names an image of this deployment, whose place in the registry is known only when it is deployed; take it as an argument: ARG BASE_IMAGE=certificates before the first FROM, then FROM ${BASE_IMAGE}\n" +
				"mission/Dockerfile:2: FROM common:latest names an image of this deployment, whose place in the registry is known only when it is deployed; take it as an argument: ARG BASE_IMAGE=common before the first FROM, then FROM ${BASE_IMAGE}",
		},
		"in a circle": {
			map[string]string{"certificates/Dockerfile": "ARG BASE=common\nFROM ${BASE}\n"},
			"common/Dockerfile:2: images are built of one another in a circle: common → certificates → common (common/Dockerfile:2, certificates/Dockerfile:2); let one of them start from an image of a registry",
		},
		"of files that are not there": {
			map[string]string{"certificates/Dockerfile": "", "common/Dockerfile": "FROM\n"},
			"certificates/Dockerfile: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := images.Plan(t.Context(), stack(t, test.change), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}
