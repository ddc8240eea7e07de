// Package neighbours_test has a deployment get on with what is there beside it: another environment on its cluster, an image that somebody else pushed,
// the engine started by hand, a deployment of another tool.
package neighbours_test

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// Two environments on one cluster: the second builds on the first, both stay without changes, and the first goes last.
func TestSharedCluster(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, func(name, text string) string {
		if name != "Pulumi.prod.yaml" {
			return text
		}
		before, rest, _ := strings.Cut(text, "  hubwright:cluster:")
		_, after, found := strings.Cut(rest, "  hubwright:storage:")
		if !found {
			t.Fatal("Pulumi.prod.yaml has no cluster and storage to change")
		}
		return before + "  hubwright:cluster: {from: staging}\n  hubwright:storage:" + after
	})
	d.Must(1, "preview prod --sandbox").Has(t, "the cluster of staging (cluster.from), which is not deployed", "first `hubwright up staging --sandbox`")

	// An update that fails at its end leaves no outputs. What is there is told of nevertheless.
	d.Must(0, "sandbox fault add --kind aws:route53/* --op create --times 1 --message Throttling")
	d.Must(1, "up staging --sandbox --yes").Has(t, "Throttling", "what succeeded is recorded")
	d.Must(5, "status staging --sandbox").Has(t, "incomplete", "`hubwright up staging --sandbox` goes on")
	d.Must(1, "url staging --sandbox").Has(t, "no update has ended well yet", "`hubwright up staging --sandbox` goes on")
	d.Must(1, "outputs staging --sandbox").Has(t, "no update has ended well yet")

	d.Must(0, "up staging --sandbox --yes")
	d.Must(0, "up prod --sandbox --yes").Has(t, "https://roman-sit.science.stsci.edu")
	clusters := 0
	for _, o := range d.Objects() {
		if strings.HasPrefix(o, "aws:eks/cluster:") {
			clusters++
		}
	}
	if clusters != 1 {
		t.Errorf("%d clusters, want the one that is shared", clusters)
	}
	for _, env := range []string{"staging", "prod"} {
		d.Must(0, "preview "+env+" --sandbox --detailed-exitcode").Has(t, "no change")
		d.Must(0, "status "+env+" --sandbox").Has(t, "healthy")
	}

	before := strings.Join(d.Objects(), "\n")
	d.Must(4, "destroy staging --sandbox --yes").Has(t, "prod shares this cluster", "first `hubwright destroy prod --sandbox`")
	if strings.Join(d.Objects(), "\n") != before {
		t.Error("what was refused changed the world")
	}
	d.Must(0, "destroy prod --sandbox --yes").Has(t, "kept, because they hold data")
	d.Must(0, "status staging --sandbox").Has(t, "healthy")
	d.Must(4, "destroy staging --sandbox --with-data --confirm staging").Has(t, "first `hubwright destroy prod --with-data --sandbox`")
	d.Must(0, "destroy staging --sandbox --yes")

	// What is kept of prod is deleted without a cluster too.
	d.Must(0, "destroy prod --sandbox --with-data --confirm prod")
	d.Must(0, "destroy staging --sandbox --with-data --confirm staging")
	for _, o := range d.Objects() {
		for _, kind := range []string{"aws:efs/", "aws:ec2/vpc", "aws:eks/", "aws:ecr/"} {
			if strings.HasPrefix(o, kind) {
				t.Errorf("left after everything was destroyed: %s", o)
			}
		}
	}
}
