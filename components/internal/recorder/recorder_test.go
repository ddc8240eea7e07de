package recorder_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/recorder"
)

func TestInput(t *testing.T) {
	res := recorder.Resource{Inputs: resource.PropertyMap{
		"tags":  resource.NewObjectProperty(resource.PropertyMap{"Name": resource.MakeSecret(resource.NewStringProperty("n"))}),
		"ports": resource.NewArrayProperty([]resource.PropertyValue{resource.NewNumberProperty(80), resource.NewNumberProperty(443)}),
		"a.b/c": resource.NewStringProperty("quoted"),
	}}
	for path, want := range map[string]any{
		"tags.Name": "n", "ports.1": 443.0, "ports[0]": 80.0, `["a.b/c"]`: "quoted", "ports": []any{80.0, 443.0}, "nothing": nil, "ports.2": nil,
	} {
		if diff := cmp.Diff(want, res.Input(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if !res.IsSecret("tags") || res.IsSecret("ports") {
		t.Errorf("secret: tags %v, ports %v", res.IsSecret("tags"), res.IsSecret("ports"))
	}
}

func TestAwait(t *testing.T) {
	rec := &recorder.Recorder{Preview: true}
	rec.MustRun(t, func(*pulumi.Context) error {
		for _, tt := range []struct {
			output pulumi.Output
			want   recorder.Awaited
		}{
			{pulumi.String("x").ToStringOutput(), recorder.Awaited{Value: "x", Known: true}},
			{pulumi.ToSecret(pulumi.String("x")), recorder.Awaited{Value: "x", Known: true, Secret: true}},
			{pulumi.UnsafeUnknownOutput(nil), recorder.Awaited{}},
		} {
			got, err := recorder.Await(tt.output)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("awaited (-want +got):\n%s", diff)
			}
		}
		return nil
	})
}
