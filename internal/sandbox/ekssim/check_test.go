package ekssim

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/status"
)

func TestRefused(t *testing.T) {
	nodeGroup := func(changes map[string]any) resource.PropertyMap {
		in := map[string]any{"cluster": "core", "nodeRoleArn": "arn:aws:iam::000000000000:role/nodes"}
		for k, v := range changes {
			in[k] = v
		}
		return resource.NewPropertyMapFromMap(in)
	}
	for _, tc := range []struct {
		name, token string
		in          resource.PropertyMap
		want        []string // each in the message
	}{
		{"OIDC provider", clusterType, clusterInputs(map[string]any{"createOidcProvider": true}), []string{"createOidcProvider: ", "network connection", "oidcProviderUrl"}},
		{"OIDC provider, an output", clusterType, withOIDC(clusterInputs(nil)), []string{"createOidcProvider: "}},
		{"no authentication mode", clusterType, clusterInputs(map[string]any{"authenticationMode": nil}), []string{"authenticationMode: must be API"}},
		{"ConfigMap mode", clusterType, clusterInputs(map[string]any{"authenticationMode": "API_AND_CONFIG_MAP"}), []string{"aws-auth"}},
		{"unknown mode", clusterType, clusterInputs(map[string]any{"authenticationMode": "NONE"}), []string{"NONE", "allowed values are"}},
		{"default node group", clusterType, clusterInputs(map[string]any{"skipDefaultNodeGroup": nil}), []string{"skipDefaultNodeGroup", "ManagedNodeGroup"}},
		{"no VPC", clusterType, clusterInputs(map[string]any{"vpcId": nil}), []string{"vpcId"}},
		{"two ways of subnets", clusterType, clusterInputs(map[string]any{"subnetIds": []any{"subnet-1"}}), []string{"mutually exclusive"}},
		{"CIDRs of no endpoint", clusterType, clusterInputs(map[string]any{"endpointPublicAccess": false}), []string{"publicAccessCidrs"}},
		{"role mappings", clusterType, clusterInputs(map[string]any{"roleMappings": []any{map[string]any{"roleArn": admin}}}), []string{"roleMappings", "'API'"}},
		{"privileged CNI", clusterType, clusterInputs(map[string]any{"vpcCniOptions": map[string]any{"securityContextPrivileged": true}}), []string{"securityContextPrivileged"}},
		{"two SNATs", clusterType, clusterInputs(map[string]any{"vpcCniOptions": map[string]any{"externalSnat": true, "cniExternalSnat": true}}), []string{"specify one of"}},
		{
			"all at once", clusterType,
			clusterInputs(map[string]any{"fargate": true, "autoMode": map[string]any{"enabled": true}, "storageClasses": "gp3", "vpcId": nil}),
			[]string{"fargate: the sandbox does not simulate", "autoMode: ", "storageClasses: ", "vpcId: "},
		},
		{"no role", nodeGroupType, resource.PropertyMap{"cluster": resource.NewProperty("core")}, []string{"nodeRole: an IAM role"}},
		{"two roles", nodeGroupType, nodeGroup(map[string]any{"nodeRole": "nodes"}), []string{"both nodeRole and nodeRoleArn"}},
		{"user data", nodeGroupType, nodeGroup(map[string]any{"userData": "x", "enableIMDSv2": true}), []string{"userData: ", "enableIMDSv2: "}},
		{"no cluster", nodeGroupType, resource.PropertyMap{"nodeRoleArn": resource.NewProperty(admin)}, []string{"cluster: "}},
		{"something else as cluster", nodeGroupType, nodeGroup(nil), []string{"cluster: expected the core of an eks.Cluster"}},
		{"another component", "eks:index:NodeGroupV2", resource.PropertyMap{}, []string{"eks:index:NodeGroupV2", clusterType, nodeGroupType}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMonitor(t)
			_, err := m.construct(tc.token, "hub", tc.in)
			if err == nil {
				t.Fatalf("it was not refused; registered: %v", m.registered())
			}
			said := wording(err)
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("error %q does not say %q", said, want)
				}
			}
			for _, row := range m.registered() {
				if strings.HasPrefix(row, "aws:") {
					t.Errorf("it was refused, but %s was registered", row)
				}
			}
		})
	}
}

// wording is an error with the details that the engine shows below it.
func wording(err error) string {
	st := status.Convert(err)
	out := st.Message()
	for _, d := range st.Details() {
		if problems, ok := d.(*rpc.InputPropertiesError); ok {
			for _, p := range problems.GetErrors() {
				out += "; " + p.GetPropertyPath() + ": " + p.GetReason()
			}
		}
	}
	return out
}

func withOIDC(in resource.PropertyMap) resource.PropertyMap {
	in["createOidcProvider"] = output(true, "urn:pulumi:staging::test::a:b:C::d")
	return in
}

// Arguments that ask for nothing are as good as absent ones.
func TestNotRefused(t *testing.T) {
	in := clusterInputs(map[string]any{"fargate": false, "instanceRoles": []any{}, "createOidcProvider": false, "storageClasses": map[string]any{}, "gpu": nil})
	if p := checkCluster(in); len(p) > 0 {
		t.Errorf("problems: %v", p)
	}
}
