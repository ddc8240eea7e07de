package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// deployed is Helm's word for a release that is as it was asked for.
const deployed = "deployed"

// release looks at Helm's records of the release.
func (r *run) release(_ context.Context, c *Check) {
	rev, err := r.kube.revision()
	switch {
	case err != nil:
		c.fail(fmt.Sprintf("release %s/%s could not be looked at: %v", r.hub.Namespace, r.hub.Release, err))
		c.Hint = "make sure that this machine reaches the cluster's API server, with credentials that may read Secrets"
	case rev == nil:
		c.fail(fmt.Sprintf("there is no release %s/%s", r.hub.Namespace, r.hub.Release))
		c.Hint = "`hubwright up ENV` installs it"
	case rev.Status != deployed:
		c.fail(fmt.Sprintf("revision %d of release %s/%s is %s: %s", rev.Number, r.hub.Namespace, r.hub.Release, rev.Status, oneLine(rev.Description)))
		c.Hint = "`hubwright rollback ENV` goes back"
		if strings.HasPrefix(rev.Status, "pending-") {
			c.Hint = "`hubwright recover ENV` frees it"
		}
	default:
		c.seen("revision %d of %s %s, deployed %s", rev.Number, rev.Chart, rev.ChartVersion, rev.Deployed.UTC().Format(time.RFC3339))
	}
}

// placeholders give way to users, and wait for room by their nature: https://z2jh.jupyter.org/en/stable/administrator/optimization.html
const placeholders = "user-placeholder"

// recently is how long ago a restart is still a reason to say that something does not keep running.
const recently = 10 * time.Minute

// atWork are the release's workloads and the namespace's pods; false when they could not be looked at, which the check then says.
func (r *run) atWork(ctx context.Context, c *Check) (work []workload, pods []corev1.Pod, ok bool) {
	work, err := r.kube.workloads(ctx)
	if err != nil {
		c.fail("the release's workloads could not be looked at: " + err.Error())
		return nil, nil, false
	}
	if pods, err = r.kube.pods(ctx); err != nil {
		c.fail("the pods could not be looked at: " + err.Error())
		return nil, nil, false
	}
	return work, pods, true
}

// pods looks whether everything that the release brings runs as it is asked for now, and keeps running.
func (r *run) pods(ctx context.Context, c *Check) {
	work, pods, ok := r.atWork(ctx, c)
	if !ok {
		return
	}
	running := 0
	for i := range work {
		w := &work[i]
		var own []corev1.Pod
		for j := range pods {
			if w.owns(&pods[j]) {
				own = append(own, pods[j])
				r.restarts(c, &pods[j])
			}
		}
		r.ready(ctx, c, w, own)
		running += w.ready
	}
	if len(work) == 0 {
		c.fail("the release has no workloads")
	}
	c.seen("%s of %s ready", counted(running, "pod"), counted(len(work), "workload"))
	if len(c.Problems) > 0 {
		c.Seen = c.Problems[0].What
		c.Hint = "look at the pod first, then at the event, then at what it said"
	}
}

// ready looks whether a workload has the pods that it is to have.
func (r *run) ready(ctx context.Context, c *Check, w *workload, own []corev1.Pod) {
	what := strings.ToLower(w.kind) + " " + w.name
	switch {
	case w.missing:
		c.fail(what + " is in the release and not in the cluster")
	case !w.observed:
		c.fail(what + ": its controller has not seen yet what it is to be")
	case w.component() == placeholders && w.ready < w.wanted:
		c.note("%s: %d of %d are there; they wait for room, as they are meant to", what, w.ready, w.wanted)
	case w.current < w.wanted:
		c.fail(fmt.Sprintf("%s: %d of %d pods are as they are asked for now", what, w.current, w.wanted), r.kube.about(ctx, w, own)...)
	case w.ready < w.wanted:
		c.fail(fmt.Sprintf("%s: %d of %d pods are ready", what, w.ready, w.wanted), r.kube.about(ctx, w, own)...)
	}
}

// about is what shows why a workload has too few pods: its pods, or when it has none, what is said of itself.
func (k *kube) about(ctx context.Context, w *workload, own []corev1.Pod) []Evidence {
	if out := k.diagnose(ctx, own); len(out) > 0 {
		return out
	}
	if e := k.lastEvent(ctx, w.kind, w.name); e != nil {
		return []Evidence{{"event", strings.ToLower(w.kind) + " " + w.name, eventText(e)}}
	}
	return nil
}

