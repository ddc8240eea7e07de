package archtest

// module is the path of this module.
const module = "github.com/hubwright/hubwright"

// room says which packages of this module a package may use.
type room struct {
	name string
	uses []string
	why  string
}

// rooms are all of them. The first that fits a package counts. A package that fits none is a new room: it gets an entry here, so that its place
// is decided and not found.
var rooms = []room{
	{".", []string{"internal/cli", "stacks"}, "main is a doorway"},
	{"stacks", []string{"components/...", "internal/admission", "internal/awsapi", "internal/bundle", "internal/config", "internal/deploydir", "internal/dockerd", "internal/gitsource", "internal/gitsource/codecommit", "internal/imagehash", "internal/images", "internal/imagestore", "internal/oci", "internal/secretfile", "internal/values"}, "the graph knows configuration and components, neither engine nor terminal"},
	{"components/internal/...", []string{"components/internal/..."}, "components are a library that other Pulumi programs can use"},
	{"components/...", []string{"components/internal/..."}, "components are a library that other Pulumi programs can use; they meet in stacks"},
	{"internal/admission", []string{"internal/config"}, "what an image has to pass, whoever builds, asks or promotes"},
	{"internal/archtest", nil, "it looks at the house from outside"},
	{"internal/awsapi", nil, "it is the way to AWS, whoever asks for what"},
	{"internal/bootstrap", []string{"internal/awsapi"}, "names in, a bucket and a key out"},
	{"internal/bundle", nil, "what runs somewhere, as plain data"},
	{"internal/certchain", nil, "certificates in, a verdict out"},
	{"internal/change", nil, "a change is plain data"},
	{"internal/chartcheck", []string{"internal/render", "internal/values"}, "a chart and values in, problems out"},
	{"internal/ciworkflow", nil, "environments in, the files of a forge's CI out"},
	{"internal/config/...", []string{"internal/certchain", "internal/config", "internal/deploydir", "internal/gitsource", "internal/guard"}, "configuration is read before anything runs"},
	{"internal/deploydir", nil, "a directory and its bounds, whatever is in it"},
	{"internal/dockerd", nil, "a daemon, whoever asks for it"},
	{"internal/dockerfile", nil, "a Dockerfile in, what it refers to out"},
	{"internal/doctor", []string{"internal/awsapi", "internal/bootstrap", "internal/dockerd"}, "it looks at a machine and an account, whoever asks"},
	{"internal/e2e/...", nil, "tests alone, of the program as a person uses it; what they have in common is internal/cli/clitest"},
	{"internal/forge", nil, "a text and whose it is in, a comment or an issue out"},
	{"internal/gitsource/...", []string{"internal/gitsource"}, "a repository and a commit in, a file out, whatever it is for"},
	{"internal/guard", []string{"internal/change"}, "a change in, what rules say of it out"},
	{"internal/heap", nil, "it is initialised as early as can be"},
	{"internal/hubploy", []string{"internal/scaffold", "internal/secretfile", "internal/values"}, "another tool's deployment in, a directory out"},
	{"internal/imagebuild", []string{"internal/config", "internal/dockerd", "internal/images", "internal/oci"}, "images built in their order, whoever asks for it"},
	{"internal/images", []string{"internal/config", "internal/dockerfile", "internal/imagehash"}, "what is made of what, before anything is made"},
	{"internal/imagehash", nil, "a build context in, its address out, without Docker and without an engine"},
	{"internal/imagestore", []string{"internal/admission", "internal/config", "internal/images", "internal/oci"}, "what registries have of the images, whoever builds them"},
	{"internal/impact", []string{"internal/change", "internal/manifest", "internal/render"}, "releases before and after in, what that comes to out"},
	{"internal/lazyregexp", nil, "it knows of nothing but the language"},
	{"internal/noquery", nil, "it is initialised before all others"},
	{"internal/manifest", nil, "objects in, differences out, whatever they are for"},
	{"internal/nodocker", nil, "a provider knows of nothing but the engine"},
	{"internal/oci", []string{"internal/awsapi"}, "images in registries, whoever builds or deploys them"},
	{"internal/problem", nil, "what is said of a file knows nothing of what the file is for"},
	{"internal/release", nil, "Helm's records of a release, wherever its cluster is"},
	{"internal/render/...", nil, "a chart and values in, manifests out"},
	{"internal/result", []string{"internal/admission", "internal/bootstrap", "internal/bundle", "internal/change", "internal/doctor", "internal/driver", "internal/hubploy", "internal/imagebuild", "internal/imagestore", "internal/sandbox/world", "internal/values", "internal/verify"}, "what the command line prints, as plain data"},
	{"internal/scaffold", []string{"internal/deploydir"}, "the files of a new deployment, whoever asks for it"},
	{"internal/secretfile", []string{"internal/awsapi"}, "an encrypted file and its keys, whatever it is for; some are in AWS"},
	{"internal/secretname", nil, "a name or a text in, a verdict out"},
	{"internal/term", nil, "the terminal knows nothing of deployments"},
	{"internal/touched", []string{"internal/config", "internal/deploydir"}, "a deployment and a commit in, environments out"},
	{"internal/verify", []string{"internal/certchain", "internal/release"}, "a hub and the ways to it in, what is seen of it out"},
	{"internal/values/...", []string{"internal/deploydir"}, "layers of values know nothing of what they are for"},
	{"internal/driver/...", []string{"internal/change", "internal/driver"}, "the driver knows nothing of the command line or the sandbox"},
	{"internal/sandbox/...", []string{"internal/sandbox/...", "internal/gitsource", "internal/render"}, "the services know nothing of who deploys to them"},
	{"internal/cli/...", []string{
		"internal/cli/...", "internal/admission", "internal/awsapi", "internal/bootstrap", "internal/bundle", "internal/change", "internal/chartcheck", "internal/ciworkflow", "internal/config", "internal/deploydir", "internal/dockerd", "internal/doctor", "internal/driver", "internal/forge", "internal/gitsource", "internal/guard", "internal/hubploy", "internal/imagebuild", "internal/images", "internal/imagestore", "internal/impact", "internal/nodocker", "internal/noquery", "internal/oci", "internal/release", "internal/render", "internal/result", "internal/scaffold", "internal/secretfile", "internal/sandbox", "internal/sandbox/world",
		"internal/term", "internal/touched", "internal/values", "internal/verify", "stacks",
	}, "the command line brings the others together"},
}

