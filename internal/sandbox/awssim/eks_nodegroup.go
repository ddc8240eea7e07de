package awssim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

var (
	// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
	nodeGroupNameForm = lazyregexp.New(`^[0-9A-Za-z][A-Za-z0-9_-]{0,62}$`)
	// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
	instanceTypeForm = lazyregexp.New(`^[a-z][a-z0-9-]*\d[a-z0-9-]*\.(nano|micro|small|medium|large|(\d+)?xlarge|metal(-\d+xl)?)$`)
	// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
	labelValueForm = lazyregexp.New(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

// https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
var amiTypes = []string{
	"AL2_x86_64", "AL2_x86_64_GPU", "AL2_ARM_64", "CUSTOM", "BOTTLEROCKET_ARM_64", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64_FIPS",
	"BOTTLEROCKET_x86_64_FIPS", "BOTTLEROCKET_ARM_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA", "WINDOWS_CORE_2019_x86_64",
	"WINDOWS_FULL_2019_x86_64", "WINDOWS_CORE_2022_x86_64", "WINDOWS_FULL_2022_x86_64", "AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD",
	"AL2023_x86_64_NEURON", "AL2023_x86_64_NVIDIA", "AL2023_ARM_64_NVIDIA",
}

const defaultInstanceType = "t3.medium"

func nodeGroupKinds() map[string]*kind {
	return map[string]*kind{nodeGroupToken: {
		Kind: provider.Kind{
			Name: "nodeGroupName", DeleteFirst: true,
			ForceNew: []string{
				"nodeGroupName", "nodeGroupNamePrefix", "clusterName", "nodeRoleArn", "subnetIds", "instanceTypes", "amiType", "capacityType", "diskSize",
				"remoteAccess", "launchTemplate.id", "launchTemplate.name",
			},
			Check: checkNodeGroup,
		},
		tagged: true,
		arn: func(c *call, id string) string {
			if id != "" {
				return c.me.makeARN("eks", "nodegroup/"+strings.Replace(id, ":", "/", 1)+"/*")
			}
			return c.me.makeARN("eks", "nodegroup/"+text(c.In, "clusterName")+"/"+c.plannedName("nodeGroupName")+"/*")
		},
		create: createNodeGroup, update: updateNodeGroup, remove: removeNodeGroup, finish: finishNodeGroup,
		rules: []string{
			"name: 1 to 63 letters, digits, - and _ ; taken once a cluster (ResourceInUseException); cluster exists",
			"role exists and names ec2.amazonaws.com in its trust policy; subnets exist in the cluster's VPC; launch template exists",
			"sizes: 0 ≤ min ≤ desired ≤ max, max at least 1; forms of instance types, AMI type, capacity type, labels and taints",
			"Kubernetes version not newer than the cluster's; no disk size together with a launch template",
			"nodes join only with rights, a CNI, and a way out: NAT, public addresses, or endpoints (NodeCreationFailure, Ec2SubnetInvalidConfiguration)",
		},
	}}
}

func checkNodeGroup(in map[string]any) []string {
	var p problems
	p.matches(in, "nodeGroupName", nodeGroupNameForm, "1 to 63 letters, digits, - and _, beginning with a letter or digit")
	p.longest(in, "nodeGroupNamePrefix", 37)
	p.oneOf(in, "amiType", amiTypes...)
	p.oneOf(in, "capacityType", "ON_DEMAND", "SPOT", "CAPACITY_BLOCK")
	p.matches(in, "version", versionForm, "a minor version of Kubernetes such as 1.33")
	p.between(in, "diskSize", 1, 16384)
	for _, t := range texts(in, "instanceTypes") {
		if !instanceTypeForm.MatchString(t) {
			p.add("instanceTypes", "The following supplied instance types do not exist: [%s]", t)
		}
	}
	if n := len(texts(in, "instanceTypes")); n > 20 {
		p.add("instanceTypes", "at most 20 instance types, got %d", n)
	}
	labels := object(in, "labels")
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if s, _ := labels[key].(string); !labelValueForm.MatchString(s) {
			p.add("labels", "the value %q of %s is no label value: up to 63 letters, digits, -, _ and .", s, key)
		}
	}
	for _, t := range objects(in, "taints") {
		if key, has := t["effect"].(string); has && !slices.Contains([]string{"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"}, key) {
			p.add("taints", "expected effect to be one of NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE, got %s", key)
		}
	}
	p.scaling(object(in, "scalingConfig"))
	if in["launchTemplate"] != nil && in["diskSize"] != nil {
		p.add("diskSize", "InvalidParameterException: Disk size must be specified within the launch template.")
	}
	p.tags(in)
	return p
}

func (p *problems) scaling(s map[string]any) {
	low, high, desired := number(s, "minSize", -1), number(s, "maxSize", -1), number(s, "desiredSize", -1)
	if low < 0 || high < 0 || desired < 0 {
		return // not known yet
	}
	switch {
	case high < 1:
		p.add("scalingConfig", "Maximum capacity has to be at least 1, got %d", high)
	case low > desired:
		p.add("scalingConfig", "Minimum capacity %d can't be greater than desired size %d", low, desired)
	case desired > high:
		p.add("scalingConfig", "desired capacity %d can't be greater than max size %d", desired, high)
	}
}

func createNodeGroup(c *call) (string, map[string]any, error) {
	cluster, err := c.cluster(text(c.In, "clusterName"))
	if err != nil {
		return "", nil, err
	}
	name := c.autoName("nodeGroupName")
	id := cluster.ID + ":" + name
	if c.tx.Get(nodeGroupToken, id) != nil {
		return "", nil, apiError("ResourceInUseException", "NodeGroup already exists with name %s and cluster name %s", name, cluster.ID)
	}
	if err := c.checkNodeGroupReferences(cluster); err != nil {
		return "", nil, err
	}
	group := fmt.Sprintf("eks-%s-%s-%s-%s-%s-%s", name, world.Hex(8), world.Hex(4), world.Hex(4), world.Hex(4), world.Hex(12))
	scaling := object(c.In, "scalingConfig")
	err = c.tx.Put(&world.Object{
		Kind: groupOfNodesToken, ID: group, Created: c.tx.Now(), Ready: c.tx.Now(),
		Props: map[string]any{
			"name": group, "arn": c.me.makeARN("autoscaling", "autoScalingGroup:"+world.Hex(8)+":autoScalingGroupName/"+group),
			"minSize": scaling["minSize"], "maxSize": scaling["maxSize"], "cluster": cluster.ID, "nodeGroup": id,
		},
	})
	if err != nil {
		return "", nil, err
	}
	return id, c.with(
		map[string]any{
			"amiType": "AL2023_x86_64_STANDARD", "capacityType": "ON_DEMAND", "instanceTypes": []any{defaultInstanceType}, "version": cluster.String("version"),
			"diskSize": 20, "updateConfig": map[string]any{"maxUnavailable": 1},
		},
		map[string]any{
			"nodeGroupName": name, "arn": c.me.makeARN("eks", "nodegroup/"+cluster.ID+"/"+name+"/"+world.Hex(8)), "status": "ACTIVE",
			"resources": []any{map[string]any{"autoscalingGroups": []any{map[string]any{"name": group}}, "remoteAccessSecurityGroupId": ""}},
		}), nil
}

func (c *call) checkNodeGroupReferences(cluster *world.Object) error {
	role := roleByARN(c.tx, text(c.In, "nodeRoleArn"))
	if role == nil {
		return apiError("InvalidParameterException", "The role with name %s cannot be found. (%s)",
			text(c.In, "nodeRoleArn")[strings.LastIndex(text(c.In, "nodeRoleArn"), "/")+1:], text(c.In, "nodeRoleArn"))
	}
	trust, err := parseDocument(policyText(role.Props["assumeRolePolicy"]))
	if err != nil || !trust.trusts("ec2."+domain(c.me.partition)) && !trust.trusts("ec2.amazonaws.com") {
		return apiError("InvalidParameterException", "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of nodeRole %s", role.String("arn"))
	}
	vpc := text(object(cluster.Props, "vpcConfig"), "vpcId")
	ids := texts(c.In, "subnetIds")
	if len(ids) == 0 {
		return apiError("InvalidParameterException", "Subnets are required")
	}
	for _, id := range ids {
		s, err := c.subnet(id)
		if err != nil {
			return fmt.Errorf("InvalidParameterException: %w", err)
		}
		if s.String("vpcId") != vpc {
			return apiError("InvalidParameterException", "Subnets are not tagged with the required VPC: %s is not in the cluster's VPC %s", id, vpc)
		}
	}
	if v := text(c.In, "version"); minor(v) > minor(cluster.String("version")) {
		return apiError("InvalidParameterException", "Requested Nodegroup release version %s is invalid. Allowed release version is %s", v, cluster.String("version"))
	}
	return c.checkLaunchTemplate()
}

func (c *call) checkLaunchTemplate() error {
	t := object(c.In, "launchTemplate")
	if len(t) == 0 {
		return nil
	}
	found := c.tx.Find(launchTemplateToken, func(o *world.Object) bool {
		return o.ID == text(t, "id") || text(t, "name") != "" && o.String("name") == text(t, "name")
	})
	if found == nil {
		return apiError("InvalidRequestException", "Launch template with id %s was not found", either(text(t, "id"), text(t, "name")))
	}
	v, err := strconv.Atoi(text(t, "version"))
	if err == nil && (v < 1 || v > number(found.Props, "latestVersion", 1)) {
		return apiError("InvalidRequestException", "Launch template %s does not have version %d", found.ID, v)
	}
	return nil
}

func updateNodeGroup(c *call, o *world.Object) (map[string]any, error) {
	cluster, err := c.cluster(text(c.In, "clusterName"))
	if err != nil {
		return nil, err
	}
	if is, was := text(c.In, "version"), o.String("version"); is != "" && minor(is) < minor(was) {
		return nil, apiError("InvalidParameterException", "Nodegroup Kubernetes version %s cannot be lower than the current version %s", is, was)
	}
	return nil, c.checkNodeGroupReferences(cluster)
}

// finishNodeGroup lets the nodes come up or go away, once the time for it has passed.
func finishNodeGroup(c *call, o *world.Object) (map[string]any, error) {
	desired := number(object(o.Props, "scalingConfig"), "desiredSize", 0)
	cluster, err := c.cluster(o.String("clusterName"))
	if err != nil {
		return nil, err
	}
	if desired > 0 {
		if err := c.joinable(o, cluster); err != nil {
			return map[string]any{"status": "CREATE_FAILED"}, fmt.Errorf(
				"waiting for EKS Node Group (%s) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: %w", o.ID, err)
		}
	}
	if err := c.dropNodes(o.ID); err != nil { // nodes of an earlier state are replaced
		return nil, err
	}
	ids := texts(o.Props, "subnetIds")
	for i := range desired {
		subnet, err := c.subnet(ids[i%len(ids)])
		if err != nil {
			return nil, err
		}
		if err := c.addNode(o, cluster, subnet); err != nil {
			return nil, err
		}
	}
	return map[string]any{"status": "ACTIVE"}, nil
}

// joinable says why nodes of a group cannot join.
func (c *call) joinable(o, cluster *world.Object) error {
	role := roleByARN(c.tx, o.String("nodeRoleArn"))
	if role == nil || !c.hasPolicy(role) {
		return apiError("NodeCreationFailure", "Instances failed to join the kubernetes cluster: the node role has no policies (AmazonEKSWorkerNodePolicy, AmazonEKS_CNI_Policy, AmazonEC2ContainerRegistryReadOnly)")
	}
	if v, given := cluster.Props["bootstrapSelfManagedAddons"].(bool); given && !v && c.tx.Get(addonToken, cluster.ID+":vpc-cni") == nil {
		return apiError("NodeCreationFailure", "Unhealthy nodes in the kubernetes cluster: there is no CNI (add-on vpc-cni)")
	}
	for _, id := range texts(o.Props, "subnetIds") {
		subnet := c.tx.Get(subnetToken, id)
		if subnet == nil || subnet.String("madeBy") == "outside" {
			continue // its routes are not known here
		}
		gateway, other := wayOut(c.tx, subnet)
		if gateway && !flag(subnet.Props, "mapPublicIpOnLaunch") {
			return apiError("Ec2SubnetInvalidConfiguration", "One or more Amazon EC2 Subnets of [%s] for node group %s does not automatically assign public IP addresses to instances launched into it.",
				id, o.String("nodeGroupName"))
		}
		endpoints := c.tx.Find(endpointToken, func(e *world.Object) bool {
			return e.String("vpcId") == subnet.String("vpcId") && strings.HasSuffix(e.String("serviceName"), ".ecr.api")
		})
		if !gateway && !other && endpoints == nil {
			return apiError("NodeCreationFailure", "Instances failed to join the kubernetes cluster: subnet %s has no route to the internet and the VPC no endpoints", id)
		}
	}
	return nil
}

func (c *call) addNode(o, cluster, subnet *world.Object) error {
	instance := defaultInstanceType
	if types := texts(o.Props, "instanceTypes"); len(types) > 0 {
		instance = types[0]
	}
	public := flag(subnet.Props, "mapPublicIpOnLaunch")
	eni, err := c.plug(subnet, []string{text(object(cluster.Props, "vpcConfig"), "clusterSecurityGroupId")}, "node of "+o.ID, nodeGroupToken, o.ID, public)
	if err != nil {
		return err
	}
	name := "ip-" + strings.ReplaceAll(eni.String("privateIp"), ".", "-") + "." + privateDomain(c.me.region)
	labels := map[string]any{
		"eks.amazonaws.com/nodegroup": o.String("nodeGroupName"), "eks.amazonaws.com/capacityType": o.String("capacityType"),
		"topology.kubernetes.io/zone": subnet.String("availabilityZone"), "topology.kubernetes.io/region": c.me.region,
		"node.kubernetes.io/instance-type": instance, "kubernetes.io/os": "linux", "kubernetes.io/hostname": name, "kubernetes.io/arch": arch(o.String("amiType")),
	}
	for k, v := range object(o.Props, "labels") {
		labels[k] = v
	}
	taints := []any{}
	for _, t := range objects(o.Props, "taints") {
		taints = append(taints, map[string]any{"key": t["key"], "value": t["value"], "effect": taintEffect(text(t, "effect"))})
	}
	return c.tx.Put(&world.Object{
		Kind: kubeapi.WorldKind("v1", "Node"), ID: cluster.ID + "/" + name, Created: c.tx.Now(), Ready: c.tx.Now(),
		Props: map[string]any{
			"name": name, "cluster": cluster.ID, "nodeGroup": o.ID, "labels": labels, "taints": taints, "zone": subnet.String("availabilityZone"),
			"instanceType": instance, "version": "v" + o.String("version") + ".0-eks-simulated",
		},
	})
}

func arch(amiType string) string {
	if strings.Contains(amiType, "ARM_64") {
		return "arm64"
	}
	return "amd64"
}

// taintEffect is the Kubernetes word for an effect of the EKS API.
func taintEffect(effect string) string {
	return map[string]string{"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}[effect]
}

// nodes are the nodes with that property.
func nodes(tx *world.Tx, prop, value string) []*world.Object {
	return slices.DeleteFunc(tx.List(kubeapi.WorldKind("v1", "Node")), func(n *world.Object) bool { return n.String(prop) != value })
}

func (c *call) dropNodes(group string) error {
	for _, n := range nodes(c.tx, "nodeGroup", group) {
		if err := c.tx.Delete(n.Kind, n.ID); err != nil {
			return err
		}
	}
	return c.unplug(nodeGroupToken, group)
}

func removeNodeGroup(c *call, o *world.Object) error {
	for _, g := range c.tx.List(groupOfNodesToken) {
		if g.String("nodeGroup") != o.ID {
			continue
		}
		for _, t := range c.tx.List(autoscalingTagToken) { // tags go with their group
			if t.String("autoscalingGroupName") == g.ID {
				if err := c.tx.Delete(autoscalingTagToken, t.ID); err != nil {
					return err
				}
			}
		}
		if err := c.tx.Delete(g.Kind, g.ID); err != nil {
			return err
		}
	}
	return c.dropNodes(o.ID)
}
