package stacks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
)

// clean is a scanner that finds nothing.
type clean struct{}

func (clean) Scan(context.Context, admission.Subject, time.Duration) (*admission.Report, error) {
	return &admission.Report{Scanner: "clean"}, nil
}

// An update takes what the gate has admitted, asks for what it would begin to run alone, and builds nothing where the gate is required.
func TestAdmitted(t *testing.T) {
	const tag, repository = "h1-a", "162808325377.dkr.ecr.us-east-1.amazonaws.com/lab-prod-i"
	good, bad := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	for name, tt := range map[string]struct {
		pin, digest, running, built string
		optional, base              bool
		down                        error
		asked                       string // the repository that was asked
		wrong                       string
	}{
		"pinned and admitted":                {pin: "elsewhere.test/i:" + tag + "@" + good, asked: "elsewhere.test/i"},
		"pinned and not admitted":            {pin: "elsewhere.test/i@" + bad, asked: "elsewhere.test/i", wrong: "the gate of prod does not admit image i, " + bad + ": no admission is recorded of it"},
		"pinned and running":                 {pin: "elsewhere.test/i@" + bad, running: "repo@" + bad},
		"in the registry and admitted":       {digest: good, running: "repo@" + bad, asked: repository},
		"in the registry and not admitted":   {digest: bad, asked: repository, wrong: "does not admit image i, " + bad},
		"built here as it was":               {built: tag, running: "repo@" + bad},
		"to be built":                        {built: "h1-before", wrong: "the gate of prod does not admit image i: an update would build it"},
		"not required":                       {digest: bad, optional: true},
		"not run by a hub":                   {digest: bad, base: true},
		"a registry that does not answer":    {digest: good, asked: repository, down: errors.New("no answer"), wrong: "whether the gate of prod has admitted it is not known: image i: no answer"},
		"the first update of a pinned image": {pin: "elsewhere.test/i@" + good, asked: "elsewhere.test/i"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := &config.Stack{Environment: "prod"}
			stack.Deployment = config.Deployment{Name: "lab", AccountID: "162808325377", Region: "us-east-1"}
			stack.Registry.Gate = config.Gate{Threshold: config.SeverityCritical, Required: !tt.optional}
			stack.Images = []config.Image{{Name: "i"}}
			if !tt.base {
				stack.Hubs = []config.Hub{{Name: "hub", Image: "i"}}
			}
			records := &admission.Memory{}
			gate := &admission.Gate{Store: records, Scanner: clean{}, Clock: admission.SystemClock{}}
			if _, err := gate.Admit(t.Context(), admission.Subject{Repository: "r", Digest: good}, admission.PolicyOf(stack, &stack.Images[0])); err != nil {
				t.Fatal(err)
			}
			asked := ""
			store := &imagestore.Store{Now: time.Now, Admissions: func(_ context.Context, repository string, writes bool) (admission.Store, error) {
				if writes {
					t.Error("an update writes a record")
				}
				asked += repository
				return records, tt.down
			}}
			err := pulumi.RunErr(func(ctx *pulumi.Context) error {
				d := &deployment{ctx: ctx, Stack: stack, opts: Options{Images: store}, outputs: map[string]any{
					"images": map[string]any{"i": tt.running}, "builds": map[string]any{"i": tt.built},
				}}
				return d.admitted(&images.Image{Image: stack.Images[0], Pin: tt.pin, Tag: tag}, &image.Args{Digest: tt.digest})
			}, pulumi.WithMocks("hubwright", "prod", nothing{}))
			if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("error %v, want %q", err, tt.wrong)
			}
			if asked != tt.asked {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
		})
	}
}
