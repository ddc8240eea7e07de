package ekssim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// addon is an EKS add-on to be registered.
type addon struct {
	name, addonName string
	version         pulumi.StringPtrInput // nil: the newest one for the cluster's version
	conflicts       conflicts
	configuration   pulumi.StringPtrInput
	roleARN         pulumi.StringPtrInput
}

// conflicts are the ways of resolving conflicts with what is in the cluster. The SDK's own types for arguments are not used here: their
// enumerations cannot be read back by the SDK.
type conflicts struct {
	onCreate, onUpdate *string
}

// addonOptions are the options of an add-on.
type addonOptions struct {
	ConfigurationValues      pulumi.MapInput       `pulumi:"configurationValues"`
	Enabled                  *bool                 `pulumi:"enabled"`
	ResolveConflictsOnCreate *string               `pulumi:"resolveConflictsOnCreate"`
	ResolveConflictsOnUpdate *string               `pulumi:"resolveConflictsOnUpdate"`
	Version                  pulumi.StringPtrInput `pulumi:"version"`
}

// cniOptions are the options of the network add-on.
type cniOptions struct {
	AddonVersion             pulumi.StringPtrInput `pulumi:"addonVersion"`
	CniConfigureRpfilter     pulumi.BoolPtrInput   `pulumi:"cniConfigureRpfilter"`
	CniCustomNetworkCfg      pulumi.BoolPtrInput   `pulumi:"cniCustomNetworkCfg"`
	CniExternalSnat          pulumi.BoolPtrInput   `pulumi:"cniExternalSnat"`
	ConfigurationValues      pulumi.MapInput       `pulumi:"configurationValues"`
	DisableTCPEarlyDemux     pulumi.BoolPtrInput   `pulumi:"disableTcpEarlyDemux"`
	EnableNetworkPolicy      pulumi.BoolPtrInput   `pulumi:"enableNetworkPolicy"`
	EnablePodEni             pulumi.BoolPtrInput   `pulumi:"enablePodEni"`
	EnablePrefixDelegation   pulumi.BoolPtrInput   `pulumi:"enablePrefixDelegation"`
	EniConfigLabelDef        pulumi.StringPtrInput `pulumi:"eniConfigLabelDef"`
	EniMtu                   pulumi.IntPtrInput    `pulumi:"eniMtu"`
	ExternalSnat             pulumi.BoolPtrInput   `pulumi:"externalSnat"`
	LogFile                  pulumi.StringPtrInput `pulumi:"logFile"`
	LogLevel                 pulumi.StringPtrInput `pulumi:"logLevel"`
	NodePortSupport          pulumi.BoolPtrInput   `pulumi:"nodePortSupport"`
	ResolveConflictsOnCreate *string               `pulumi:"resolveConflictsOnCreate"`
	ResolveConflictsOnUpdate *string               `pulumi:"resolveConflictsOnUpdate"`
	ServiceAccountRoleArn    pulumi.StringPtrInput `pulumi:"serviceAccountRoleArn"`
	VethPrefix               pulumi.StringPtrInput `pulumi:"vethPrefix"`
	WarmEniTarget            pulumi.IntPtrInput    `pulumi:"warmEniTarget"`
	WarmIPTarget             pulumi.IntPtrInput    `pulumi:"warmIpTarget"`
	WarmPrefixTarget         pulumi.IntPtrInput    `pulumi:"warmPrefixTarget"`
}

// addOn registers an add-on under a parent. As pulumi-eks has it, removing it from the graph leaves it in the cluster, and conflicts are overwritten.
func (c *cluster) addOn(a addon, parent pulumi.Resource) (*awseks.Addon, error) {
	version := a.version
	if version == nil {
		version = awseks.GetAddonVersionOutput(c.ctx, awseks.GetAddonVersionOutputArgs{
			AddonName: pulumi.String(a.addonName), KubernetesVersion: c.eks.Version, MostRecent: pulumi.Bool(true),
		}, pulumi.Parent(parent)).Version()
	}
	onCreate, onUpdate := pulumi.String("OVERWRITE"), pulumi.String("OVERWRITE")
	if a.conflicts.onCreate != nil {
		onCreate = pulumi.String(*a.conflicts.onCreate)
	}
	if a.conflicts.onUpdate != nil {
		onUpdate = pulumi.String(*a.conflicts.onUpdate)
	}
	return awseks.NewAddon(c.ctx, a.name, &awseks.AddonArgs{
		ClusterName:              c.eks.Name,
		AddonName:                pulumi.String(a.addonName),
		AddonVersion:             version,
		Preserve:                 pulumi.Bool(true),
		ResolveConflictsOnCreate: onCreate,
		ResolveConflictsOnUpdate: onUpdate,
		ConfigurationValues:      a.configuration,
		ServiceAccountRoleArn:    a.roleARN,
		Tags:                     c.args.Tags,
	}, pulumi.Parent(parent))
}

