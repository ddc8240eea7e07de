package manifest

import "slices"

// defaults are the fields that the API server fills in, by the end of the path of the object that they stand in. "*" is any one key or entry.
// https://github.com/kubernetes/kubernetes/blob/v1.34.4/pkg/apis/core/v1/defaults.go, and the same of apps, batch and storage
var defaults = []struct {
	kinds  []string // none: of any kind
	at     []string // the end of the path; none: the object itself
	fields map[string]any
}{
	{at: []string{"spec", "template", "spec"}, fields: podDefaults},
	{kinds: []string{"Pod"}, at: []string{"spec"}, fields: podDefaults},
	{at: []string{"containers", "*"}, fields: containerDefaults},
	{at: []string{"initContainers", "*"}, fields: containerDefaults},
	{at: []string{"ports", "*"}, fields: map[string]any{"protocol": "TCP"}},
	{at: []string{"livenessProbe"}, fields: probeDefaults},
	{at: []string{"readinessProbe"}, fields: probeDefaults},
	{at: []string{"startupProbe"}, fields: probeDefaults},
	{at: []string{"httpGet"}, fields: map[string]any{"scheme": "HTTP", "path": "/"}},
	{at: []string{"volumes", "*", "configMap"}, fields: map[string]any{"defaultMode": int64(0o644)}},
	{at: []string{"volumes", "*", "secret"}, fields: map[string]any{"defaultMode": int64(0o644)}},
	{at: []string{"volumes", "*", "projected"}, fields: map[string]any{"defaultMode": int64(0o644)}},
	{at: []string{"volumes", "*", "hostPath"}, fields: map[string]any{"type": ""}},
	{at: []string{"fieldRef"}, fields: map[string]any{"apiVersion": "v1"}},
	{kinds: []string{"Service"}, at: []string{"spec"}, fields: map[string]any{
		"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": true,
	}},
	{kinds: []string{"Deployment"}, at: []string{"spec"}, fields: map[string]any{"replicas": int64(1), "revisionHistoryLimit": int64(10), "progressDeadlineSeconds": int64(600)}},
	{kinds: []string{"Deployment"}, at: []string{"spec", "strategy"}, fields: map[string]any{"type": "RollingUpdate"}},
	{kinds: []string{"Deployment"}, at: []string{"strategy", "rollingUpdate"}, fields: map[string]any{"maxUnavailable": "25%", "maxSurge": "25%"}},
	{kinds: []string{"StatefulSet"}, at: []string{"spec"}, fields: map[string]any{"replicas": int64(1), "revisionHistoryLimit": int64(10), "podManagementPolicy": "OrderedReady"}},
	{kinds: []string{"StatefulSet", "DaemonSet"}, at: []string{"spec", "updateStrategy"}, fields: map[string]any{"type": "RollingUpdate"}},
	{kinds: []string{"StatefulSet"}, at: []string{"updateStrategy", "rollingUpdate"}, fields: map[string]any{"partition": int64(0)}},
	{kinds: []string{"DaemonSet"}, at: []string{"spec"}, fields: map[string]any{"revisionHistoryLimit": int64(10)}},
	{kinds: []string{"DaemonSet"}, at: []string{"updateStrategy", "rollingUpdate"}, fields: map[string]any{"maxUnavailable": int64(1), "maxSurge": int64(0)}},
	{kinds: []string{"Job"}, at: []string{"spec"}, fields: map[string]any{
		"backoffLimit": int64(6), "completions": int64(1), "parallelism": int64(1), "suspend": false, "completionMode": "NonIndexed",
	}},
	{kinds: []string{"PersistentVolumeClaim", "PersistentVolume"}, at: []string{"spec"}, fields: map[string]any{"volumeMode": "Filesystem"}},
	{kinds: []string{"PersistentVolume"}, at: []string{"spec"}, fields: map[string]any{"persistentVolumeReclaimPolicy": "Retain"}},
	{kinds: []string{"StorageClass"}, fields: map[string]any{"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}},
	{kinds: []string{"Secret"}, fields: map[string]any{"type": "Opaque"}},
}

var (
	podDefaults = map[string]any{
		"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": int64(30), "schedulerName": "default-scheduler", "enableServiceLinks": true,
		"hostNetwork": false, "hostPID": false, "hostIPC": false,
	}
	containerDefaults = map[string]any{"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
	probeDefaults     = map[string]any{"timeoutSeconds": int64(1), "periodSeconds": int64(10), "successThreshold": int64(1), "failureThreshold": int64(3)}
)

// dropDefaults takes out the fields that are as the API server would fill them in.
func dropDefaults(o Object) {
	kind, _ := o["kind"].(string)
	dropAt(kind, o, nil)
}

func dropAt(kind string, v any, at []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, d := range defaults {
			if len(d.kinds) > 0 && !slices.Contains(d.kinds, kind) || !ends(at, d.at, len(d.kinds) > 0) {
				continue
			}
			for field, value := range d.fields {
				if equal(v[field], value) {
					delete(v, field)
				}
			}
		}
		dropImagePolicy(v, at)
		for key, e := range v {
			dropAt(kind, e, append(slices.Clip(at), key))
		}
	case []any:
		for _, e := range v {
			dropAt(kind, e, append(slices.Clip(at), "*"))
		}
	}
}

// ends says whether a path ends as wanted. The path of an object's own fields is meant as a whole when its kind is named.
func ends(at, want []string, whole bool) bool {
	if whole && len(want) < 2 && len(at) != len(want) || len(at) < len(want) {
		return false
	}
	return slices.Equal(at[len(at)-len(want):], want)
}

// dropImagePolicy takes out a container's imagePullPolicy where it is what its image's tag makes of it: Always for the latest, else IfNotPresent
// (https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting).
func dropImagePolicy(v map[string]any, at []string) {
	if len(at) < 2 || at[len(at)-1] != "*" || at[len(at)-2] != "containers" && at[len(at)-2] != "initContainers" {
		return
	}
	image, _ := v["image"].(string)
	policy := "IfNotPresent"
	if isLatest(image) {
		policy = "Always"
	}
	if v["imagePullPolicy"] == policy {
		delete(v, "imagePullPolicy")
	}
}