// restarts notes containers that have ended and were started again, and says so when it was lately.
func (r *run) restarts(c *Check, p *corev1.Pod) {
	for i := range p.Status.ContainerStatuses {
		s := &p.Status.ContainerStatuses[i]
		if s.RestartCount == 0 || s.State.Running == nil {
			continue // one that does not run is told of as not ready
		}
		t := s.LastTerminationState.Terminated
		if t == nil {
			c.note("container %s of %s was restarted %s", s.Name, p.Name, counted(int(s.RestartCount), "time"))
			continue
		}
		how := fmt.Sprintf("exit code %d (%s)", t.ExitCode, t.Reason)
		if ago := r.ways.Now().Sub(t.FinishedAt.Time); ago < recently && !p.Status.StartTime.IsZero() && t.FinishedAt.After(p.Status.StartTime.Time) {
			c.fail(fmt.Sprintf("container %s of %s was restarted %s, last %s ago", s.Name, p.Name, counted(int(s.RestartCount), "time"), ago.Round(time.Second)),
				Evidence{"pod", p.Name, "it last ended with " + how})
			continue
		}
		c.note("container %s of %s was restarted %s, last on %s with %s", s.Name, p.Name, counted(int(s.RestartCount), "time"), t.FinishedAt.UTC().Format(time.RFC3339), how)
	}
}

// images looks whether what runs is of the images that are asked for, and whether servers are started of the one that was tested.
func (r *run) images(ctx context.Context, c *Check) {
	work, pods, ok := r.atWork(ctx, c)
	if !ok {
		return
	}
	looked, byDigest, older := 0, 0, 0
	for i := range pods {
		p := &pods[i]
		if p.Labels["component"] == "singleuser-server" {
			if _, digest, ok := strings.Cut(r.hub.Image, "@"); ok && !runsDigest(p, digest) {
				older++
			}
			continue
		}
		for j := range work {
			if work[j].owns(p) {
				a, b := imagesOf(c, p, &work[j])
				looked, byDigest = looked+a, byDigest+b
			}
		}
	}
	r.handedOut(ctx, c)
	if older > 0 {
		c.note("%s still of another image, until stopped", counted(older, "server runs", "servers run"))
	}
	c.seen("%s as asked for, %d of them by digest", counted(looked, "container runs", "containers run"), byDigest)
	if len(c.Problems) > 0 {
		c.Seen = c.Problems[0].What
		c.Hint = "`hubwright up ENV` deploys what is configured"
	}
}

// runsDigest says whether any container of a pod is of an image by that digest.
func runsDigest(p *corev1.Pod, digest string) bool {
	return slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return strings.HasSuffix(c.Image, "@"+digest) })
}

// imagesOf holds a pod's containers to its workload's, and what a node has pulled to the digest that it was told.
func imagesOf(c *Check, p *corev1.Pod, w *workload) (looked, byDigest int) {
	asked := map[string]string{}
	for _, list := range [][]corev1.Container{w.template.Spec.InitContainers, w.template.Spec.Containers} {
		for _, container := range list {
			asked[container.Name] = container.Image
		}
	}
	pulled := map[string]string{}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, s := range list {
			pulled[s.Name] = s.ImageID
		}
	}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, container := range list {
			looked++
			want, known := asked[container.Name]
			if known && want != container.Image {
				c.fail(fmt.Sprintf("container %s of %s is of %s, and %s is asked for", container.Name, p.Name, container.Image, want))
				continue
			}
			_, digest, pinned := strings.Cut(container.Image, "@")
			if !pinned {
				continue
			}
			byDigest++
			if _, got, ok := strings.Cut(pulled[container.Name], "@"); ok && got != digest {
				c.fail(fmt.Sprintf("container %s of %s runs %s, and %s is asked for", container.Name, p.Name, got, digest))
			}
		}
	}
	return looked, byDigest
}

// handedOut looks whether the hub starts servers of the image that was asked for: it is told in the values, which the hub reads from its Secret.
func (r *run) handedOut(ctx context.Context, c *Check) {
	_, digest, ok := strings.Cut(r.hub.Image, "@")
	if !ok {
		return
	}
	rev, err := r.kube.revision()
	if err != nil || rev == nil {
		return // told of elsewhere
	}
	if !holds(rev.Value(r.values()...), strings.TrimPrefix(digest, "sha256:")) {
		c.fail(fmt.Sprintf("servers are not started of %s: the release's values do not name it", r.hub.Image))
		return
	}
	text, err := r.kube.hubValues(ctx, r.prefix())
	if err != nil {
		c.note("what the hub reads of its values could not be looked at: %v", err)
		return
	}
	if text != "" && !strings.Contains(text, strings.TrimPrefix(digest, "sha256:")) {
		c.fail(fmt.Sprintf("servers are not started of %s: the hub's Secret does not name it, though the release does", r.hub.Image))
	}
}

// holds says whether a text is in a value, however deep.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, text)
	case map[string]any:
		for _, e := range v {
			if holds(e, text) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, text) })
	}
	return false
}

