package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/helm"
	"github.com/hubwright/hubwright/components/internal/iampolicy"
)

// Autoscaler says which cluster-autoscaler is installed.
type Autoscaler struct {
	// ChartVersion is the chart's version. Required.
	ChartVersion string
	// ImageTag is the autoscaler's own version, which goes with the cluster's Kubernetes version; empty leaves the chart's.
	ImageTag string
	// ExtraArgs are further arguments of the autoscaler, by name without dashes.
	ExtraArgs map[string]string
}

const (
	autoscalerRepository = "https://kubernetes.github.io/autoscaler"
	// autoscalerTimeout is how long the release may take to become ready, in seconds: its image is pulled by a node that may just
	// have come up.
	autoscalerTimeout = 600
)

var autoscalerAccount = ServiceAccount{Namespace: "kube-system", Name: "cluster-autoscaler"}

// autoscalerPolicy is what the autoscaler may do: look at everything, and change the groups of this cluster only:
// https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md#iam-policy
func autoscalerPolicy(cluster string) (string, error) {
	return iampolicy.JSON(
		iampolicy.Statement{
			Sid: "Look", Effect: iampolicy.Allow, Resource: []string{"*"}, Action: []string{
				"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
				"autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags",
				"ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
				"ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup",
			},
		},
		iampolicy.Statement{
			Sid: "Scale", Effect: iampolicy.Allow, Resource: []string{"*"},
			Action: []string{"autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"},
			Condition: iampolicy.Conditions{"StringEquals": {
				"aws:ResourceTag/k8s.io/cluster-autoscaler/" + cluster: {"owned"},
			}},
		},
	)
}

// makeAutoscaler installs the autoscaler with a role of its own, once it has a node to run on and names resolve.
func (c *Cluster) makeAutoscaler(ctx *pulumi.Context) error {
	a := c.args.Autoscaler
	if a == nil {
		return nil
	}
	policy, err := autoscalerPolicy(c.args.Name)
	if err != nil {
		return err
	}
	role, err := c.ServiceAccountRole(ctx, "cluster-autoscaler", []ServiceAccount{autoscalerAccount}, nil, policy)
	if err != nil {
		return err
	}
	extra := pulumi.Map{
		// Zone-pinned and spot groups differ in nothing that matters to a pod that fits both.
		"balance-similar-node-groups": pulumi.Bool(true),
		// The system's own pods come back elsewhere; a node that holds only them is idle.
		"skip-nodes-with-system-pods": pulumi.Bool(false),
	}
	for k, v := range a.ExtraArgs {
		extra[k] = pulumi.String(v)
	}
	values := pulumi.Map{
		"cloudProvider":    pulumi.String("aws"),
		"awsRegion":        pulumi.String(c.args.Region),
		"autoDiscovery":    pulumi.Map{"clusterName": pulumi.String(c.args.Name)},
		"fullnameOverride": pulumi.String(autoscalerAccount.Name),
		"rbac":             pulumi.Map{"serviceAccount": autoscalerAccount.ChartValues(role.Arn)},
		"extraArgs":        extra,
	}
	if a.ImageTag != "" {
		values["image"] = pulumi.Map{"tag": pulumi.String(a.ImageTag)}
	}
	if g := c.args.NodeGroups[base(c.args.NodeGroups)]; g.Purpose != "" {
		values["nodeSelector"] = pulumi.Map{PurposeLabel: pulumi.String(g.Purpose)}
	}
	if _, err := helm.NewRelease(ctx, c.name+"-cluster-autoscaler", &helm.ReleaseArgs{
		Name: pulumi.String(autoscalerAccount.Name), Namespace: pulumi.String(autoscalerAccount.Namespace),
		Chart: "cluster-autoscaler", Repository: autoscalerRepository, Version: a.ChartVersion,
		Values: values, Timeout: autoscalerTimeout,
	}, c.parent(), pulumi.Provider(c.Provider), pulumi.DependsOn(c.needsNames())); err != nil {
		return fmt.Errorf("autoscaler: %w", err)
	}
	return nil
}

// needsNames is what a release waits for that stores nothing: a node group and CoreDNS, the first two of the workloads' needs.
func (c *Cluster) needsNames() []pulumi.Resource { return c.workloads[:2] }
