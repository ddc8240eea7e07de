package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/components/internal/helm"
)

// What is laid around the values is what a release gets besides them: the same paths, and of those that are known the same values.
func TestLaidIsWhatIsDeployed(t *testing.T) {
	args := mast()
	args.Values = map[string]any{
		"hub": map[string]any{
			"config":         map[string]any{"JupyterHub": map[string]any{"authenticator_class": "github", "admin_access": false}},
			"extraVolumes":   []any{map[string]any{"name": "theirs"}},
			"templatePaths":  []any{"/theirs"},
			"allowNamed":     true,
			"extraFiles":     map[string]any{},
			"deploymentKind": "x",
		},
		"proxy": map[string]any{"service": map[string]any{"annotations": map[string]any{"service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout": "60"}}},
	}
	args.Templates = map[string]string{"page.html": "x"}
	args.Homes = &hub.Homes{ClaimName: pulumi.String("homes")}
	under, over, err := args.Laid()
	if err != nil {
		t.Fatal(err)
	}
	rec, _ := run(t, args)
	var replaced, secret []string
	for _, l := range slices.Concat(under, over) {
		var path strings.Builder
		for _, key := range l.Path {
			fmt.Fprintf(&path, "[%q]", key)
		}
		at := strings.NewReplacer(`["0"]`, "[0]", `["1"]`, "[1]").Replace(path.String())
		got := rec.One(t, helm.ReleaseType, "hub-release").Input("values" + at)
		if got == nil {
			t.Errorf("%s (%s) is laid, and not deployed", at, l.Part)
		}
		if overruled := strings.Contains(at, "connection-idle-timeout"); !l.Later && overruled == cmp.Equal(got, l.Value) {
			t.Errorf("%s is laid as %v, deployed as %v", at, l.Value, got)
		}
		if l.Replaces {
			replaced = append(replaced, l.Part+" "+strings.Join(l.Path, "."))
		}
		if l.Secret {
			secret = append(secret, strings.Join(l.Path, "."))
		}
	}
	if diff := cmp.Diff([]string{"auth hub.config.JupyterHub.authenticator_class"}, replaced); diff != "" {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
	want := []string{
		"hub.config.ConfigurableHTTPProxy.auth_token", "hub.config.CryptKeeper.keys", "hub.config.JupyterHub.cookie_secret", "hub.annotations.checksum/oauth", "proxy.annotations.checksum/tls",
	}
	slices.Sort(want)
	slices.Sort(secret)
	if diff := cmp.Diff(want, secret); diff != "" {
		t.Errorf("secret (-want +got):\n%s", diff)
	}
	// And nothing is deployed that is neither given nor laid.
	var given, laid, deployed int
	count(args.Values, func() { given++ })
	for _, l := range slices.Concat(under, over) {
		if !l.Replaces {
			if l.Value == nil {
				laid++
			}
			count(l.Value, func() { laid++ })
		}
	}
	count(rec.One(t, helm.ReleaseType, "hub-release").Input("values"), func() { deployed++ })
	if overruled := 1; given+laid-overruled != deployed {
		t.Errorf("%d leaves are given, %d laid, %d deployed", given, laid, deployed)
	}
}

// count calls for every leaf, and every list or map without one.
func count(v any, leaf func()) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			count(e, leaf)
		}
		if len(v) == 0 {
			leaf()
		}
	case []any:
		for _, e := range v {
			count(e, leaf)
		}
		if len(v) == 0 {
			leaf()
		}
	case nil:
	default:
		leaf()
	}
}

// What says in other words what is laid is neither replaced nor laid.
func TestLaidOverTheSame(t *testing.T) {
	args := dummy()
	args.Homes = &hub.Homes{ClaimName: pulumi.String("homes")}
	args.Values = map[string]any{"singleuser": map[string]any{"storage": map[string]any{"static": map[string]any{"pvcName": "homes"}, "type": "dynamic"}}}
	_, over, err := args.Laid()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range over {
		if l.Part == hub.PartHomes {
			got = append(got, fmt.Sprintf("%s %v %t", strings.Join(l.Path, "."), l.Value, l.Replaces))
		}
	}
	if diff := cmp.Diff([]string{"singleuser.storage.static.subPath {username} false", "singleuser.storage.type static true"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLaidRefusesWhatNewRefuses(t *testing.T) {
	args := mast()
	args.Values = map[string]any{"hub": map[string]any{"config": "none", "limit": nil}}
	_, _, err := args.Laid()
	for _, want := range []string{"values: hub.config is a text where a mapping belongs", "values: hub.limit is null"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
