package driver

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Find says under which ids the pending creations of a state may exist by now. Many kinds have ids that follow from their inputs (the
// forms are those of the provider's `pulumi import`); for the others the services are asked for what carries the same Name tag.
// A creation that is not in the result was not made, or cannot be found.
func (d *Driver) Find(ctx context.Context, env, region string, st *State) (map[string]string, error) {
	found, unnamed := map[string]string{}, []Pending{}
	for _, p := range st.Pending {
		if p.Op != "creating" {
			continue
		}
		if id := IDFromInputs(p.Type, p.In, d.opts.Target.Account); id != "" {
			found[p.URN] = id
			continue
		}
		unnamed = append(unnamed, p)
	}
	if len(unnamed) == 0 {
		return found, nil
	}
	taken := map[string]bool{} // ids that the state holds already
	for _, r := range st.Resources {
		taken[r.ID] = true
	}
	for _, p := range unnamed {
		id, err := d.findByService(ctx, region, p)
		if err != nil {
			return nil, fmt.Errorf("%s: looking for %s: %w", env, p.Name, err)
		}
		if id != "" && !taken[id] {
			found[p.URN] = id
		}
	}
	return found, nil
}

// importIDs gives, by type, the form of the id that the provider's import takes and its reading goes by, as inputs joined by what stands between them
// (pulumi.com/registry/packages/aws/api-docs, section Import of each resource).
var importIDs = map[string][]string{
	"aws:iam/role:Role":                                       {"name"},
	"aws:iam/rolePolicy:RolePolicy":                           {"role", ":", "name"},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":       {"role", "/", "policyArn"},
	"aws:iam/group:Group":                                     {"name"},
	"aws:iam/groupPolicy:GroupPolicy":                         {"group", ":", "name"},
	"aws:eks/cluster:Cluster":                                 {"name"},
	"aws:eks/nodeGroup:NodeGroup":                             {"clusterName", ":", "nodeGroupName"},
	"aws:eks/addon:Addon":                                     {"clusterName", ":", "addonName"},
	"aws:eks/accessEntry:AccessEntry":                         {"clusterName", ":", "principalArn"},
	"aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {"clusterName", "#", "principalArn", "#", "policyArn"},
	"aws:efs/backupPolicy:BackupPolicy":                       {"fileSystemId"},
	"aws:efs/fileSystemPolicy:FileSystemPolicy":               {"fileSystemId"},
	"aws:ecr/repository:Repository":                           {"name"},
	"aws:ecr/lifecyclePolicy:LifecyclePolicy":                 {"repository"},
	"aws:ecr/repositoryPolicy:RepositoryPolicy":               {"repository"},
	"aws:kms/alias:Alias":                                     {"name"},
	"aws:codecommit/repository:Repository":                    {"repositoryName"},
	"aws:route53/record:Record":                               {"zoneId", "_", "name", "_", "type"},
}

// IDFromInputs derives the id of a resource of a type, in an account, from its inputs where they decide it; "" where they don't.
func IDFromInputs(token string, in map[string]any, account string) string {
	text := func(path ...string) string {
		var v any = in
		for _, key := range path {
			m, _ := v.(map[string]any)
			v = m[key]
		}
		s, _ := v.(string)
		return s
	}
	if form, ok := importIDs[token]; ok {
		id := ""
		for i, part := range form {
			if i%2 == 1 {
				id += part
				continue
			}
			v := text(part)
			if v == "" {
				return ""
			}
			id += v
		}
		return id
	}
	switch {
	case token == "aws:ec2/route:Route" && text("routeTableId") != "" && text("destinationCidrBlock") != "":
		// What the provider calls a route is not what its import takes (hashicorp/terraform-provider-aws, internal/service/ec2, routeCreateID).
		return fmt.Sprintf("r-%s%d", text("routeTableId"), crc32.ChecksumIEEE([]byte(text("destinationCidrBlock"))))
	case token == "aws:iam/policy:Policy" && text("name") != "":
		path := text("path")
		if path == "" {
			path = "/"
		}
		return fmt.Sprintf("arn:aws:iam::%s:policy%s%s", account, path, text("name"))
	case token == "aws:iam/openIdConnectProvider:OpenIdConnectProvider" && text("url") != "":
		return fmt.Sprintf("arn:aws:iam::%s:oidc-provider/%s", account, strings.TrimPrefix(text("url"), "https://"))
	case token == "aws:autoscaling/tag:Tag":
		tag, _ := in["tag"].(map[string]any)
		if key, ok := tag["key"].(string); ok && text("autoscalingGroupName") != "" {
			return text("autoscalingGroupName") + "," + key
		}
	case token == "kubernetes:helm.sh/v3:Release":
		if text("name") != "" && text("namespace") != "" {
			return text("namespace") + "/" + text("name")
		}
	case strings.HasPrefix(token, "kubernetes:") && text("metadata", "name") != "":
		if ns := text("metadata", "namespace"); ns != "" {
			return ns + "/" + text("metadata", "name")
		}
		return text("metadata", "name")
	}
	return ""
}

// findByService asks the services for an object that only they know the id of.
func (d *Driver) findByService(ctx context.Context, region string, p Pending) (string, error) {
	switch p.Type {
	case "aws:efs/mountTarget:MountTarget": // its network interface's description names it
		fs, _ := p.In["fileSystemId"].(string)
		subnet, _ := p.In["subnetId"].(string)
		if fs == "" || subnet == "" {
			return "", nil
		}
		res, err := d.invoke(ctx, region, "aws:ec2/getNetworkInterface:getNetworkInterface", map[string]any{"filters": []any{
			map[string]any{"name": "subnet-id", "values": []any{subnet}},
			map[string]any{"name": "description", "values": []any{"EFS mount target for " + fs + " (*"}},
		}})
		if err != nil {
			return "", notFound(err)
		}
		description, _ := res["description"].(string)
		_, rest, _ := strings.Cut(description, "(")
		return strings.TrimSuffix(rest, ")"), nil
	case "aws:efs/accessPoint:AccessPoint":
		return d.findAccessPoint(ctx, region, p)
	case "aws:ec2/routeTableAssociation:RouteTableAssociation":
		table, _ := p.In["routeTableId"].(string)
		subnet, _ := p.In["subnetId"].(string)
		res, err := d.invoke(ctx, region, "aws:ec2/getRouteTable:getRouteTable", map[string]any{"routeTableId": table})
		if err != nil {
			return "", notFound(err)
		}
		associations, _ := res["associations"].([]any)
		for _, a := range associations {
			if m, _ := a.(map[string]any); m["subnetId"] == subnet {
				id, _ := m["routeTableAssociationId"].(string)
				return id, nil
			}
		}
		return "", nil
	}
	return d.findByTag(ctx, region, p)
}

// findAccessPoint looks among the access points of the file system for the one of the same directory. Neither an id nor the tagging API leads to it.
func (d *Driver) findAccessPoint(ctx context.Context, region string, p Pending) (string, error) {
	root, _ := p.In["rootDirectory"].(map[string]any)
	var found []string
	err := d.ask(ctx, region, func(call invocation) error {
		all, err := call("aws:efs/getAccessPoints:getAccessPoints", map[string]any{"fileSystemId": p.In["fileSystemId"]})
		if err != nil {
			return err
		}
		ids, _ := all["ids"].([]any)
		for _, v := range ids {
			id, _ := v.(string)
			point, err := call("aws:efs/getAccessPoint:getAccessPoint", map[string]any{"accessPointId": id})
			if err != nil {
				return err
			}
			roots, _ := point["rootDirectories"].([]any)
			for _, r := range roots {
				if m, _ := r.(map[string]any); m["path"] == root["path"] {
					found = append(found, id)
				}
			}
		}
		return nil
	})
	if err != nil || len(found) != 1 {
		return "", notFound(err)
	}
	return found[0], nil
}

// findByTag looks for what carries the Name, deployment and environment tags that the creation was to give.
func (d *Driver) findByTag(ctx context.Context, region string, p Pending) (string, error) {
	tags, _ := p.In["tags"].(map[string]any)
	all, _ := p.In["tagsAll"].(map[string]any)
	if len(all) > 0 {
		tags = all
	}
	name, _ := tags["Name"].(string)
	service := serviceOf(p.Type)
	if name == "" || service == "" {
		return "", nil
	}
	filters := []any{}
	for _, key := range []string{"Name", "deployment", "environment"} {
		if v, ok := tags[key].(string); ok {
			filters = append(filters, map[string]any{"key": key, "values": []any{v}})
		}
	}
	res, err := d.invoke(ctx, region, "aws:resourcegroupstaggingapi/getResources:getResources", map[string]any{
		"tagFilters": filters, "resourceTypeFilters": []any{service},
	})
	if err != nil {
		return "", err
	}
	list, _ := res["resourceTagMappingLists"].([]any)
	if len(list) != 1 { // none, or more than one could be meant: a wrong guess would be worse than none
		return "", nil
	}
	m, _ := list[0].(map[string]any)
	arn, _ := m["resourceArn"].(string)
	return arn[strings.LastIndexByte(arn, '/')+1:], nil
}

// serviceOf gives the tagging API's name of a resource type (docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html).
func serviceOf(token string) string {
	return map[string]string{
		"aws:ec2/vpc:Vpc":                                           "ec2:vpc",
		"aws:ec2/subnet:Subnet":                                     "ec2:subnet",
		"aws:ec2/internetGateway:InternetGateway":                   "ec2:internet-gateway",
		"aws:ec2/eip:Eip":                                           "ec2:elastic-ip",
		"aws:ec2/natGateway:NatGateway":                             "ec2:natgateway",
		"aws:ec2/routeTable:RouteTable":                             "ec2:route-table",
		"aws:ec2/vpcEndpoint:VpcEndpoint":                           "ec2:vpc-endpoint",
		"aws:ec2/securityGroup:SecurityGroup":                       "ec2:security-group",
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "ec2:security-group-rule",
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   "ec2:security-group-rule",
		"aws:ec2/launchTemplate:LaunchTemplate":                     "ec2:launch-template",
		"aws:efs/fileSystem:FileSystem":                             "elasticfilesystem:file-system",
		"aws:kms/key:Key":                                           "kms:key",
	}[token]
}

// notFound turns "there is none" into no error.
func notFound(err error) error {
	if err == nil || matches(err.Error(), "no matching", "NotFound", "not found", "returned no results") {
		return nil
	}
	return err
}

// invocation calls a provider's function.
type invocation func(token string, args map[string]any) (map[string]any, error)

// invoke calls one function.
func (d *Driver) invoke(ctx context.Context, region, token string, args map[string]any) (result map[string]any, err error) {
	err = d.ask(ctx, region, func(call invocation) (err error) {
		result, err = call(token, args)
		return err
	})
	return result, err
}

// ask calls functions of providers and nothing else: a preview of a program that registers nothing, on a stack of its own that is thrown
// away, so that the calls go through the same provider and credentials as everything else.
func (d *Driver) ask(ctx context.Context, region string, questions func(invocation) error) error {
	dir, err := os.MkdirTemp("", "hubwright-lookup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	asked := ""
	program := func(pctx *pulumi.Context) error {
		return questions(func(token string, args map[string]any) (map[string]any, error) {
			asked = token
			var out map[string]any
			err := pctx.Invoke(token, args, &out)
			return out, err
		})
	}
	env := maps.Clone(baseEnv)
	maps.Copy(env, d.opts.Env)
	maps.Copy(env, map[string]string{"PULUMI_BACKEND_URL": "file://" + dir, passphrase: "none"})
	delete(env, passphrase+"_FILE")
	if region != "" {
		env["AWS_REGION"] = region
	}
	project := []byte("name: lookup\nruntime: go\n")
	if err := os.WriteFile(dir+"/Pulumi.yaml", project, 0o600); err != nil {
		return err
	}
	cmd := &command{engine: d.cmd.engine}
	ws, err := auto.NewLocalWorkspace(ctx, auto.WorkDir(dir), auto.Pulumi(cmd), auto.EnvVars(env), auto.Program(guarded(program)))
	if err != nil {
		return err
	}
	s, err := auto.NewStack(ctx, "lookup", ws)
	if err != nil {
		return err
	}
	if _, err := s.Preview(ctx, optpreview.SuppressProgress()); err != nil {
		return fmt.Errorf("%s: %s", asked, firstLine(failure{ended: cmd.last, err: err}, "error", asked))
	}
	return nil
}

// CheckAccount asks whose credentials these are, and refuses those of another account than the target's. An update and a preview need no such
// question, since their provider is made anew and refuses by itself.
func (d *Driver) CheckAccount(ctx context.Context, env, region string) error {
	res, err := d.invoke(ctx, region, "aws:index/getCallerIdentity:getCallerIdentity", nil)
	if err != nil {
		return d.classify(env, failure{ended: ended{stderr: err.Error()}, err: err})
	}
	account, _ := res["accountId"].(string)
	if want := d.opts.Target.Account; account != want {
		return wrongAccountError(env, want, account, false)
	}
	return nil
}
