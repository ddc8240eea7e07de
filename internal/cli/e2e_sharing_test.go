package cli_test

import (
	"strings"
	"testing"
)

// Two environments on one cluster: the second builds on the first, both stay without changes, and the first goes last.
func TestSharedCluster(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, func(name, text string) string {
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
	d.must(1, "preview prod --sandbox").has(t, "the cluster of staging (cluster.from), which is not deployed", "first `hubwright up staging --sandbox`")

	// An update that fails at its end leaves no outputs. What is there is told of nevertheless.
	d.must(0, "sandbox fault add --kind aws:route53/* --op create --times 1 --message Throttling")
	d.must(1, "up staging --sandbox --yes").has(t, "Throttling", "what succeeded is recorded")
	d.must(5, "status staging --sandbox").has(t, "incomplete", "`hubwright up staging --sandbox` goes on")
	d.must(1, "url staging --sandbox").has(t, "no update has ended well yet", "`hubwright up staging --sandbox` goes on")
	d.must(1, "outputs staging --sandbox").has(t, "no update has ended well yet")

	d.must(0, "up staging --sandbox --yes")
	d.must(0, "up prod --sandbox --yes").has(t, "https://roman-sit.science.stsci.edu")
	clusters := 0
	for _, o := range d.objects() {
		if strings.HasPrefix(o, "aws:eks/cluster:") {
			clusters++
		}
	}
	if clusters != 1 {
		t.Errorf("%d clusters, want the one that is shared", clusters)
	}
	for _, env := range []string{"staging", "prod"} {
		d.must(0, "preview "+env+" --sandbox --detailed-exitcode").has(t, "no change")
		d.must(0, "status "+env+" --sandbox").has(t, "healthy")
	}

	before := strings.Join(d.objects(), "\n")
	d.must(4, "destroy staging --sandbox --yes").has(t, "prod shares this cluster", "first `hubwright destroy prod --sandbox`")
	if strings.Join(d.objects(), "\n") != before {
		t.Error("what was refused changed the world")
	}
	d.must(0, "destroy prod --sandbox --yes").has(t, "kept, because they hold data")
	d.must(0, "status staging --sandbox").has(t, "healthy")
	d.must(4, "destroy staging --sandbox --with-data --confirm staging").has(t, "first `hubwright destroy prod --with-data --sandbox`")
	d.must(0, "destroy staging --sandbox --yes")

	// What is kept of prod is deleted without a cluster too.
	d.must(0, "destroy prod --sandbox --with-data --confirm prod")
	d.must(0, "destroy staging --sandbox --with-data --confirm staging")
	for _, o := range d.objects() {
		for _, kind := range []string{"aws:efs/", "aws:ec2/vpc", "aws:eks/", "aws:ecr/"} {
			if strings.HasPrefix(o, kind) {
				t.Errorf("left after everything was destroyed: %s", o)
			}
		}
	}
}
