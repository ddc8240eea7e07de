package impact

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/manifest"
)

// component is what an object of the JupyterHub chart is a part of, by the label that the chart puts on all of them: hub, proxy, autohttps, …
// (https://github.com/jupyterhub/zero-to-jupyterhub-k8s/blob/4.0.0/jupyterhub/templates/_helpers.tpl). "" for other charts'.
func component(o manifest.Object) string {
	meta, _ := o["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	if app, _ := labels["app"].(string); app != "jupyterhub" && labels["app.kubernetes.io/name"] != "jupyterhub" {
		return ""
	}
	for _, key := range []string{"component", "app.kubernetes.io/component"} {
		if text, ok := labels[key].(string); ok {
			return text
		}
	}
	return ""
}

// rules say what differences mean for people. Sources: https://z2jh.jupyter.org/en/stable/administrator/architecture.html (which pods there are, and what
// stands between a user and a server), https://z2jh.jupyter.org/en/stable/administrator/optimization.html (image pullers, placeholders).
var rules = []struct {
	name    string
	applies func(d manifest.Difference, component string) bool
	message string
	weight  string
}{
	{
		"hub-restarts", func(d manifest.Difference, c string) bool { return c == "hub" && d.Kind == "Deployment" && d.Restarts },
		"the hub restarts: until it is up again nobody can log in, start or stop a server; servers that run go on", change.Interrupts,
	},
	{
		"proxy-restarts", func(d manifest.Difference, c string) bool {
			return c == "proxy" && d.Kind == "Deployment" && d.Restarts
		},
		"the proxy restarts: everybody's connections break, and work again once it is up and the hub has told it the routes; servers go on", change.Interrupts,
	},
	{
		"https-restarts", func(d manifest.Difference, c string) bool {
			return c == "autohttps" && d.Kind == "Deployment" && d.Restarts
		},
		"what ends HTTPS restarts: everybody's connections break for a moment; servers go on", change.Interrupts,
	},
	{"address-changes", func(d manifest.Difference, _ string) bool {
		return d.Kind == "Service" && d.Name == "proxy-public" && (d.Op != manifest.Update || touches(d, "spec.type", "spec.loadBalancer", "metadata.annotations"))
	}, "the load balancer in front of the hub is set up anew or otherwise: its host name may change, and nobody gets through until DNS follows", change.Interrupts},
	{"images-pulled", func(d manifest.Difference, c string) bool {
		return d.Kind == "DaemonSet" && strings.Contains(c, "image-puller") && (d.Op == manifest.Create || d.Restarts)
	}, "images are pulled to the nodes again", change.Notice},
	{"scheduler-restarts", func(d manifest.Difference, c string) bool {
		return c == "user-scheduler" && d.Kind == "Deployment" && d.Restarts
	}, "the scheduler of users' pods restarts: servers that are being started wait for it", change.Notice},
	{"placeholders", func(d manifest.Difference, c string) bool {
		return c == "user-placeholder" && d.Kind == "StatefulSet" && touches(d, "spec.replicas")
	}, "another number of placeholders: nodes are added for them, or given back", change.Notice},
	{
		"claims", func(d manifest.Difference, _ string) bool {
			return d.Kind == "PersistentVolumeClaim" && d.Op == manifest.Delete
		},
		"a claim is deleted, and with it what it holds unless its volume is retained", change.Loss,
	},
}

// touches says whether a value at or below one of the paths changes.
func touches(d manifest.Difference, paths ...string) bool {
	return slices.ContainsFunc(d.Fields, func(f manifest.Field) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(f.Path, p) })
	})
}

// effects is what the differences of a hub mean for people, the gravest first.
func effects(hub string, diffs []manifest.Difference) []change.Effect {
	var out []change.Effect
	hubChart, newServers, hits := false, false, map[string]int{}
	for _, d := range diffs {
		object := d.After
		if object == nil {
			object = d.Before
		}
		c := component(object)
		hubChart = hubChart || c != ""
		newServers = newServers || c == "hub" && slices.ContainsFunc(d.Fields, func(f manifest.Field) bool { return strings.Contains(f.Path, "].singleuser.") })
		for _, r := range rules {
			if !r.applies(d, c) {
				continue
			}
			if hits[r.name]++; hits[r.name] > 1 {
				continue
			}
			out = append(out, change.Effect{Hub: hub, Rule: r.name, Message: r.message, Weight: r.weight})
		}
	}
	if !hubChart {
		return out
	}
	if newServers {
		out = append(out, change.Effect{Hub: hub, Rule: "new-servers", Weight: change.Notice, Message: "servers that are started from then on get the new settings; those that run keep what they were started with"})
	}
	slices.SortStableFunc(out, func(a, b change.Effect) int { return weigh(b.Weight) - weigh(a.Weight) })
	if !slices.ContainsFunc(out, func(e change.Effect) bool { return e.Weight != change.Notice }) {
		out = append(out, change.Effect{Hub: hub, Rule: "unaffected", Weight: change.Notice, Message: "nobody's work is interrupted"})
	}
	return out
}

func weigh(weight string) int {
	return slices.Index([]string{change.Notice, change.Interrupts, change.Loss}, weight)
}
