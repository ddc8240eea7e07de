package kubeapi

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// KindOf is the kind of a resource as its path names it ("pods" of group "" and version "v1"), and whether its objects live in namespaces; false when the
// API server has no such resource.
func KindOf(group, version, plural string) (apiVersion, kindName string, namespaced, known bool) {
	apiVersion = schema.GroupVersion{Group: group, Version: version}.String()
	for key, k := range kinds {
		if name, ok := cutVersion(key, apiVersion); ok && k.plural == plural {
			return apiVersion, name, k.namespaced, true
		}
	}
	return "", "", false, false
}

// cutVersion takes the API version off a key of kinds.
func cutVersion(key, apiVersion string) (kindName string, ok bool) {
	if len(key) <= len(apiVersion) || key[:len(apiVersion)] != apiVersion || key[len(apiVersion)] != '/' {
		return "", false
	}
	return key[len(apiVersion)+1:], true
}
