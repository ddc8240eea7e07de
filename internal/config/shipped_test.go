package config_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

// root is the deployment that the repository ships.
var root = filepath.Join("..", "..")

func TestShippedDeployment(t *testing.T) {
	envs, err := config.Environments(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"prod", "staging"}, envs); diff != "" {
		t.Fatal(diff)
	}
	for env, most := range map[string]int{"staging": 10, "prod": 100} {
		s, err := config.Load(root, env, nil, config.Options{})
		if err != nil {
			t.Errorf("%s:\n%v", env, err)
			continue
		}
		user := s.Cluster.NodeGroups[1]
		if user.Name != "user" || user.Min != 0 || user.Max != most || user.Desired != 0 || len(user.Taints) != 1 {
			t.Errorf("%s: node group user is %+v", env, user)
		}
		if got, want := s.ReleaseName("hub"), "roman-sit-"+env; got != want || s.ClusterName() != want || s.Hubs[0].Namespace != want {
			t.Errorf("%s: release %q, cluster %q, namespace %q", env, got, s.ClusterName(), s.Hubs[0].Namespace)
		}
		if got := s.SecretsProvider(); got != "awskms://alias/roman-sit-pulumi?region=us-east-1" {
			t.Errorf("%s: secrets provider %q", env, got)
		}
		if got := s.Hubs[0].Auth.AuthorizeURL; got != "https://auth.mast.stsci.edu/oauth/authorize" {
			t.Errorf("%s: users log in at %q", env, got)
		}
		want := map[string]string{"deployment": "roman-sit", "environment": env, "owner": "dmd", "managed-by": "hubwright"}
		if diff := cmp.Diff(want, s.Tags()); diff != "" {
			t.Errorf("%s: tags: %s", env, diff)
		}
	}
}
