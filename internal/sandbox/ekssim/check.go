package ekssim

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	perrors "github.com/pulumi/pulumi/sdk/v3/go/pulumi/errors"
)

// problems are what is wrong with a component's inputs.
type problems []perrors.InputPropertyErrorDetails

func (p *problems) add(property, format string, args ...any) {
	*p = append(*p, perrors.InputPropertyErrorDetails{PropertyPath: property, Reason: fmt.Sprintf(format, args...)})
}

// err is all problems as the engine wants to be told of them, which shows each with the property's value; nil when there are none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return perrors.NewInputPropertiesError("its arguments do not fit", p...)
}

// refused are arguments that the sandbox knows and does not take, with the reason.
type refused map[string]string

// unknown adds a problem for every argument that args has no field for, and for every refused one.
func (p *problems) unknown(token string, in resource.PropertyMap, args any, no refused) {
	fields := tags(args)
	for _, key := range in.StableKeys() {
		switch reason := no[string(key)]; {
		case !given(in[key]):
		case reason != "":
			p.add(string(key), "%s", reason)
		case !slices.Contains(fields, string(key)):
			p.add(string(key), "the sandbox does not simulate this argument of %s", token)
		}
	}
}

// tags returns the names of the properties that a struct has fields for.
func tags(args any) []string {
	t := reflect.TypeOf(args)
	var out []string
	for i := range t.NumField() {
		out = append(out, t.Field(i).Tag.Get("pulumi"))
	}
	return out
}

// plain takes secretness and dependencies off a value; an output that is not known becomes computed.
func plain(v resource.PropertyValue) resource.PropertyValue {
	switch {
	case v.IsSecret():
		return plain(v.SecretValue().Element)
	case v.IsOutput() && v.OutputValue().Known:
		return plain(v.OutputValue().Element)
	case v.IsOutput():
		return resource.MakeComputed(resource.NewProperty(""))
	}
	return v
}

// given reports whether an argument is set to anything that asks for something: false, empty lists and empty objects do not.
func given(v resource.PropertyValue) bool {
	v = plain(v)
	switch {
	case v.IsNull():
		return false
	case v.IsBool():
		return v.BoolValue()
	case v.IsArray():
		return len(v.ArrayValue()) > 0
	case v.IsObject():
		return len(v.ObjectValue()) > 0
	}
	return true
}

// is reports whether an argument is that very value.
func is(v resource.PropertyValue, want any) bool { return plain(v).V == want }

func checkCluster(in resource.PropertyMap) problems {
	var p problems
	p.unknown(clusterType, in, clusterArgs{}, refused{
		"createOidcProvider": "pulumi-eks would open a network connection to the cluster's OIDC issuer, in previews too; leave it out and make an " +
			"aws.iam.OpenIdConnectProvider from the cluster's output oidcProviderUrl instead",
		"instanceRoles": "the 'instanceRoles' property does not support non-empty values when 'authenticationMode' is set to 'API'",
		"roleMappings":  "the 'roleMappings' property does not support non-empty values when 'authenticationMode' is set to 'API'",
		"userMappings":  "the 'userMappings' property does not support non-empty values when 'authenticationMode' is set to 'API'",
	})
	switch mode := plain(in["authenticationMode"]); {
	case is(mode, "API"):
	case is(mode, "API_AND_CONFIG_MAP"), is(mode, "CONFIG_MAP"), !given(mode):
		p.add("authenticationMode", "must be API in the sandbox, which does not simulate the aws-auth ConfigMap of the other modes")
	default:
		p.add("authenticationMode", "invalid value for authenticationMode: %v; allowed values are: CONFIG_MAP, API_AND_CONFIG_MAP, API", mode.V)
	}
	if !is(in["skipDefaultNodeGroup"], true) {
		p.add("skipDefaultNodeGroup", "must be true in the sandbox, which does not simulate self-managed nodes; use an eks.ManagedNodeGroup")
	}
	if !given(in["vpcId"]) {
		p.add("vpcId", "must be given in the sandbox, which has no default VPC")
	}
	if given(in["subnetIds"]) && (given(in["publicSubnetIds"]) || given(in["privateSubnetIds"])) {
		p.add("subnetIds", "subnetIds, and the use of publicSubnetIds and/or privateSubnetIds are mutually exclusive; choose a single approach")
	}
	if given(in["publicAccessCidrs"]) && is(in["endpointPublicAccess"], false) {
		p.add("publicAccessCidrs", "can only be set when endpointPublicAccess is true")
	}
	p.vpcCni(plain(in["vpcCniOptions"]))
	return p
}

func (p *problems) vpcCni(options resource.PropertyValue) {
	if !options.IsObject() {
		return
	}
	cni := options.ObjectValue()
	if given(cni["securityContextPrivileged"]) {
		p.add("vpcCniOptions.securityContextPrivileged", "the sandbox does not simulate the patch of a DaemonSet that this stands for")
	}
	if given(cni["cniExternalSnat"]) && given(cni["externalSnat"]) {
		p.add("vpcCniOptions", "specify one of cniExternalSnat and externalSnat")
	}
}

func checkNodeGroup(in resource.PropertyMap) problems {
	var p problems
	p.unknown(nodeGroupType, in, nodeGroupArgs{}, nil)
	switch role, arn := given(in["nodeRole"]), given(in["nodeRoleArn"]); {
	case role && arn:
		p.add("nodeRole", "you cannot specify both nodeRole and nodeRoleArn when creating a managed node group")
	case !role && !arn:
		p.add("nodeRole", "an IAM role, or role ARN must be provided to create a managed node group")
	}
	if !given(in["cluster"]) {
		p.add("cluster", "must be the core of an eks.Cluster, or the cluster itself")
	}
	return p
}
