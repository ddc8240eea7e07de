package hubploy

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// Of what is no checkout it is said what was looked for, what is there, and what would be right.
func TestNoSource(t *testing.T) {
	root := lay(t, with(map[string]string{"deployments/tike/config/prod.yaml": "a: 1\n"}))
	empty := t.TempDir()
	for name, test := range map[string]struct{ root, pick, says, hint string }{
		"not there":       {filepath.Join(empty, "nothing"), "", filepath.Join(empty, "nothing") + " does not exist", "the top of a checkout of jupyterhub-deploy"},
		"mistyped":        {filepath.Join(root, "deploymnts"), "", "does not exist", "did you mean " + filepath.Join(root, "deployments") + "?"},
		"a file":          {filepath.Join(root, hubployYAMLFile), "", "is a file", "the folder that holds deployments"},
		"an address":      {"https://github.com/a/b.git", "", "is an address", "`git clone https://github.com/a/b.git` makes one"},
		"an SSH address":  {"git@github.com:a/b.git", "", "is an address", "git clone"},
		"empty":           {empty, "", "looked for deployments/<name>/hubploy.yaml and deployments/<name>/config/<env>.yaml; it holds nothing", "the folder that holds deployments"},
		"the deployments": {filepath.Join(root, "deployments"), "", "it holds common/, gough/, tike/", "the checkout is " + root + ": give that"},
		"one of them":     {filepath.Join(root, "deployments", "tike", "config"), "", "it holds prod.yaml", "it is part of the checkout " + root + ": give that, with --deployment tike"},
		"two":             {root, "", "has 2 deployments: which one? (--deployment, of gough, tike)", "each is imported by itself"},
		"mistyped name":   {root, "tyke", `has no deployment "tyke"; there are gough, tike`, "did you mean --deployment tike?"},
		"no environment":  {lay(t, map[string]string{"deployments/a/config/common.yaml": ""}), "", "looked for deployments/a/config/<env>.yaml, such as staging.yaml; that folder holds common.yaml", "each environment"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(test.root, test.pick)
			var none *SourceError
			if !errors.As(err, &none) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(none.Message, test.says) || !strings.Contains(none.Hint, test.hint) {
				t.Errorf("it says %q, with the hint %q", none.Message, none.Hint)
			}
		})
	}
}
