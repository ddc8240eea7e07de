package hubploy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// with is the checkout with files that are others; an empty text takes one out.
func with(files map[string]string) map[string]string {
	out := maps.Clone(checkout)
	for name, text := range files {
		out[name] = text
		if text == "" {
			delete(out, name)
		}
	}
	return out
}

const (
	hubployYAMLFile = "deployments/gough/hubploy.yaml"
	cluster         = "\ncluster: {provider: aws, aws: {account_id: '162808325377', region: us-east-1, cluster: gough}}\n"
	ecr             = "162808325377.dkr.ecr.us-east-1.amazonaws.com/"
)

// The image that the script gives to Helm is in the hub's configuration, or in the highest layer, in both forms of hubploy.yaml.
func TestImages(t *testing.T) {
	type named map[string]any
	for name, test := range map[string]struct {
		hubploy string
		files   map[string]string
		layer   named             // the layer that names images, of staging
		project []string          // what Pulumi.yaml has
		lacks   []string          // what it has not
		notes   map[string]string // what to what is said, as of Plan.says
	}{
		"old form, built here": {
			hubploy: "images:\n  image_name: " + ecr + "gough-user-image",
			project: []string{"- name: user-image\n        context: images/user-image\n        valuesPaths: [jupyterhub.singleuser.image]", "image: user-image"},
			lacks:   []string{"image-${env}"},
			notes: map[string]string{
				"hubploy.yaml:2: image": "changed: the script put " + ecr + "gough-user-image with tag latest-<env> at jupyterhub.singleuser.image. hubwright builds",
				"hubploy.yaml:2: tag":   "{images: {user-image: " + ecr + "gough-user-image@sha256:…}} into Pulumi.prod.yaml",
			},
		},
		"old form, built elsewhere": {
			hubploy: "images:\n  image_name: " + ecr + "gough-user-image",
			files:   map[string]string{"deployments/gough/image/Dockerfile": "", "deployments/gough/image/run.sh": ""},
			layer:   named{"jupyterhub": named{"singleuser": named{"image": named{"name": ecr + "gough-user-image", "tag": "latest-staging"}}}},
			project: []string{"- hubs/hub/${env}.yaml\n          - hubs/hub/image-${env}.yaml\n"},
			lacks:   []string{"hubwright:images", "image: user-image"},
			notes: map[string]string{
				"hubploy.yaml:2: image": "carried: " + ecr + "gough-user-image with tag latest-<env> goes to jupyterhub.singleuser.image in hubs/hub/image-${env}.yaml",
				"hubploy.yaml:2: tag":   "moves with every push",
			},
		},
		"old form, with a path and a tag": {
			hubploy: "images:\n  image_name: localhost:5000/a:v3\n  image_config_path: jupyterhub.hub.image",
			files:   map[string]string{"deployments/gough/image/Dockerfile": ""},
			layer:   named{"jupyterhub": named{"hub": named{"image": named{"name": "localhost:5000/a", "tag": "v3"}}}},
			notes:   map[string]string{"gough/image": "left: has no Dockerfile: hubploy builds it with repo2docker"},
		},
		"new form": {
			hubploy: "images:\n  images: [{name: quay.io/x/base, path: base, helm_substitution_path: jupyterhub.hub.image},\n  {name: quay.io/x/user-image, path: image},\n  {name: 'quay.io/y/user-image:1', path: none, helm_substitution_path: jupyterhub.prePuller.hook.image}]",
			files:   map[string]string{"deployments/gough/base/Dockerfile": "FROM scratch\n"},
			layer:   named{"jupyterhub": named{"hub": named{"image": named{"name": "quay.io/x/base", "tag": "latest-staging"}}, "prePuller": named{"hook": named{"image": named{"name": "quay.io/y/user-image", "tag": "1"}}}}},
			project: []string{"- name: base\n        context: images/base\n      - name: user-image", "image: user-image\n"},
			notes:   map[string]string{"hubploy.yaml:2: image": "images/base is built, but a hub takes one image that is built here, which is user-image"},
		},
		"two of a name": {
			hubploy: "images:\n  images:\n  - {name: x/a, path: image}\n  - {name: y/a, path: base, helm_substitution_path: jupyterhub.hub.image}",
			files:   map[string]string{"deployments/gough/base/Dockerfile": "FROM scratch\n"},
			layer:   named{"jupyterhub": named{"hub": named{"image": named{"name": "y/a", "tag": "latest-staging"}}}},
			project: []string{"context: images/a\n", "context: images/a-2\n"},
		},
		"below another chart": {
			hubploy: "images:\n  image_name: x/a\n  image_config_path: pangeo.jupyterhub.singleuser.image",
			layer:   named{"pangeo": named{"jupyterhub": named{"singleuser": named{"image": named{"name": "x/a", "tag": "latest-staging"}}}}},
			lacks:   []string{"hubwright:images"},
		},
		"into a list": {
			hubploy: "images:\n  image_name: x/a\n  image_config_path: jupyterhub.singleuser.profileList[0].image",
			lacks:   []string{"hubwright:images", "image-${env}"},
			notes:   map[string]string{"hubploy.yaml:2: image": "left: x/a with tag latest-<env> was put into a list"},
		},
		"both forms": {
			hubploy: "images:\n  image_name: x/a\n  images: [{name: x/b, path: image}]",
			project: []string{"image: a\n"},
			notes:   map[string]string{"hubploy.yaml": "line 3: images.images is not read"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(test.files)
			if files == nil {
				files = map[string]string{}
			}
			files[hubployYAMLFile] = test.hubploy + cluster
			_, p := plan(t, lay(t, with(files)))
			var got named
			if err := yaml.Unmarshal(p.Texts["hubs/hub/image-staging.yaml"], &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.layer, got); diff != "" {
				t.Errorf("the layer:\n%s", diff)
			}
			project := string(p.Texts["Pulumi.yaml"])
			for _, want := range test.project {
				if !strings.Contains(project, want) {
					t.Errorf("Pulumi.yaml lacks %q:\n%s", want, project)
				}
			}
			for _, not := range test.lacks {
				if strings.Contains(project, not) {
					t.Errorf("Pulumi.yaml has %q:\n%s", not, project)
				}
			}
			for what, want := range test.notes {
				if got := p.says(what); !strings.Contains(got, want) {
					t.Errorf("of %s it says %q, want %q", what, got, want)
				}
			}
		})
	}
}

