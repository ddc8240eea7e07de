package config

// Settings are the configuration keys of an environment, one per component. Every default is in defaults.go.
type Settings struct {
	// Deployment says what is deployed, and where to.
	Deployment Deployment `json:"deployment"`
	// Creds says as whom everything is made.
	Creds Creds `json:"creds"`
	// Network is the VPC: a new one, or an existing one by id or name.
	Network Network `json:"network"`
	// Cluster is the EKS cluster: a new one, another environment's, or an existing one by name.
	Cluster Cluster `json:"cluster"`
	// Storage is the file system with the users' homes.
	Storage Storage `json:"storage"`
	// Registry holds the images that are built here.
	Registry Registry `json:"registry"`
	// SecretStore is the KMS key, and optionally the CodeCommit repository, for encrypted files.
	SecretStore SecretStore `json:"secretstore"`
	// Images are the images to build. They merge by name with those of Pulumi.yaml.
	Images []Image `json:"images"`
	// Hubs are the JupyterHubs on the cluster. They merge by name with those of Pulumi.yaml.
	Hubs []Hub `json:"hubs"`
	// DNS says where the hubs' records are written. Without zone and zoneId none is: the records to enter by hand are printed.
	DNS DNS `json:"dns"`
	// Pins fix what a promotion brought: exact images and chart versions.
	Pins Pins `json:"pins"`
	// Guards are the rules that a change must pass before it is made.
	Guards Guards `json:"guards"`
}

// Deployment says what is deployed, and where to.
type Deployment struct {
	// Name begins the names of everything. Lower-case letters, digits and hyphens, beginning with a letter. Required.
	Name string `json:"name"`
	// AccountID is the AWS account, twelve digits in quotes. Nothing is written to any other account. Required.
	AccountID string `json:"accountId"`
	// Region is the AWS region. Default: aws:region.
	Region string `json:"region"`
	// Owner is who answers for the deployment: the tag owner. Required.
	Owner string `json:"owner"`
	// Tags are put on everything that can be tagged, besides deployment, environment, owner and managed-by.
	Tags map[string]string `json:"tags"`
	// Outside are folders outside of the deployment directory, relative to it, whose files may be used. Without them a path that leads out, by .. or
	// by a link, is refused.
	Outside []string `json:"outside"`
}

// Creds says as whom everything is made.
type Creds struct {
	// Mode is create (a deployer role with least privilege, which everything else is made as), assume (the existing role roleArn) or
	// ambient (the identity of whoever runs it). Default: create.
	Mode string `json:"mode"`
	// RoleArn is the role to assume. Required in mode assume.
	RoleArn string `json:"roleArn"`
	// NamePrefix begins the names of the role, its policies and its group. Default: <deployment>-<environment>.
	NamePrefix string `json:"namePrefix"`
	// TrustedPrincipals are the ARNs of the users and roles that may assume the deployer role, one by one: no wildcards, no account roots.
	// At least one in mode create.
	TrustedPrincipals []string `json:"trustedPrincipals"`
	// Users are names of IAM users of the account that join the group that may assume the deployer role.
	Users []string `json:"users"`
	// PermissionsBoundary is the ARN of a policy that bounds the deployer role and every role it makes. Default: none.
	PermissionsBoundary string `json:"permissionsBoundary"`
}

// Network is the VPC: a new one, or an existing one by id or name.
type Network struct {
	// CIDR is the address range of a new VPC, a /16 to /20. Default: 172.16.0.0/16.
	CIDR string `json:"cidr"`
	// AvailabilityZones are the zones to use: how many (2 to 4), or a list of their names. Default: 3.
	AvailabilityZones Zones `json:"availabilityZones"`
	// Private adds private subnets, which the nodes then live in. Default: false.
	Private bool `json:"private"`
	// NAT is how private subnets reach the internet: none, single (one gateway) or perZone. Default: single with private, else none.
	NAT string `json:"nat"`
	// VpcID names an existing VPC by its id; vpcName by its Name tag. With either, cidr and nat do not apply.
	VpcID string `json:"vpcId"`
	// VpcName names an existing VPC by its Name tag.
	VpcName string `json:"vpcName"`
	// PublicSubnetIDs are subnets of an existing VPC. Default: those tagged kubernetes.io/role/elb=1.
	PublicSubnetIDs []string `json:"publicSubnetIds"`
	// PrivateSubnetIDs are subnets of an existing VPC. Default: those tagged kubernetes.io/role/internal-elb=1.
	PrivateSubnetIDs []string `json:"privateSubnetIds"`
	// Endpoints are the AWS services reached without leaving the VPC, as a service name ends: s3, ecr.api, ecr.dkr. Default: s3.
	Endpoints []string `json:"endpoints"`
}

// Existing says whether the network is there already.
func (n *Network) Existing() bool { return n.VpcID != "" || n.VpcName != "" }

// Zones are availability zones: how many, or which.
type Zones struct {
	// Count is how many zones to take; 0 when Names has them.
	Count int `json:"count"`
	// Names are zones by name.
	Names []string `json:"names"`
}

