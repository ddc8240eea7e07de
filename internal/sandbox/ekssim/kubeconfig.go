package ekssim

import (
	"encoding/json"

	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The kubeconfig that pulumi-eks makes, its fields in the same order, so that the text is equal to the letter.
type kubeconfig struct {
	APIVersion     string         `json:"apiVersion"`
	Clusters       []namedCluster `json:"clusters"`
	Contexts       []namedContext `json:"contexts"`
	CurrentContext string         `json:"current-context"`
	Kind           string         `json:"kind"`
	Users          []namedUser    `json:"users"`
}

type namedCluster struct {
	Cluster struct {
		Server               string  `json:"server"`
		CertificateAuthority *string `json:"certificate-authority-data,omitempty"`
	} `json:"cluster"`
	Name string `json:"name"`
}

type namedContext struct {
	Context struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	} `json:"context"`
	Name string `json:"name"`
}

type namedUser struct {
	Name string `json:"name"`
	User struct {
		Exec exec `json:"exec"`
	} `json:"user"`
}

type exec struct {
	APIVersion string     `json:"apiVersion"`
	Command    string     `json:"command"`
	Args       []string   `json:"args"`
	Env        []variable `json:"env"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// access is what a kubeconfig is made from.
type access struct {
	cluster, endpoint, region string
	ca, role, profile         *string
}

func (a access) kubeconfig() kubeconfig {
	args := []string{"--region", a.region, "eks", "get-token", "--cluster-name", a.cluster, "--output", "json"}
	if a.role != nil && *a.role != "" {
		args = append(args, "--role", *a.role)
	}
	if a.profile != nil && *a.profile != "" {
		args = append(args, "--profile", *a.profile)
	}
	cluster, context, user := namedCluster{Name: "kubernetes"}, namedContext{Name: "aws"}, namedUser{Name: "aws"}
	cluster.Cluster.Server, cluster.Cluster.CertificateAuthority = a.endpoint, a.ca
	context.Context.Cluster, context.Context.User = "kubernetes", "aws"
	user.User.Exec = exec{
		APIVersion: "client.authentication.k8s.io/v1beta1",
		Command:    "aws",
		Args:       args,
		Env:        []variable{{"KUBERNETES_EXEC_INFO", `{"apiVersion": "client.authentication.k8s.io/v1beta1"}`}},
	}
	return kubeconfig{
		APIVersion: "v1", Kind: "Config", CurrentContext: "aws",
		Clusters: []namedCluster{cluster}, Contexts: []namedContext{context}, Users: []namedUser{user},
	}
}

// kubeconfig is the cluster's kubeconfig as JSON text. The profile is for the component's own Kubernetes provider alone: pulumi-eks leaves it
// out of what it hands on.
func (c *cluster) kubeconfig(withProfile bool) pulumi.StringOutput {
	credentials := pulumi.Input(pulumi.Map{}) // no options
	if c.args.ProviderCredentialOpts != nil {
		credentials = c.args.ProviderCredentialOpts
	}
	return pulumi.All(c.eks.Name, c.eks.Endpoint, c.eks.Arn, c.eks.CertificateAuthority.Data(), credentials).ApplyT(func(vs []any) (string, error) {
		a := access{ca: pointed[string](vs[3])}
		a.cluster, _ = vs[0].(string)
		a.endpoint, _ = vs[1].(string)
		arn, _ := vs[2].(string)
		var err error
		if a.region, err = regionOf(arn); err != nil {
			return "", err
		}
		if o := pointed[eks.KubeconfigOptions](vs[4]); o != nil {
			a.role = o.RoleArn
			if withProfile {
				a.profile = o.ProfileName
			}
		}
		return jsonText(a.kubeconfig())
	}).(pulumi.StringOutput)
}

// parsed is a JSON text as an object.
func parsed(text pulumi.StringOutput) pulumi.MapOutput {
	return text.ApplyT(func(s string) (map[string]any, error) {
		var out map[string]any
		err := json.Unmarshal([]byte(s), &out)
		return out, err
	}).(pulumi.MapOutput)
}
