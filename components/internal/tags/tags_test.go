package tags_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
)

func TestTagsLeaveTheCommonMapAlone(t *testing.T) {
	common := map[string]string{"owner": "dmd"}
	want := pulumi.StringMap{"owner": pulumi.String("dmd"), "Name": pulumi.String("vpc")}
	if diff := cmp.Diff(want, tags.Named(common, "vpc")); diff != "" {
		t.Errorf("Named (-want +got):\n%s", diff)
	}
	merged := tags.With(common, map[string]string{"owner": "jm", "hub": "hub"})
	if diff := cmp.Diff(map[string]string{"owner": "jm", "hub": "hub"}, merged); diff != "" {
		t.Errorf("With (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"owner": "dmd"}, common); diff != "" {
		t.Errorf("the common map has changed (-want +got):\n%s", diff)
	}
	if got := tags.Map(nil); got == nil {
		t.Error("Map(nil) is nil, want an empty map")
	}
	if diff := cmp.Diff(map[string]string{"a": "b"}, tags.With(nil, map[string]string{"a": "b"})); diff != "" {
		t.Errorf("With(nil, …) (-want +got):\n%s", diff)
	}
}
