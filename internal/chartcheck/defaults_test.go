package chartcheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/values"
)

// A wrapper's defaults count more than those of the chart in it, and each value knows its line.
func TestDefaults(t *testing.T) {
	wrapper := load(t, map[string]string{"values.yaml": "# of ours\njupyterhub:\n  hub:\n    baseUrl: /hub\npages: {title: Hub}\n"})
	layers, err := Defaults(wrapper, "charts/ours")
	if err != nil {
		t.Fatal(err)
	}
	computed, err := values.Compute(values.Options{Layers: append(layers, values.Layer{Name: "common", File: "common.yaml", Data: []byte("pages: {title: Roman}")})})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, leaf := range computed.Leaves(nil) {
		got = append(got, fmt.Sprintf("%s=%v %s %s", leaf.Path, leaf.Value, leaf.Origin, leaf.Layer))
	}
	want := []string{
		"jupyterhub.hub.baseUrl=/hub charts/ours/values.yaml:4 wrapper chart",
		"jupyterhub.hub.extraFiles=map[] charts/ours/charts/jupyterhub/values.yaml:1 chart defaults",
		"jupyterhub.singleuser.cloudMetadata=map[] charts/ours/charts/jupyterhub/values.yaml:2 chart defaults",
		"jupyterhub.singleuser.memory.limit=1G charts/ours/charts/jupyterhub/values.yaml:2 chart defaults",
		"pages.title=Roman common.yaml:1 common",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnknown(t *testing.T) {
	const says = ": is in no default of the chart and not in its schema, so most likely nothing reads it"
	ch := load(t, map[string]string{"values.yaml": "pages: {title: Hub, links: {}}\njupyterhub: {custom: {a: 1}}\n"})
	for _, test := range []struct{ name, common, want string }{
		{"what defaults and schema have", "pages: {title: x}\nglobal: {x: 1}\njupyterhub: {hub: {baseUrl: /}, singleuser: {memory: {class: x}}, custom: {a: 2}}", ""},
		{"beside a wrapper's keys", "pages: {titel: x}\njupyterhubs: {}\n", "common.yaml:1: pages.titel" + says + `; did you mean "title"?` + "\ncommon.yaml:2: jupyterhubs" + says + `; did you mean "jupyterhub"?`},
		{"beside those of the chart in it", "jupyterhub:\n  singleuser:\n    memory:\n      limits: 1G\n", "common.yaml:4: jupyterhub.singleuser.memory.limits" + says + `; did you mean "limit"?`},
		{"below an empty default", "pages: {links: {a: {b: c}}}\njupyterhub: {hub: {extraFiles: {x: {y: z}}}, singleuser: {cloudMetadata: {a: b}}}", ""},
		{"where nothing is near", "jupyterhub: {custom: {zzzzzzz: 1}}", "common.yaml:1: jupyterhub.custom.zzzzzzz" + says},
	} {
		t.Run(test.name, func(t *testing.T) {
			computed, err := values.Compute(values.Options{Layers: []values.Layer{{Name: "common", File: "common.yaml", Data: []byte(test.common)}}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, strings.TrimSpace(Unknown(ch, computed).Error())); diff != "" {
				t.Error(diff)
			}
		})
	}
}
