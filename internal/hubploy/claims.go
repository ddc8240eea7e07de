package hubploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/scaffold"
	"github.com/hubwright/hubwright/internal/values"
)

// claims finds claims that the values name and nobody makes: neither the wrapper chart nor a manifest. Pods that name one wait for it forever. The claim
// for homes is made by hubwright.
func (p *planner) claims() error {
	named := map[string]bool{}
	for _, env := range p.Environments {
		c, err := p.computed(env)
		if err != nil {
			return err
		}
		homes, _ := c.At(values.Path{chartKey, "singleuser", "storage", "static", "pvcName"})
		if homes != nil {
			p.noteOnce(Changed, fmt.Sprint("claim ", homes), "is made by hubwright, on the environment's file system: see homes in docs/reference/configuration.md; what is in the old one is not moved")
		}
		for _, leaf := range c.Leaves(nil) {
			if name, ok := leaf.Value.(string); ok && leaf.Path[len(leaf.Path)-1] == "claimName" && leaf.Value != homes && !p.made(name) {
				named[name] = true
			}
		}
	}
	if len(named) == 0 {
		return nil
	}
	const file = hubFolder + "/manifests/claims.yaml"
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(named)) {
		fmt.Fprintf(&text, `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: %s
spec:
  storageClassName: aws-efs
  accessModes: [ReadWriteMany]
  resources:
    requests:
      storage: 1Gi # Kubernetes wants a size; EFS grows without it
`, name)
		p.note(Changed, "claim "+name, "is named by the values and made by nothing in the checkout: %s makes it, empty, on the environment's file system", file)
	}
	p.plan.Texts[file] = []byte(text.String())
	p.hub.Manifests = append(p.hub.Manifests, scaffold.File{File: file})
	return nil
}

// made says whether the wrapper chart's templates or a manifest mention a claim.
func (p *planner) made(claim string) bool {
	for name, data := range p.plan.Texts {
		if (strings.HasPrefix(name, chartPath+"/templates/") || strings.HasPrefix(name, hubFolder+"/manifests/")) && strings.Contains(string(data), claim) {
			return true
		}
	}
	return false
}

// noteOnce notes what several environments would say.
func (p *planner) noteOnce(kind, what, says string) {
	if !slices.ContainsFunc(p.Notes, func(n Note) bool { return n.What == what }) {
		p.note(kind, what, "%s", says)
	}
}
