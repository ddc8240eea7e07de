package cluster

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/principal"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Args says what cluster is made, or which existing one is used.
type Args struct {
	// Name is the cluster's name, which begins the names of everything that belongs to it. Required.
	Name string
	// Existing uses a cluster that is there: it is looked up by Name, and nothing but a Kubernetes provider is made. Region,
	// RoleArn and LookupProvider are all that is looked at then.
	Existing bool
	// Region is the provider's region. Required.
	Region string
	// Partition is "aws" unless given.
	Partition string
	// RoleArn is the role that the kubeconfig assumes; nil for the identity that uses it.
	RoleArn pulumi.StringInput
	// LookupProvider answers the look-up of an existing cluster. It has to be configured in previews too; the default is the
	// component's own provider.
	LookupProvider pulumi.ProviderResource

	// Version is the Kubernetes version, such as "1.33". Required.
	Version string
	// VpcID and the subnets are where the control plane is reached. At least one kind of subnets is required.
	VpcID                             pulumi.StringInput
	PublicSubnetIDs, PrivateSubnetIDs pulumi.StringArrayInput
	// NodeSubnets returns the subnets of the nodes in the given zones, all of them for none. Required.
	NodeSubnets func(zones []string) (pulumi.StringArrayOutput, error)
	// Endpoint says from where the Kubernetes API is reached; the zero value means from everywhere, and from the VPC privately.
	Endpoint Endpoint
	// CreatorArn is the role or user that makes the cluster, when it is known before. EKS makes it cluster admin by itself, and
	// refuses a second entry for it, so it is left out of the entries.
	CreatorArn string
	// Admins are the ARNs of roles and users who get cluster admin rights.
	Admins []string
	// Access gives others rights.
	Access []Access
	// LogTypes are the control plane's logs that go to CloudWatch: api, audit, authenticator, controllerManager, scheduler.
	LogTypes []string
	// SecretsKeyArn is the KMS key that Kubernetes secrets are encrypted with besides EKS's own; nil for none. It cannot be
	// taken away again.
	SecretsKeyArn pulumi.StringInput
	// PermissionsBoundary is the ARN of the policy that bounds every role made here; empty for none.
	PermissionsBoundary string
	// Addons are the add-ons' versions.
	Addons Addons
	// NodeGroups are the groups of nodes.
	NodeGroups []NodeGroup
	// Autoscaler scales the node groups; nil leaves them as they are.
	Autoscaler *Autoscaler
	// Tags are put on everything.
	Tags map[string]string
}

// Endpoint says from where the Kubernetes API is reached.
type Endpoint struct {
	// Public opens it to PublicCIDRs, or to everywhere when there are none.
	Public bool
	// Private opens it to the VPC without leaving it.
	Private bool
	// PublicCIDRs are the address ranges it is open to.
	PublicCIDRs []string
}

func (a *Args) endpoint() Endpoint {
	e := a.Endpoint
	if !e.Public && !e.Private {
		e.Public, e.Private = true, true
	}
	return e
}

// Addons are the versions of the add-ons, pinned: what a preview shows is what is installed. `aws eks describe-addon-versions`
// lists them.
type Addons struct {
	// VpcCni is the pods' network.
	VpcCni VpcCni
	// KubeProxy and CoreDNS are required.
	KubeProxy, CoreDNS string
	// EbsCsi is the driver of single volumes, such as the hub's database; empty for none. With it comes a default storage class.
	EbsCsi string
	// EfsCsi is the driver of shared file systems, such as the homes; empty for none.
	EfsCsi string
}

// VpcCni is the pods' network.
type VpcCni struct {
	// Version is the add-on's version.
	Version string
	// WarmIPTarget is how many addresses a node keeps ready for pods to come; 0 leaves the add-on's default, a whole network
	// interface: https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/eni-and-ip-target.md
	WarmIPTarget int
}

func (a Addons) vpcCni() *eks.VpcCniOptionsArgs {
	options := &eks.VpcCniOptionsArgs{AddonVersion: pulumi.String(a.VpcCni.Version)}
	if a.VpcCni.WarmIPTarget > 0 {
		options.WarmIpTarget = pulumi.Int(a.VpcCni.WarmIPTarget)
	}
	return options
}

func (a *Args) partition() string {
	if a.Partition == "" {
		return "aws"
	}
	return a.Partition
}

// managed is the ARN of a policy of AWS.
func (a *Args) managed(policy string) pulumi.String {
	return pulumi.String(fmt.Sprintf("arn:%s:iam::aws:policy/%s", a.partition(), policy))
}