// claims looks whether what the hub stores is stored.
func (r *run) claims(ctx context.Context, c *Check) {
	claims, err := r.kube.claims(ctx)
	if err != nil {
		c.fail("the claims could not be looked at: " + err.Error())
		return
	}
	needed := r.neededClaims(ctx)
	bound, others := 0, 0
	for i := range claims {
		claim := &claims[i]
		mine := slices.Contains(needed, claim.Name)
		needed = slices.DeleteFunc(needed, func(n string) bool { return n == claim.Name })
		switch {
		case claim.Status.Phase == corev1.ClaimBound:
			bound++
		case mine:
			evidence := []Evidence{{"claim", claim.Name, string(claim.Status.Phase)}}
			if e := r.kube.lastEvent(ctx, "PersistentVolumeClaim", claim.Name); e != nil {
				evidence = append(evidence, Evidence{"event", claim.Name, eventText(e)})
			}
			c.fail(fmt.Sprintf("claim %s is not bound: %s", claim.Name, claim.Status.Phase), evidence...)
		default:
			others++
		}
	}
	for _, name := range needed {
		c.fail(fmt.Sprintf("claim %s does not exist, and the hub needs it", name))
	}
	if others > 0 {
		c.note("%s not bound, that the hub itself does not use", counted(others, "claim is", "claims are"))
	}
	c.seen("%s bound", counted(bound, "claim is", "claims are"))
	if len(c.Problems) > 0 {
		c.Seen = c.Problems[0].What
		c.Hint = "look at the claim's storage class and volume: `kubectl describe pvc` has all of it"
	}
}

// neededClaims are those of the release, those that its pods mount, and that of the users' homes.
func (r *run) neededClaims(ctx context.Context) []string {
	var out []string
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	rev, err := r.kube.revision()
	if err != nil || rev == nil {
		return nil
	}
	for _, o := range rev.Objects {
		if o.Kind == "PersistentVolumeClaim" {
			add(o.Name)
		}
	}
	if work, err := r.kube.workloads(ctx); err == nil {
		for i := range work {
			for _, v := range work[i].template.Spec.Volumes {
				if v.PersistentVolumeClaim != nil {
					add(v.PersistentVolumeClaim.ClaimName)
				}
			}
		}
	}
	if r.text("singleuser", "storage", "type") == "static" {
		add(r.text("singleuser", "storage", "static", "pvcName"))
	}
	return out
}

// purposeLabel is the label by which the JupyterHub chart tells nodes apart:
// https://z2jh.jupyter.org/en/stable/resources/reference.html#scheduling-corepods-nodeaffinity
const purposeLabel = "hub.jupyter.org/node-purpose"

// nodes looks whether each purpose has its nodes.
func (r *run) nodes(ctx context.Context, c *Check) {
	nodes, err := r.kube.nodes(ctx)
	if err != nil {
		c.fail("the nodes could not be looked at: " + err.Error())
		return
	}
	usable := map[string]int{}
	for i := range nodes {
		n := &nodes[i]
		purpose := n.Labels[purposeLabel]
		for _, cond := range n.Status.Conditions {
			switch {
			case cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue:
				usable[purpose]++
			case cond.Type == corev1.NodeReady:
				c.fail(fmt.Sprintf("node %s is not ready", n.Name), Evidence{"node", n.Name, strings.TrimSuffix(cond.Reason+": "+oneLine(cond.Message), ": ")})
			case cond.Status == corev1.ConditionTrue:
				c.note("node %s: %s: %s", n.Name, cond.Type, oneLine(cond.Message))
			}
		}
		if n.Spec.Unschedulable {
			c.note("node %s takes no new pods", n.Name)
		}
	}
	want, names := map[string]int{}, []string{}
	for _, g := range r.hub.NodeGroups {
		if _, known := want[g.Purpose]; !known {
			names = append(names, g.Purpose)
		}
		want[g.Purpose] += g.Min
	}
	if len(names) == 0 {
		if len(nodes) == 0 {
			c.fail("the cluster has no nodes")
		}
		for purpose := range usable {
			names = append(names, purpose)
		}
		slices.Sort(names)
	}
	var seen []string
	for _, purpose := range names {
		called := purpose
		if called == "" {
			called = "any purpose"
		}
		if usable[purpose] < want[purpose] {
			c.fail(fmt.Sprintf("of nodes for %s there are %d ready, and at least %d are asked for", called, usable[purpose], want[purpose]))
		}
		text := fmt.Sprintf("%s for %s", counted(usable[purpose], "node"), called)
		if usable[purpose] == 0 && want[purpose] == 0 {
			text += " (they come with users)"
		}
		seen = append(seen, text)
	}
	c.seen("%s", strings.Join(seen, ", "))
	if len(c.Problems) > 0 {
		c.Seen = c.Problems[0].What
		c.Hint = "the node group's health issues say why: `aws eks describe-nodegroup`"
	}
}

// counted is a number with its noun: of one, and of many where that is not made with an s.
func counted(n int, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
