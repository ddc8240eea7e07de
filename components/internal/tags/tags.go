// Package tags turns a component's plain tag map into the input of one resource.
package tags

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Map returns the tags as a resource input. The common map is not changed and may be nil.
func Map(common map[string]string) pulumi.StringMap {
	m := make(pulumi.StringMap, len(common)+1)
	for k, v := range common {
		m[k] = pulumi.String(v)
	}
	return m
}

// Named returns the tags with "Name" added, the tag that the AWS console shows as a resource's name.
func Named(common map[string]string, name string) pulumi.StringMap {
	m := Map(common)
	m["Name"] = pulumi.String(name)
	return m
}

// With returns the tags with more added; where both have a key, more wins.
func With(common, more map[string]string) map[string]string {
	m := maps.Clone(common)
	if m == nil {
		m = make(map[string]string, len(more))
	}
	maps.Copy(m, more)
	return m
}
