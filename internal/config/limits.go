package config

import (
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Forms and limits of the services, with where they are written down.
const (
	// A DNS label: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1; a namespace is one:
	// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
	maxLabel = 63
	// A whole domain name: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
	maxDomain = 253
	// A Helm release: https://helm.sh/docs/chart_template_guide/getting_started/#a-first-template-call
	maxRelease = 53
	// A node group: https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html (63 characters), less what is put around its name.
	maxNodeGroup = 63
	// An IAM role, group and policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
	maxRole = 64
	// longestRole is the longest name put after a prefix: the autoscaler's role.
	longestRole = "-cluster-autoscaler"
	// An ECR repository: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
	maxRepository = 256
	// A KMS alias: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html (256 characters, "alias/" among them).
	maxAlias = 250
	// A CodeCommit repository: https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
	maxCodecommit = 100
	// Tags: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
	maxTags, maxTagKey, maxTagValue = 50, 128, 256
	// EKS wants two zones at least: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html. More than four serve nobody here.
	minZones, maxZones = 2, 4
	// Sizes of a new VPC. EC2 permits /16 to /28 (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html); the network component
	// carves subnets for seven zones out of it, which a range below a /20 has no room for.
	widestVPC, narrowestVPC = 16, 20
	// A node group's taints: https://docs.aws.amazon.com/eks/latest/userguide/node-taints-managed-node-groups.html
	maxTaints = 50
	// A node's disk: EKS's own default is 20 GiB (https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html), and a scientific
	// image does not fit on less. A gp3 volume ends at 64 TiB: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
	minDisk, maxDisk = 20, 65536
	// A node group's nodes: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html
	maxNodes = 450
	// The days KMS waits: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
	minWindow, maxWindow = 7, 30
	// Kubernetes labels: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
	maxLabelName, maxLabelPrefix = 63, 253
	// Route 53's TTL: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
	maxTTL = 1<<31 - 1
	// https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html
	maxID = 1<<32 - 1
	// What a process can end with, besides 0: https://pubs.opengroup.org/onlinepubs/9799919799/functions/exit.html
	maxExitCode = 255
)

// form is a pattern with a name and an example for messages.
type form struct {
	*lazyregexp.Regexp
	what, example string
}

func newForm(what, example, pattern string) form {
	return form{lazyregexp.New(`^(?:` + pattern + `)$`), what, example}
}

var (
	nameForm    = newForm("a name of lower-case letters, digits and hyphens that begins with a letter", "roman-sit", `[a-z](-?[a-z0-9])*`)
	labelForm   = newForm("a DNS label of lower-case letters, digits and hyphens", "roman-sit", `[a-z0-9]([a-z0-9-]*[a-z0-9])?`)
	accountForm = newForm("an AWS account id: it has twelve digits", "162808325377", `\d{12}`)
	// Whatever AWS adds, the middle is a direction: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
	regionForm      = newForm("an AWS region", "us-east-1", `[a-z]{2,4}(-[a-z]+)?-(central|(north|south)(east|west)?|east|west)-\d`)
	zoneForm        = newForm("an availability zone", "us-east-1a", `([a-z]{2}(?:-[a-z]+)+-\d)[a-z]`)
	policyForm      = newForm("the ARN of an IAM policy", "arn:aws:iam::162808325377:policy/boundary", `arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+`)
	roleForm        = newForm("the ARN of an IAM role", "arn:aws:iam::162808325377:role/deployer", `arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+`)
	principalForm   = newForm("the ARN of an IAM user or role", "arn:aws:iam::162808325377:user/gough", `arn:aws[a-z-]*:iam::\d{12}:(user|role)/[\w+=,.@/-]+`)
	iamNameForm     = newForm("the name of an IAM user", "gough", `[\w+=,.@-]{1,64}`)
	keyForm         = newForm("the ARN of a KMS key", "arn:aws:kms:us-east-1:162808325377:key/…", `arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[\w-]+`)
	certificateForm = newForm("the ARN of an ACM certificate", "arn:aws:acm:us-east-1:162808325377:certificate/…", `arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[\w-]+`)
	vpcForm         = newForm("the id of a VPC", "vpc-0123456789abcdef0", `vpc-([0-9a-f]{8}|[0-9a-f]{17})`)
	subnetForm      = newForm("the id of a subnet", "subnet-0123456789abcdef0", `subnet-([0-9a-f]{8}|[0-9a-f]{17})`)
	fileSystemForm  = newForm("the id of an EFS file system", "fs-0123456789abcdef0", `fs-([0-9a-f]{8}|[0-9a-f]{17})`)
	// https://docs.aws.amazon.com/efs/latest/ug/API_RootDirectory.html
	directoryForm  = newForm("a path of up to four names", "/hubs/roman-sit-staging", `(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,4}`)
	hostedZoneForm = newForm("the id of a hosted zone", "Z0123456789ABCDEFGHIJ", `Z[A-Z0-9]{3,31}`)
	// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
	clusterForm    = newForm("the name of an EKS cluster", "roman-sit-staging", `[0-9A-Za-z][A-Za-z0-9_-]{0,99}`)
	versionForm    = newForm("a Kubernetes version", `"1.35"`, `1\.\d{2}`)
	addonForm      = newForm("the version of an EKS add-on", "v1.21.1-eksbuild.5", `v(\d+)\.(\d+)\.\d+-eksbuild\.\d+`)
	endpointForm   = newForm("the end of an AWS service's name", "ecr.api", `[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*`)
	repositoryForm = newForm("the name of an ECR repository", "user-image", `[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*`)
	aliasForm      = newForm("a KMS alias", "roman-sit-secrets", `[A-Za-z0-9/_-]+`)
	codecommitForm = newForm("the name of a CodeCommit repository", "roman-sit-secrets", `[\w.-]+`)
	instanceForm   = newForm("an EC2 instance type", "t3.xlarge", `[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)`)
	pinForm        = newForm("an image by its digest", "<repository>@sha256: and 64 hexadecimal digits", `[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}`)
	// https://github.com/distribution/reference/blob/main/reference.go
	imageForm       = newForm("the reference of an image", "<repository>:<tag>", `[a-z0-9][A-Za-z0-9._:/-]*(@sha256:[0-9a-f]{64})?`)
	buildSecretForm = newForm("an id of a secret", "pip-token", `[A-Za-z0-9_-]+`)
	variableForm    = newForm("a variable's name", "PIP_TOKEN", `[A-Za-z_][A-Za-z0-9_]*`)
	platformForm    = newForm("a platform", "linux/amd64", `linux/(amd64|arm64)`)
	valuesPathForm  = newForm("a path into a chart's values", "singleuser.image", `[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*`)
	wildcardForm    = newForm("a domain name, perhaps with *. before it", "*.example.org", `(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`)
	domainForm      = newForm("a domain name", "hub.example.org", `([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`)
	emailForm       = newForm("an e-mail address", "ops@example.org", `[^@\s]+@[^@\s]+\.[^@\s.]+`)
	httpsForm       = newForm("an https URL", "https://auth.example.org/oauth/authorize", `https://[^\s/]+(/\S*)?`)
	// Names of organizations: https://github.com/dead-claudia/github-limits#organization-names; a team stands behind a colon:
	// https://oauthenticator.readthedocs.io/en/latest/reference/api/gen/oauthenticator.github.html
	organizationForm = newForm("a GitHub organization, or a team of one", "institute or institute:team", `[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?(:[A-Za-z0-9_-]+)?`)
	// A claim's name, which has no blanks: https://www.cilogon.org/oidc
	claimForm = newForm("a claim", "preferred_username", `[A-Za-z0-9_.:/-]+`)
	// An entity id is a URI: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf, section 8.3.6
	entityForm = newForm("the entity id of an identity provider", "https://github.com/login/oauth/authorize", `(https?://|urn:)\S+`)
	chartForm  = newForm("the URL of a chart repository", "https://hub.jupyter.org/helm-chart/", `(https|http|oci)://\S+`)
	// Whatever a scanner calls a finding: CVE-2024-3094, GHSA-…, ALAS2-2024-2400, a rule of its own.
	findingForm   = newForm("the id of a finding", "CVE-2024-3094", `[\x21-\x7e]{1,200}`)
	qualifiedForm = newForm("a part of a label", "node-purpose", `[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?`)
)

// amiTypes are those of EKS that it still builds: https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
var amiTypes = []string{
	"AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "AL2023_x86_64_NVIDIA", "AL2023_ARM_64_NVIDIA", "AL2023_x86_64_NEURON",
	"BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64", "BOTTLEROCKET_x86_64_NVIDIA", "BOTTLEROCKET_ARM_64_NVIDIA",
	"BOTTLEROCKET_x86_64_FIPS", "BOTTLEROCKET_ARM_64_FIPS",
}

// accessPolicies are those of EKS that are meant for people and pipelines:
// https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
var accessPolicies = []string{
	"AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSClusterAdminPolicy",
}

// logTypes are EKS's: https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
var logTypes = []string{"api", "audit", "authenticator", "controllerManager", "scheduler"}

// effects are Kubernetes's: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
var effects = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}

// labelProblem says what is wrong with a label's or taint's key and value, "" for nothing.
func labelProblem(key, value string) string {
	prefix, name, found := strings.Cut(key, "/")
	if !found {
		prefix, name = "", key
	}
	switch {
	case found && (len(prefix) > maxLabelPrefix || !domainForm.MatchString(prefix) && !labelForm.MatchString(prefix)):
		return fmt.Sprintf("the part of %q before the / is not a domain name", key)
	case len(name) > maxLabelName || !qualifiedForm.MatchString(name):
		return fmt.Sprintf("%q is not a key of at most %d letters, digits, -, _ and . that begins and ends with a letter or digit", key, maxLabelName)
	case value != "" && (len(value) > maxLabelName || !qualifiedForm.MatchString(value)):
		return fmt.Sprintf("%q is not a value of at most %d letters, digits, -, _ and . that begins and ends with a letter or digit", value, maxLabelName)
	}
	return ""
}
