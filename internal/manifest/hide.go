package manifest

import (
	"strings"

	"github.com/hubwright/hubwright/internal/secretname"
)

// hide puts a mask in the place of what a Secret holds, but for documents, of which only what is a secret by its name is masked, and for what is masked
// already. A value that differs from before is said to.
func hide(id ID, old, now Object) {
	if id.Kind != "Secret" {
		return
	}
	before, _ := old["data"].(map[string]any)
	after, _ := now["data"].(map[string]any)
	hideIn(before, after, true)
}

func hideIn(old, now map[string]any, top bool) {
	for key := range both(old, now) {
		o, was := old[key]
		n, is := now[key]
		om, wasMap := o.(map[string]any)
		nm, isMap := n.(map[string]any)
		if (wasMap || !was) && (isMap || !is) {
			hideIn(om, nm, false)
			continue
		}
		if !top && !secretname.Is(key) {
			continue
		}
		changed := was && is && !equal(o, n)
		if was && !masked(o) {
			old[key] = Secret
		}
		if is && !masked(n) {
			now[key] = Secret
			if changed {
				now[key] = Changed
			}
		}
	}
}

func masked(v any) bool { return v == nil || v == Secret || v == Changed }

func both(a, b map[string]any) map[string]bool {
	out := map[string]bool{}
	for key := range a {
		out[key] = true
	}
	for key := range b {
		out[key] = true
	}
	return out
}

// restarts says whether the pods of a workload are made anew.
func restarts(id ID, changed []Field, oldSums, sums map[string]any) bool {
	switch id.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return false
	}
	for _, f := range changed {
		if strings.HasPrefix(f.Path, "spec.template.") {
			return true
		}
	}
	return !equal(oldSums, sums)
}

// checksums are the annotations of a workload's pods that stand for what they read.
func checksums(o Object) map[string]any {
	out := map[string]any{}
	for key, v := range nested(o, "spec", "template", "metadata", "annotations") {
		if isChecksum(key) {
			out[key] = v
		}
	}
	return out
}

// nested is the object at a path; nil for none.
func nested(o Object, path ...string) map[string]any {
	for _, key := range path {
		o, _ = o[key].(map[string]any)
	}
	return o
}

func isLatest(image string) bool {
	if strings.Contains(image, "@") {
		return false
	}
	_, tag, found := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return !found || tag == "latest"
}
