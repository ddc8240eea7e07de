package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/hubwright/hubwright/internal/change"
)

// The names of the rules.
const (
	DataLoss          = "data-loss"
	StrandedHomes     = "stranded-homes"
	WrongTarget       = "wrong-target"
	Protected         = "protected"
	PendingOperations = "pending-operations" // the driver finds these
	MissingSecrets    = "missing-secrets"
	UnadmittedImage   = "unadmitted-image"
	UntestedBundle    = "untested-bundle"
	ClosedWindow      = "closed-window"
	KubernetesVersion = "kubernetes-version"
	ChartDowngrade    = "chart-downgrade"
	PublicEndpoint    = "public-endpoint"
	DummyAuth         = "dummy-auth"
)

func rules() []rule {
	none := func(*change.Change, *Facts, *Set) []change.Guard { return nil }
	return []rule{
		{DataLoss, "something that holds people's work, or the key to it, would be deleted or replaced: a file system, a volume, a claim, a KMS key, a repository of secrets or images, a namespace with claims, the cluster under them", Stop, dataLoss},
		{StrandedHomes, "users would see other homes than before: another claim, another folder in it, another volume behind it", Stop, strandedHomes},
		{WrongTarget, "the change would go to another account, region or cluster than the last update did", Stop, wrongTarget},
		{Protected, "the engine refuses to delete or replace what is protected", Stop, protected},
		{PendingOperations, "an earlier update was cut off, and what became of it is not known", Stop, none},
		{MissingSecrets, "a hub lacks secrets that a person has to enter, and waits for them", Warn, missingSecrets},
		{UnadmittedImage, "an image would be used that the gate has not admitted", Stop, unadmittedImage},
		{UntestedBundle, "the environment would not run what was tested", Stop, untestedBundle},
		{ClosedWindow, "people's work would be interrupted at a time that is closed to that", Stop, closedWindow},
		{KubernetesVersion, "Kubernetes would go back, or forward by more than one minor version", Stop, kubernetesVersion},
		{ChartDowngrade, "a hub's chart would go back to an earlier version", Stop, chartDowngrade},
		{PublicEndpoint, "the cluster's API server would be open to the whole internet", Warn, publicEndpoint},
		{DummyAuth, "anybody could log in to a hub that the internet can reach", Stop, dummyAuth},
	}
}

// holdsData are the types of resources that hold what people made, or without which nobody gets at it, in words.
var holdsData = map[string]string{
	"aws:efs/fileSystem:FileSystem":            "the file system with users' homes",
	"aws:ebs/volume:Volume":                    "a volume",
	"kubernetes:core/v1:PersistentVolumeClaim": "a claim, and what is in its volume",
	"kubernetes:core/v1:PersistentVolume":      "the volume behind a claim",
	"kubernetes:core/v1:Namespace":             "a namespace, and every claim in it",
	"aws:kms/key:Key":                          "the key that secrets are encrypted with",
	"aws:codecommit/repository:Repository":     "the repository of secrets",
	"aws:ecr/repository:Repository":            "a repository of images",
	"aws:eks/cluster:Cluster":                  "the cluster, and every volume and claim in it",
	"aws:s3/bucket:Bucket":                     "a bucket",
	"aws:s3/bucketV2:BucketV2":                 "a bucket",
	"aws:rds/instance:Instance":                "a database",
}

func dataLoss(c *change.Change, _ *Facts, _ *Set) (out []change.Guard) {
	for _, s := range c.Destroys() {
		what := holdsData[s.Type]
		if what == "" {
			continue
		}
		why := ""
		if s.Op == "replace" {
			why = forcedBy(s)
		}
		out = append(out, change.Guard{
			URN: s.URN, Message: fmt.Sprintf("%s (%s) would be %sd%s", what, s.Name, s.Op, why), Hint: "keep it as it is; where it must go, copy what it holds first, and say so by an override",
		})
	}
	for _, m := range c.Manifests {
		if m.Op == "delete" && m.Kind == "PersistentVolumeClaim" && !releaseGoes(c, m.Hub) {
			out = append(out, change.Guard{Message: fmt.Sprintf("hub %s's chart would delete the claim %s, and what is in its volume", m.Hub, m.Name), Hint: "keep what makes the claim in the values"})
		}
	}
	return out
}

// releaseGoes says whether a hub's release is deleted as a whole, which a step tells of.
func releaseGoes(c *change.Change, hub string) bool {
	return slices.ContainsFunc(c.Steps, func(s change.Step) bool { return s.Op == "delete" && s.Name == hub+"-release" })
}