// maxRoleName is IAM's limit of a role's name, and longest the longest suffix that is put behind a cluster's name for one:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	maxRoleName = 64
	longest     = "-cluster-autoscaler"
)

var (
	// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
	clusterName  = lazyregexp.New(`^[0-9A-Za-z][A-Za-z0-9_-]*$`)
	version      = lazyregexp.New(`^1\.\d{2}$`)
	addonVersion = lazyregexp.New(`^v\d+\.\d+\.\d+-eksbuild\.\d+$`)
	logTypes     = []string{"api", "audit", "authenticator", "controllerManager", "scheduler"}
)

// validate reports every problem of the arguments at once.
func (a *Args) validate() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !clusterName.MatchString(a.Name) || len(a.Name)+len(longest) > maxRoleName {
		fail("name %q does not name a cluster: use up to %d letters, digits and dashes", a.Name, maxRoleName-len(longest))
	}
	if a.Region == "" {
		fail("no region is given: it is part of the kubeconfig")
	}
	if a.Existing {
		return errors.Join(problems...)
	}
	if !version.MatchString(a.Version) {
		fail("version %q is not one of Kubernetes, such as \"1.33\" (in quotes, or YAML makes a number of it)", a.Version)
	}
	if a.PublicSubnetIDs == nil && a.PrivateSubnetIDs == nil || a.NodeSubnets == nil {
		fail("no subnets are given for the control plane and the nodes")
	}
	for i, l := range a.LogTypes {
		if !slices.Contains(logTypes, l) {
			fail("log type %q is unknown: use %q", l, logTypes)
		} else if slices.Index(a.LogTypes, l) != i {
			fail("log type %q is listed twice", l)
		}
	}
	problems = append(problems, a.Endpoint.validate(), a.validateAccess(), a.Addons.validate(), validateNodeGroups(a.Name, a.NodeGroups))
	if a.Autoscaler != nil && a.Autoscaler.ChartVersion == "" {
		fail("the autoscaler's chart version is not given: pin it, `helm search repo` on %s lists them", autoscalerRepository)
	}
	return errors.Join(problems...)
}

func (e Endpoint) validate() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	open := len(e.PublicCIDRs) == 0
	for _, c := range e.PublicCIDRs {
		p, err := netip.ParsePrefix(c)
		if err != nil || p != p.Masked() {
			fail("public address range %q is not a CIDR, such as 192.0.2.0/24", c)
			continue
		}
		open = open || p.Bits() == 0
	}
	if len(e.PublicCIDRs) > 0 && !e.Public {
		fail("public address ranges are given for an endpoint that is not public")
	}
	if e.Public && !e.Private && !open {
		// https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
		fail("the endpoint is public for %q only and not private, so the nodes could not reach it: make it private too", e.PublicCIDRs)
	}
	return errors.Join(problems...)
}

func (a Addons) validate() error {
	var problems []error
	for _, addon := range []struct {
		name, version string
		required      bool
	}{
		{"vpc-cni", a.VpcCni.Version, true},
		{"kube-proxy", a.KubeProxy, true},
		{"coredns", a.CoreDNS, true},
		{"aws-ebs-csi-driver", a.EbsCsi, false},
		{"aws-efs-csi-driver", a.EfsCsi, false},
	} {
		if addon.version == "" && !addon.required || addonVersion.MatchString(addon.version) {
			continue
		}
		problems = append(problems, fmt.Errorf("version %q of add-on %s is not a pinned one, such as v1.2.3-eksbuild.1: `aws eks describe-addon-versions --addon-name %s` lists them",
			addon.version, addon.name, addon.name))
	}
	if a.VpcCni.WarmIPTarget < 0 {
		problems = append(problems, fmt.Errorf("warm IP target %d is negative", a.VpcCni.WarmIPTarget))
	}
	return errors.Join(problems...)
}

func (a *Args) validateAccess() error {
	problems := []error{principal.Check("admins", a.Admins, false)}
	for i, x := range a.Access {
		problems = append(problems, principal.Check(fmt.Sprintf("access[%d].principal", i), []string{x.Principal}, false))
		if !slices.Contains(accessPolicies, x.Policy) {
			problems = append(problems, fmt.Errorf("access policy %q of %s is unknown: use one of %q", x.Policy, x.Principal, accessPolicies))
		}
		if x.Principal == a.CreatorArn {
			problems = append(problems, fmt.Errorf("access of %s: it makes the cluster, and EKS makes it cluster admin by itself", x.Principal))
		}
	}
	return errors.Join(problems...)
}