func (c *cluster) kubeProxy() error {
	o := c.args.KubeProxyAddonOptions
	if o == nil {
		o = &addonOptions{}
	}
	if o.Enabled != nil && !*o.Enabled {
		return nil
	}
	_, err := c.addOn(addon{
		name: c.name + "-kube-proxy", addonName: "kube-proxy", version: o.Version,
		conflicts: conflicts{o.ResolveConflictsOnCreate, o.ResolveConflictsOnUpdate}, configuration: sortedJSON(o.ConfigurationValues),
	}, c)
	return err
}

// coreDNS registers the add-on only when it is asked for, since there is no default node group for it to run on.
func (c *cluster) coreDNS() error {
	o := c.args.CorednsAddonOptions
	if o == nil || (o.ConfigurationValues == nil && (o.Enabled == nil || !*o.Enabled)) {
		return nil
	}
	_, err := c.addOn(addon{
		name: c.name + "-coredns", addonName: "coredns", version: o.Version,
		conflicts: conflicts{o.ResolveConflictsOnCreate, o.ResolveConflictsOnUpdate}, configuration: sortedJSON(o.ConfigurationValues),
	}, c)
	return err
}

// vpcCniAddon is an eks:index:VpcCniAddon.
type vpcCniAddon struct {
	pulumi.ResourceState
}

// vpcCniAddon registers the network add-on as soon as people may enter the cluster.
func (c *cluster) vpcCniAddon(entries []pulumi.Resource) error {
	o := c.args.VpcCniOptions
	if o == nil {
		o = &cniOptions{}
	}
	name, cni := c.name+"-vpc-cni", &vpcCniAddon{}
	err := c.ctx.RegisterComponentResource(vpcCniType, name, cni, c.child(pulumi.DependsOn(entries), pulumi.Providers(c.k8s))...)
	if err != nil {
		return err
	}
	made, err := c.addOn(addon{
		name: name, addonName: "vpc-cni", version: o.AddonVersion,
		conflicts:     conflicts{o.ResolveConflictsOnCreate, o.ResolveConflictsOnUpdate},
		configuration: cniConfiguration(o), roleARN: o.ServiceAccountRoleArn,
	}, cni)
	if err != nil {
		return err
	}
	c.vpcCni = cni
	return c.ctx.RegisterResourceOutputs(cni, pulumi.Map{"addon": made})
}

// setting is an environment variable of the add-on's containers.
type setting struct {
	name     string
	value    pulumi.Input // nil, 0, false and "" count as absent
	fallback string       // for absent ones; "" leaves the variable out
}