// forcedBy names the properties that make a resource be replaced.
func forcedBy(s change.Step) string {
	var paths []string
	for _, d := range s.Diff {
		if strings.HasSuffix(d.Kind, "-replace") {
			text := d.Path
			if d.From != "" {
				text += " (" + d.From + ")"
			}
			paths = append(paths, text)
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return ", since " + strings.Join(paths, " and ") + " changes"
}

// homesAt are properties that say where users' homes are, as the ends of their paths, by the type of what has them. The JupyterHub chart's are from
// https://z2jh.jupyter.org/en/stable/resources/reference.html#singleuser-storage.
var homesAt = []struct {
	token string
	ends  []string
}{
	{"kubernetes:helm.sh/v3:Release", []string{
		"singleuser.storage.type", "singleuser.storage.static.pvcName", "singleuser.storage.static.subPath", "singleuser.storage.homeMountPath",
		"singleuser.storage.dynamic.pvcNameTemplate", "singleuser.storage.dynamic.volumeNameTemplate", "singleuser.storage.dynamic.storageClass",
	}},
	{"kubernetes:core/v1:PersistentVolumeClaim", []string{"spec.volumeName", "spec.storageClassName", "metadata.name", "metadata.namespace"}},
	{"kubernetes:core/v1:PersistentVolume", []string{"spec.csi.volumeHandle", "spec.nfs.server", "spec.nfs.path"}},
	{"aws:efs/accessPoint:AccessPoint", []string{"rootDirectory.path", "fileSystemId"}},
}

func strandedHomes(c *change.Change, _ *Facts, _ *Set) (out []change.Guard) {
	for _, s := range c.Steps {
		if s.Op != "update" && s.Op != "replace" {
			continue
		}
		for _, h := range homesAt {
			if s.Type != h.token {
				continue
			}
			for _, d := range s.Diff {
				if !slices.ContainsFunc(h.ends, func(end string) bool { return d.Path == end || strings.HasSuffix(d.Path, "."+end) }) {
					continue
				}
				from := ""
				if d.From != "" {
					from = " (" + d.From + ")"
				}
				out = append(out, change.Guard{
					URN: s.URN, Message: fmt.Sprintf("users would see other homes: %s of %s %s%s", d.Path, s.Name, d.Text(), from), Hint: "the old homes stay where they are, and nobody sees them: move them first, and say so by an override",
				})
			}
		}
	}
	return out
}

// targets are the properties that say where everything goes, by the type of the provider that has them.
var targets = []struct{ token, path, what string }{
	{"pulumi:providers:aws", "region", "region"},
	{"pulumi:providers:aws", "allowedAccountIds", "account"},
	{"pulumi:providers:kubernetes", "clusterIdentifier", "cluster"},
	{"pulumi:providers:kubernetes", "context", "context"},
}

func wrongTarget(c *change.Change, _ *Facts, _ *Set) (out []change.Guard) {
	seen := map[string]bool{}
	for _, s := range c.Steps {
		for _, d := range s.Diff {
			for _, t := range targets {
				if s.Type != t.token || d.Path != t.path && !strings.HasPrefix(d.Path, t.path+"[") || d.Old == nil || d.New == nil || d.New == "[unknown]" {
					continue
				}
				message := fmt.Sprintf("%s is deployed to %s %v, and this would go to %v", c.Environment, t.what, d.Old, d.New)
				if !seen[message] { // there may be several providers of a type
					seen[message] = true
					out = append(out, change.Guard{URN: s.URN, Message: message, Hint: "an environment stays where it is: make another one for another place"})
				}
			}
		}
	}
	return out
}

func protected(c *change.Change, f *Facts, _ *Set) (out []change.Guard) {
	if f.ReplacedProtected != "" {
		out = append(out, change.Guard{Message: f.ReplacedProtected, Hint: "what holds data is protected: change the configuration so that it stays; `hubwright destroy --with-data` lets it go"})
	}
	for _, s := range c.Destroys() {
		if s.Protected {
			out = append(out, change.Guard{URN: s.URN, Message: fmt.Sprintf("%s %s is protected, and would be %sd", change.ShortType(s.Type), s.Name, s.Op), Hint: "the engine refuses that: change the configuration so that it stays"})
		}
	}
	return out
}

// each is a guard for each of some facts.
func each(facts []string, format, hint string) (out []change.Guard) {
	for _, fact := range facts {
		out = append(out, change.Guard{Message: fmt.Sprintf(format, fact), Hint: hint})
	}
	return out
}

func missingSecrets(_ *change.Change, f *Facts, _ *Set) []change.Guard {
	return each(f.MissingSecrets, "%s", "each of these commands asks for a value, or reads a file; the next update completes the hub")
}

func unadmittedImage(_ *change.Change, f *Facts, _ *Set) []change.Guard {
	return each(f.Unadmitted, "%s", "`hubwright images scan ENV` has the gate look at it")
}

func untestedBundle(_ *change.Change, f *Facts, _ *Set) []change.Guard {
	return each(f.Untested, "%s", "`hubwright promote FROM TO` brings what was tested")
}

func kubernetesVersion(c *change.Change, _ *Facts, _ *Set) (out []change.Guard) {
	for _, s := range c.Steps {
		if s.Type != "aws:eks/cluster:Cluster" {
			continue
		}
		for _, d := range s.Diff {
			was, is, ok := versions(d, "version")
			if !ok {
				continue
			}
			var message string
			switch {
			case is.LessThan(was):
				message = fmt.Sprintf("Kubernetes would go back from %s to %s, which EKS does not do", d.Old, d.New)
			case is.Major() > was.Major() || is.Minor() > was.Minor()+1:
				message = fmt.Sprintf("Kubernetes would go from %s to %s: EKS takes one minor version at a time", d.Old, d.New)
			default:
				continue
			}
			// https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html
			out = append(out, change.Guard{URN: s.URN, Message: message, Hint: fmt.Sprintf("the next one is %d.%d", was.Major(), was.Minor()+1)})
		}
	}
	return out
}

func chartDowngrade(c *change.Change, _ *Facts, _ *Set) (out []change.Guard) {
	for _, s := range c.Steps {
		if s.Type != "kubernetes:helm.sh/v3:Release" {
			continue
		}
		for _, d := range s.Diff {
			if was, is, ok := versions(d, "version"); ok && is.LessThan(was) {
				out = append(out, change.Guard{
					URN: s.URN, Message: fmt.Sprintf("the chart of %s would go back from %s to %s", s.Name, d.Old, d.New), Hint: "the hub's database has been upgraded by then, and an earlier hub may not read it; `hubwright rollback ENV` goes back to what ran before, as a whole",
				})
			}
		}
	}
	return out
}

// versions are the versions that a property of that path goes from and to.
func versions(d change.Property, path string) (was, is *semver.Version, ok bool) {
	if d.Path != path {
		return nil, nil, false
	}
	was, err := semver.NewVersion(fmt.Sprint(d.Old))
	if err != nil {
		return nil, nil, false
	}
	is, err = semver.NewVersion(fmt.Sprint(d.New))
	return was, is, err == nil
}

// everybody are the ranges of all addresses.
var everybody = []string{"0.0.0.0/0", "::/0"}

func publicEndpoint(c *change.Change, f *Facts, _ *Set) (out []change.Guard) {
	open := slices.ContainsFunc(f.PublicCIDRs, func(r string) bool { return slices.Contains(everybody, r) })
	if !f.PublicEndpoint || len(f.PublicCIDRs) > 0 && !open {
		return nil
	}
	for _, s := range c.Steps {
		if s.Type != "aws:eks/cluster:Cluster" {
			continue
		}
		touched := s.Op == "create" || slices.ContainsFunc(s.Diff, func(d change.Property) bool { return strings.HasPrefix(d.Path, "vpcConfig") })
		if touched {
			out = append(out, change.Guard{URN: s.URN, Message: "everybody can reach the cluster's API server, and only IAM stands before it", Hint: "list in cluster.endpoint.publicCidrs who may reach it"})
		}
	}
	return out
}

func dummyAuth(_ *change.Change, f *Facts, _ *Set) []change.Guard {
	return each(f.DummyAuth, "anybody could log in to hub %s with any name, from everywhere", "configure a way to log in: hubs[…].auth")
}

func closedWindow(c *change.Change, f *Facts, s *Set) (out []change.Guard) {
	var why []string
	for _, e := range c.Effects {
		if e.Weight == change.Interrupts || e.Weight == change.Loss {
			why = append(why, e.Hub+": "+e.Message)
		}
	}
	for _, step := range c.Steps {
		if step.Type == "aws:eks/nodeGroup:NodeGroup" && (step.Op == "replace" || step.Op == "delete" || slices.ContainsFunc(step.Diff, func(d change.Property) bool { return d.Path == "version" })) {
			why = append(why, "the nodes of "+step.Name+" are made anew, and the servers on them end")
		}
	}
	if len(why) == 0 {
		return nil
	}
	for _, w := range s.closed {
		if until, in := w.covers(f.Now); in {
			reason := ""
			if w.reason != "" {
				reason = " (" + w.reason + ")"
			}
			out = append(out, change.Guard{Message: fmt.Sprintf("%s, and that is closed now%s", why[0], reason), Hint: "it opens at " + until.Format("Mon 2006-01-02 15:04 MST")})
		}
	}
	return out
}