func TestImagesRefused(t *testing.T) {
	for text, want := range map[string]string{
		"images: {images: [{path: image}]}":                         "images.images[0].name: is missing",
		"images:\n  image_name: 'a b'":                              `hubploy.yaml:2: images: "a b" is not the name of an image`,
		"images:\n  image_name: x/a\n  image_config_path: 'a, b=c'": `hubploy.yaml:3: images: "a, b=c" is not a path into the values`,
		"images:\n  image_name: {a: 1}":                             "hubploy.yaml: line 2: cannot unmarshal !!map",
	} {
		if _, err := Read(lay(t, with(map[string]string{hubployYAMLFile: text + cluster})), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %q it says %v, want %q", text, err, want)
		}
	}
}

// Where two files name different clusters, regions or accounts, both are named.
func TestSettingsThatDisagree(t *testing.T) {
	s, p := plan(t, lay(t, with(map[string]string{
		hubployYAMLFile:                  "images:\n  image_name: x/a\n  registry: {provider: aws, aws: {project: '999999999999'}}" + cluster,
		"deployments/gough/gough.tfvars": "# where\nregion = \"us-west-2\"\ncluster_name = \"roman\"\nunmanaged_vpc_id = \"vpc-1\"\n",
	})))
	if s.Settings.Account != "162808325377" || s.Settings.Region != "us-east-1" || s.Settings.Cluster != "gough" {
		t.Errorf("settings are %+v", s.Settings)
	}
	for what, want := range map[string]string{
		"tfvars: cluster_name":     "left: deployments/gough/gough.tfvars:3 names the cluster roman, but deployments/gough/hubploy.yaml:4 names gough",
		"tfvars: region":           "left: deployments/gough/gough.tfvars:2 names region us-west-2",
		"tfvars: unmanaged_vpc_id": "left: its counterpart is hubwright:network.vpcId",
		"hubploy.yaml:3":           "left: the images' registry is that of account 999999999999",
		"cluster gough":            "left: deployments/gough/hubploy.yaml:4: is not taken over",
	} {
		if got := p.says(what); !strings.Contains(got, want) {
			t.Errorf("of %s it says %q, want %q", what, got, want)
		}
	}
}

// The files of secrets that hubploy reads are four, and are carried over in its order.
func TestSecretsOfAllEnvironments(t *testing.T) {
	s, p := plan(t, lay(t, with(map[string]string{
		"deployments/gough/secrets/common.yaml": "a: planted\n", "deployments/gough/secrets/staging.yaml": "a: planted\n", "secrets/deployments/gough/secrets/common.yaml": "a: planted\n",
	})))
	want := []string{
		"deployments/gough/secrets/common.yaml", "deployments/gough/secrets/staging.yaml", "secrets/deployments/gough/secrets/common.yaml", "secrets/deployments/gough/secrets/staging.yaml",
	}
	if diff := cmp.Diff(want, s.Secrets["staging"]); diff != "" {
		t.Error(diff)
	}
	var files []string
	for _, f := range slices.Sorted(maps.Keys(p.Texts)) {
		if strings.Contains(f, "/secrets/") {
			files = append(files, strings.TrimPrefix(f, "hubs/hub/secrets/"))
		}
	}
	if diff := cmp.Diff([]string{"common.yaml", "repository/common.yaml", "repository/staging.yaml", "staging.yaml"}, files); diff != "" {
		t.Error(diff)
	}
	const layers = "secretFiles:\n          - hubs/hub/secrets/common.yaml\n          - {file: 'hubs/hub/secrets/${env}.yaml', optional: true}\n" +
		"          - hubs/hub/secrets/repository/common.yaml\n          - {file: 'hubs/hub/secrets/repository/${env}.yaml', optional: true}\n"
	if !strings.Contains(string(p.Texts["Pulumi.yaml"]), layers) {
		t.Errorf("Pulumi.yaml has not\n%s", layers)
	}
}