// cniSettings are the variables of the add-on's main container and of its init container. The names are documented in
// https://github.com/aws/amazon-vpc-cni-k8s#cni-configuration-variables. (customNetworkConfig is missing on purpose: what pulumi-eks makes of
// it is overwritten by cniCustomNetworkCfg in pulumi-eks itself.)
func cniSettings(o *cniOptions) (main, initial []setting) {
	snat := o.CniExternalSnat
	if truthy(o.ExternalSnat) {
		snat = o.ExternalSnat
	}
	warm := setting{"WARM_ENI_TARGET", o.WarmEniTarget, "1"}
	if o.WarmEniTarget != nil && !truthy(o.WarmEniTarget) {
		warm.fallback = "0" // the one variable for which 0 is a value
	}
	main = []setting{
		{"AWS_VPC_CNI_NODE_PORT_SUPPORT", o.NodePortSupport, ""},
		warm,
		{"WARM_IP_TARGET", o.WarmIPTarget, ""},
		{"WARM_PREFIX_TARGET", o.WarmPrefixTarget, ""},
		{"ENABLE_PREFIX_DELEGATION", o.EnablePrefixDelegation, ""},
		{"AWS_VPC_K8S_CNI_LOGLEVEL", o.LogLevel, "DEBUG"},
		{"AWS_VPC_K8S_CNI_LOG_FILE", o.LogFile, "/host/var/log/aws-routed-eni/ipamd.log"},
		{"AWS_VPC_K8S_CNI_VETHPREFIX", o.VethPrefix, "eni"},
		{"AWS_VPC_ENI_MTU", o.EniMtu, "9001"},
		{"ENI_CONFIG_LABEL_DEF", o.EniConfigLabelDef, ""},
		{"AWS_VPC_K8S_PLUGIN_LOG_LEVEL", nil, "DEBUG"},
		{"AWS_VPC_K8S_PLUGIN_LOG_FILE", nil, "/var/log/aws-routed-eni/plugin.log"},
		{"ENABLE_POD_ENI", o.EnablePodEni, "false"},
		{"AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", o.CniConfigureRpfilter, ""},
		{"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", o.CniCustomNetworkCfg, "false"},
		{"AWS_VPC_K8S_CNI_EXTERNALSNAT", snat, "false"},
	}
	return main, []setting{{"DISABLE_TCP_EARLY_DEMUX", o.DisableTCPEarlyDemux, "false"}}
}

// environment is the settings as strings.
func environment(settings []setting) pulumi.StringMap {
	out := pulumi.StringMap{}
	for _, s := range settings {
		switch {
		case truthy(s.value):
			out[s.name] = text(s.value)
		case s.fallback != "":
			out[s.name] = pulumi.String(s.fallback)
		}
	}
	return out
}

// truthy reports whether an input is set, in the sense of JavaScript's truth.
func truthy(in pulumi.Input) bool {
	switch in {
	case nil, pulumi.Int(0), pulumi.Bool(false), pulumi.String(""):
		return false
	}
	return true
}

// text is a string, number or boolean as a string.
func text(in pulumi.Input) pulumi.StringOutput {
	return pulumi.ToOutput(in).ApplyT(func(v any) string {
		return fmt.Sprint(reflect.Indirect(reflect.ValueOf(v)))
	}).(pulumi.StringOutput)
}

// cniConfiguration is the add-on's configuration: what the options stand for, under what configurationValues say themselves.
func cniConfiguration(o *cniOptions) pulumi.StringPtrInput {
	main, initial := cniSettings(o)
	values, policy := pulumi.MapInput(pulumi.Map{}), pulumi.StringInput(pulumi.String(""))
	if o.ConfigurationValues != nil {
		values = o.ConfigurationValues
	}
	if o.EnableNetworkPolicy != nil {
		policy = text(o.EnableNetworkPolicy)
	}
	merged := pulumi.All(values, environment(main), environment(initial), policy).ApplyT(func(vs []any) (map[string]any, error) {
		given, ok := vs[0].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("vpcCniOptions.configurationValues: expected an object, got %T", vs[0])
		}
		out := object(given)
		if _, said := out["enableNetworkPolicy"]; !said && vs[3] != "" {
			out["enableNetworkPolicy"] = vs[3]
		}
		first := object(out["init"])
		first["env"] = under(vs[2], first["env"])
		out["env"], out["init"] = under(vs[1], out["env"]), first
		return out, nil
	}).(pulumi.MapOutput)
	return sortedJSON(merged)
}

// object is a copy of a JSON object; an empty one for anything else.
func object(v any) map[string]any {
	out := map[string]any{}
	if m, ok := v.(map[string]any); ok {
		for k, e := range m {
			out[k] = e
		}
	}
	return out
}

// under lays variables under an object of others, which count more.
func under(variables, others any) map[string]any {
	out := map[string]any{}
	if m, ok := variables.(map[string]string); ok {
		for k, v := range m {
			out[k] = v
		}
	}
	for k, v := range object(others) {
		out[k] = v
	}
	return out
}

// sortedJSON is an object as JSON text with sorted keys, nil for an absent one.
func sortedJSON(values pulumi.MapInput) pulumi.StringPtrInput {
	if values == nil {
		return nil
	}
	return values.ToMapOutput().ApplyT(func(v map[string]any) (string, error) { return jsonText(v) }).(pulumi.StringOutput)
}

// jsonText is JSON as JavaScript writes it: without a line's end, with <, > and & as they are.
func jsonText(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