// Cluster is the EKS cluster: a new one, another environment's, or an existing one by name.
type Cluster struct {
	// Name is the cluster's name. Default: <deployment>-<environment>.
	Name string `json:"name"`
	// From is the environment whose cluster this one shares. Its hubs live beside that one's, in namespaces of their own.
	From string `json:"from"`
	// Existing is the name of a cluster that was made elsewhere and is used as it is.
	Existing string `json:"existing"`
	// Version is the Kubernetes version, in quotes: "1.35". Required for a new cluster.
	Version string `json:"version"`
	// Endpoint says who reaches the API server.
	Endpoint Endpoint `json:"endpoint"`
	// Admins are the ARNs of users and roles who administer the cluster, besides the deployer role.
	Admins []string `json:"admins"`
	// Access are further access entries: https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
	Access []Access `json:"access"`
	// LogTypes are the control plane's logs that are kept: api, audit, authenticator, controllerManager, scheduler. Default: none.
	LogTypes []string `json:"logTypes"`
	// Addons pins the EKS add-ons.
	Addons Addons `json:"addons"`
	// NodeGroups are the managed node groups. They merge by name with those of Pulumi.yaml. At least one for a new cluster.
	NodeGroups []NodeGroup `json:"nodeGroups"`
	// Autoscaler is the cluster autoscaler.
	Autoscaler Autoscaler `json:"autoscaler"`
	// PermissionsBoundary is the ARN of a policy that bounds the cluster's roles. Default: that of creds.
	PermissionsBoundary string `json:"permissionsBoundary"`
	// SecretsEncryption encrypts Kubernetes secrets with the secret store's key. It cannot be turned off again. Default: true.
	SecretsEncryption bool `json:"secretsEncryption"`
}

// Own says whether the cluster belongs to this environment.
func (c *Cluster) Own() bool { return c.From == "" && c.Existing == "" }

// Endpoint says who reaches the API server.
type Endpoint struct {
	// Public opens it to publicCidrs. Default: true.
	Public bool `json:"public"`
	// Private opens it inside the VPC. Default: true.
	Private bool `json:"private"`
	// PublicCIDRs are who may reach the public endpoint. Everybody has to be written out: 0.0.0.0/0. Required with public.
	PublicCIDRs []string `json:"publicCidrs"`
}

// Access gives a principal rights in the cluster.
type Access struct {
	// Principal is the ARN of a user or role. Required.
	Principal string `json:"principal"`
	// Policy is an EKS access policy: AmazonEKSViewPolicy, AmazonEKSEditPolicy, AmazonEKSAdminPolicy, AmazonEKSAdminViewPolicy or
	// AmazonEKSClusterAdminPolicy. Required.
	Policy string `json:"policy"`
	// Namespaces limit the rights. Default: the whole cluster.
	Namespaces []string `json:"namespaces"`
}

// Addons pins the EKS add-ons: what a preview shows is what is installed. `aws eks describe-addon-versions` lists their versions. Those of
// vpcCni, coredns and kubeProxy are required.
type Addons struct {
	// VpcCni is vpc-cni, which gives pods their addresses.
	VpcCni VpcCni `json:"vpcCni"`
	// CoreDNS is coredns.
	CoreDNS Addon `json:"coredns"`
	// KubeProxy is kube-proxy; its minor version is not above the cluster's.
	KubeProxy Addon `json:"kubeProxy"`
	// EbsCsi is aws-ebs-csi-driver, for the hub's database volume.
	EbsCsi Addon `json:"ebsCsi"`
	// EfsCsi is aws-efs-csi-driver, for the homes.
	EfsCsi Addon `json:"efsCsi"`
}

// Addon pins an EKS add-on.
type Addon struct {
	// Version is such as v1.13.2-eksbuild.4.
	Version string `json:"version"`
}

// VpcCni pins the vpc-cni add-on and sets how it keeps addresses ready.
type VpcCni struct {
	// Version is such as v1.21.1-eksbuild.5.
	Version string `json:"version"`
	// WarmIPTarget is how many free addresses a node keeps; 0 leaves the add-on's own way. Default: 1, because a hub's nodes hold few pods.
	WarmIPTarget int `json:"warmIpTarget"`
}

// NodeGroup is a managed node group.
type NodeGroup struct {
	// Name is its name, unique in the cluster. Required.
	Name string `json:"name"`
	// Purpose is core (the hub itself), user (single-user servers) or empty: the label hub.jupyter.org/node-purpose.
	Purpose string `json:"purpose"`
	// InstanceTypes are the EC2 instance types to choose from. Required.
	InstanceTypes []string `json:"instanceTypes"`
	// Min is the least number of nodes. Default: 0.
	Min int `json:"min"`
	// Max is the greatest number of nodes. Required, at least 1.
	Max int `json:"max"`
	// Desired is the number of nodes to begin with; the autoscaler's own figure is left alone later. Default: min.
	Desired int `json:"desired"`
	// DiskGiB is a node's disk, in GiB. Default: 50.
	DiskGiB int `json:"diskGiB"`
	// Spot takes spare capacity, which AWS may take back. Default: false.
	Spot bool `json:"spot"`
	// Labels are put on the nodes.
	Labels map[string]string `json:"labels"`
	// Taints keep pods off that do not tolerate them.
	Taints []Taint `json:"taints"`
	// Zones are the availability zones of the nodes, by name. Default: all of the network's.
	Zones []string `json:"zones"`
	// AmiType is the kind of machine image: https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
	// Default: Amazon Linux 2023 for the instance types' processors, with gpu that with NVIDIA's drivers.
	AmiType string `json:"amiType"`
	// GPU says that the instances have GPUs.
	GPU bool `json:"gpu"`
}

// Taint keeps pods off a node that do not tolerate it.
type Taint struct {
	// Key is such as hub.jupyter.org/dedicated. Required.
	Key string `json:"key"`
	// Value is such as user.
	Value string `json:"value"`
	// Effect is NoSchedule, PreferNoSchedule or NoExecute. Required.
	Effect string `json:"effect"`
}

// Autoscaler is the cluster autoscaler, a release of its own chart.
type Autoscaler struct {
	// Enabled installs it. Default: true.
	Enabled bool `json:"enabled"`
	// ChartVersion is the version of chart cluster-autoscaler from https://kubernetes.github.io/autoscaler. Required when enabled.
	ChartVersion string `json:"chartVersion"`
}