// everywhere are packages that any room may use: they know of nothing that is this program's.
var everywhere = []string{"internal/heap", "internal/imagehash", "internal/lazyregexp", "internal/problem", "internal/secretname"}

// forTests are packages that exist for the tests of others, or to measure.
var forTests = []string{"bench", "bench/imagehash", "components/internal/recorder", "internal/cli/clitest", "internal/driver/enginetest", "internal/gitsource/gittest", "internal/needs", "internal/oci/registrytest", "internal/reference", "internal/sandbox/simtest", "internal/shipped"}

// outside says which packages from elsewhere only some packages may import, tests included.
var outside = []struct {
	imported string
	only     []string
	why      string
}{
	{"github.com/pulumi/pulumi/sdk/v3/go/auto/...", []string{"internal/driver/..."}, "only the driver talks to the engine"},
	{"github.com/urfave/cli/v2/...", []string{"internal/cli/..."}, "only the command line parses flags"},
	{"github.com/moby/buildkit/...", []string{"internal/dockerd", "internal/dockerfile"}, "only its Dockerfile parser and the messages of its account of a build are small"},
	{"github.com/moby/moby/client/...", []string{"internal/dockerd"}, "only internal/dockerd speaks to a daemon"},
	{"github.com/google/go-containerregistry/...", []string{"internal/admission", "internal/oci"}, "internal/oci speaks to registries for all others; records of admissions are images' referrers"},
	{"golang.org/x/term/...", []string{"internal/term"}, "only internal/term knows whether there is a terminal"},
	{"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/...", nil, "it brings 69 packages along and doubles the time to link: use components/internal/helm"},
	{"helm.sh/helm/v4/pkg/action/...", nil, "it brings kubectl along, 150 MB of it"},
	{"helm.sh/helm/v4/pkg/kube/...", nil, "it brings kubectl along, 150 MB of it"},
	{"helm.sh/helm/v3/...", nil, "one Helm is enough: helm.sh/helm/v4"},
	{"helm.sh/helm/v4/...", []string{"internal/chartcheck", "internal/hubploy", "internal/release", "internal/render/...", "internal/sandbox/...", "internal/values"}, "values are merged in internal/values, a chart is rendered in internal/render, a release made by the provider, its records read in internal/release"},
}

// narrow says which packages of a large SDK may be imported at all: each costs build time and size in everybody's binary.
var narrow = []struct {
	sdk      string
	packages []string
}{
	{
		"github.com/pulumi/pulumi-aws/sdk/v6/go/aws",
		[]string{".", "acm", "autoscaling", "backup", "codecommit", "ec2", "ecr", "efs", "eks", "elb", "iam", "kms", "lb", "route53", "vpc"},
	},
	{
		"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes",
		[]string{".", "core/v1", "meta/v1", "storage/v1", "utilities"},
	},
}

// heavy is what must not come into the program by any way round.
var heavy = []string{
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/...", "github.com/pulumi/pulumi/pkg/v3/...",
	"helm.sh/helm/v4/pkg/action/...", "helm.sh/helm/v4/pkg/kube/...", "k8s.io/kubectl/...",
}

// vague are package names that say nothing of what is inside.
var vague = []string{"util", "utils", "helper", "helpers", "common", "misc", "shared"}

// maxLines is the length above which a file is asked whether it is two.
const maxLines = 400

// long are the files that may be longer, each with its reason.
var long = map[string]string{}
