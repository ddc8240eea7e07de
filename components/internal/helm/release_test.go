package helm_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/helm"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

// installed adds what the provider says once a release is there.
func installed(_ string, in resource.PropertyMap) resource.PropertyMap {
	return resource.PropertyMap{"status": resource.NewObjectProperty(resource.PropertyMap{
		"namespace": in["namespace"], "status": resource.NewStringProperty("deployed"),
	})}
}

func TestWireShape(t *testing.T) {
	tests := []struct {
		name string
		args helm.ReleaseArgs
		want map[string]any
	}{
		{
			name: "least", args: helm.ReleaseArgs{Chart: "./hub"},
			want: map[string]any{"chart": "./hub", "compat": "true"},
		},
		{
			name: "everything",
			args: helm.ReleaseArgs{
				Name: pulumi.String("r"), Namespace: pulumi.String("n"), Chart: "jupyterhub", Version: "4.2.0",
				Repository: "https://hub.jupyter.org/helm-chart/", Values: pulumi.Map{"a": pulumi.Map{"b": pulumi.Int(1)}},
				Timeout: 600, MaxHistory: 10, CreateNamespace: true, Atomic: true, CleanupOnFail: true, DependencyUpdate: true,
				SkipAwait: true, WaitForJobs: true,
			},
			want: map[string]any{
				"name": "r", "namespace": "n", "chart": "jupyterhub", "version": "4.2.0", "compat": "true",
				"repositoryOpts": map[string]any{"repo": "https://hub.jupyter.org/helm-chart/"},
				"values":         map[string]any{"a": map[string]any{"b": 1.0}},
				"timeout":        600.0, "maxHistory": 10.0, "createNamespace": true, "atomic": true, "cleanupOnFail": true,
				"dependencyUpdate": true, "skipAwait": true, "waitForJobs": true,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder.Recorder{}
			rec.MustRun(t, func(ctx *pulumi.Context) error {
				_, err := helm.NewRelease(ctx, "hub", &tt.args)
				return err
			})
			res := rec.One(t, helm.ReleaseType, "hub")
			if diff := cmp.Diff(tt.want, res.Inputs.Mappable()); diff != "" {
				t.Errorf("inputs (-want +got):\n%s", diff)
			}
			if res.Version != "4.30.0" {
				t.Errorf("plugin version %q, want that of the SDK in go.mod", res.Version)
			}
		})
	}
}

func TestSecretValuesStaySecretAlone(t *testing.T) {
	rec := &recorder.Recorder{}
	rec.MustRun(t, func(ctx *pulumi.Context) error {
		token := pulumi.ToSecret(pulumi.String("token")).(pulumi.StringOutput)
		_, err := helm.NewRelease(ctx, "hub", &helm.ReleaseArgs{Chart: "jupyterhub", Values: pulumi.Map{
			"proxy":      pulumi.Map{"secretToken": token},
			"singleuser": pulumi.Map{"memory": pulumi.Map{"limit": pulumi.String("15G")}},
		}})
		return err
	})
	values := rec.One(t, helm.ReleaseType, "hub").Inputs["values"].ObjectValue()
	if secret := values["proxy"].ObjectValue()["secretToken"]; !secret.IsSecret() {
		t.Errorf("the token is recorded as %v, want a secret", secret)
	}
	if values["singleuser"].ContainsSecrets() {
		t.Error("values beside the secret became secret too, so a preview could not show them")
	}
}

func TestStatus(t *testing.T) {
	rec := &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{helm.ReleaseType: installed}}
	var got []any
	rec.MustRun(t, func(ctx *pulumi.Context) error {
		r, err := helm.NewRelease(ctx, "hub", &helm.ReleaseArgs{Chart: "c", Namespace: pulumi.String("roman-sit-staging")})
		if err != nil {
			return err
		}
		done := make(chan []any, 1)
		pulumi.All(r.InstalledNamespace(), r.StatusText()).ApplyT(func(vs []any) []any { done <- vs; return vs })
		got = <-done
		return nil
	})
	if diff := cmp.Diff([]any{"roman-sit-staging", "deployed"}, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestNoChart(t *testing.T) {
	rec := &recorder.Recorder{}
	err := rec.Run("staging", func(ctx *pulumi.Context) error {
		_, err := helm.NewRelease(ctx, "hub", &helm.ReleaseArgs{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), `helm release "hub": no chart is given`) {
		t.Errorf("error %v, want one that names the release and the chart", err)
	}
	if n := len(rec.All()); n != 0 {
		t.Errorf("%d resources registered, want none", n)
	}
}
