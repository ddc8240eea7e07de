package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// NodeGroup is a group of like nodes.
type NodeGroup struct {
	// Name is unique in the cluster: lower-case letters, digits and dashes.
	Name string
	// Purpose is what JupyterHub's chart prefers the nodes for, "core" or "user", put on them as a label; empty for neither.
	Purpose string
	// InstanceTypes are the EC2 instance types, the preferred one first.
	InstanceTypes []string
	// Min and Max bound the number of nodes; Min may be 0. Desired is how many there are at first; 0 means Min.
	Min, Max, Desired int
	// DiskGiB is the size of each node's disk; 0 means 50.
	DiskGiB int
	// Spot takes spare capacity, which EC2 can reclaim.
	Spot bool
	// Labels are put on the nodes.
	Labels map[string]string
	// Taints keep pods off that don't tolerate them.
	Taints []Taint
	// Zones pins the group to some of the network's zones; none means all.
	Zones []string
	// AMIType is EKS's name of the image, such as AL2023_x86_64_STANDARD; the default follows from the instance types.
	AMIType string
	// GPU takes the image with NVIDIA's drivers.
	GPU bool
}

// Taint is a taint of Kubernetes.
type Taint struct {
	Key, Value string
	// Effect is NoSchedule, PreferNoSchedule or NoExecute.
	Effect string
}

// PurposeLabel is the label that JupyterHub's chart schedules by:
// https://z2jh.jupyter.org/en/stable/administrator/optimization.html
const PurposeLabel = "hub.jupyter.org/node-purpose"

// defaultDisk is the runbook's size of a disk in GiB.
const defaultDisk = 50

// effects maps Kubernetes' names of a taint's effects to those of EKS:
// https://docs.aws.amazon.com/eks/latest/APIReference/API_Taint.html
var effects = map[string]string{"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}

func (g NodeGroup) desired() int {
	// A group that may not be empty never is, and one of 0 to n starts empty.
	return max(g.Desired, g.Min)
}

func (g NodeGroup) diskGiB() int {
	if g.DiskGiB == 0 {
		return defaultDisk
	}
	return g.DiskGiB
}

func (g NodeGroup) capacity() string {
	if g.Spot {
		return "SPOT"
	}
	return "ON_DEMAND"
}

// labels are the nodes' labels, the purpose among them.
func (g NodeGroup) labels() map[string]string {
	labels := maps.Clone(g.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	if g.Purpose != "" {
		labels[PurposeLabel] = g.Purpose
	}
	return labels
}

// arm reports whether an instance type has an ARM processor: a "g" right after the generation, as in m7g or t4g.
func arm(instanceType string) bool { return armType.MatchString(instanceType) }

// amiType is the image; names are those of https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
func (g NodeGroup) amiType() string {
	isARM := len(g.InstanceTypes) > 0 && arm(g.InstanceTypes[0])
	switch {
	case g.AMIType != "":
		return g.AMIType
	case g.GPU && isARM:
		return "AL2023_ARM_64_NVIDIA"
	case g.GPU:
		return "AL2023_x86_64_NVIDIA"
	case isARM:
		return "AL2023_ARM_64_STANDARD"
	default:
		return "AL2023_x86_64_STANDARD"
	}
}

// dataDevice is the device that containers are kept on: Bottlerocket has a disk of its own for them.
// https://bottlerocket.dev/en/os/latest/concepts/volumes/
func (g NodeGroup) dataDevice() string {
	if strings.HasPrefix(g.amiType(), "BOTTLEROCKET") {
		return "/dev/xvdb"
	}
	return "/dev/xvda"
}

// physical is the group's name in EKS. What a managed node group cannot change in place is part of it, as a digest, so that a
// new group stands before the old one is drained; a name of its own means that a second create is refused.
func (g NodeGroup) physical(cluster string) string {
	fixed := append([]string{g.amiType(), g.capacity()}, g.InstanceTypes...)
	zones := slices.Clone(g.Zones)
	slices.Sort(zones)
	return cluster + "-" + g.Name + "-" + digest(strings.Join(append(fixed, zones...), " "))
}

// runsSystem reports whether the system's own pods, which tolerate no taint, have a node here from the start.
func (g NodeGroup) runsSystem() bool {
	return g.desired() > 0 && !slices.ContainsFunc(g.Taints, func(t Taint) bool { return t.Effect != "PreferNoSchedule" })
}

// base is the index of the group that the system's pods wait for: a core group when there is one.
func base(groups []NodeGroup) int {
	first := -1
	for i, g := range groups {
		if !g.runsSystem() {
			continue
		}
		if g.Purpose == "core" {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

var (
	groupName    = lazyregexp.New(`^[a-z0-9][a-z0-9-]*$`)
	instanceType = lazyregexp.New(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`)
	armType      = lazyregexp.New(`^([a-z]+\d+[a-z]*g[a-z]*|a1)\.`)
	amiTypes     = lazyregexp.New(`^(AL2023|BOTTLEROCKET)_(x86_64|ARM_64)(_(STANDARD|NEURON|NVIDIA|FIPS|NVIDIA_FIPS))?$`)
	// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
	labelKey   = lazyregexp.New(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValue = lazyregexp.New(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

// Limits of a managed node group: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
const (
	maxGroupName = 63
	maxTaints    = 50
	minDiskGiB   = 20
)

// validateNodeGroups reports every problem of the groups at once.
func validateNodeGroups(cluster string, groups []NodeGroup) error {
	var problems []error
	seen := map[string]bool{}
	for _, g := range groups {
		if err := g.validate(cluster); err != nil {
			problems = append(problems, fmt.Errorf("node group %q: %w", g.Name, err))
		}
		if seen[g.Name] {
			problems = append(problems, fmt.Errorf("node group %q is there twice", g.Name))
		}
		seen[g.Name] = true
	}
	if base(groups) < 0 {
		problems = append(problems, errors.New("no node group would run the system's own pods: give one min 1 or more and no taint"))
	}
	return errors.Join(problems...)
}

func (g NodeGroup) validate(cluster string) error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !groupName.MatchString(g.Name) || len(g.physical(cluster)) > maxGroupName {
		fail("the name is not made of lower-case letters, digits and dashes, or with the cluster's name it is longer than %d", maxGroupName)
	}
	if g.Min < 0 || g.Max < 1 || g.Min > g.Max || g.Desired != 0 && (g.Desired < g.Min || g.Desired > g.Max) {
		fail("min %d, desired %d, max %d do not fit together: 0 ≤ min ≤ desired ≤ max, and max is 1 or more", g.Min, g.Desired, g.Max)
	}
	if d := g.diskGiB(); d < minDiskGiB {
		fail("a disk of %d GiB is too small: use %d or more", d, minDiskGiB)
	}
	if g.Purpose != "" && g.Purpose != "core" && g.Purpose != "user" {
		fail("purpose %q is unknown: use core, user or none", g.Purpose)
	}
	problems = append(problems, g.validateImage(), g.validateScheduling())
	return errors.Join(problems...)
}

func (g NodeGroup) validateImage() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(g.InstanceTypes) == 0 {
		fail("no instance type is given")
	}
	for _, t := range g.InstanceTypes {
		if !instanceType.MatchString(t) {
			fail("instance type %q is not one of EC2, such as t3.xlarge", t)
		} else if arm(t) != arm(g.InstanceTypes[0]) {
			fail("instance types %s and %s have different processors", g.InstanceTypes[0], t)
		}
	}
	if g.AMIType != "" && !amiTypes.MatchString(g.AMIType) {
		fail("image type %q is unknown, or belongs to Amazon Linux 2, which EKS no longer builds: use AL2023_x86_64_STANDARD or another that begins AL2023 or BOTTLEROCKET", g.AMIType)
	}
	if g.GPU && g.AMIType != "" && !strings.Contains(g.AMIType, "NVIDIA") {
		fail("image type %q has no GPU drivers: leave it out, or use AL2023_x86_64_NVIDIA", g.AMIType)
	}
	return errors.Join(problems...)
}

func (g NodeGroup) validateScheduling() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, k := range slices.Sorted(maps.Keys(g.Labels)) {
		if !labelKey.MatchString(k) || !labelValue.MatchString(g.Labels[k]) {
			fail("label %s=%s is none that Kubernetes accepts", k, g.Labels[k])
		}
		if k == PurposeLabel {
			fail("label %s is what purpose sets: use purpose", k)
		}
	}
	if len(g.Taints) > maxTaints {
		fail("%d taints are more than the %d that EKS takes", len(g.Taints), maxTaints)
	}
	for _, t := range g.Taints {
		if _, ok := effects[t.Effect]; !ok {
			fail("effect %q of taint %s is unknown: use NoSchedule, PreferNoSchedule or NoExecute", t.Effect, t.Key)
		}
		if !labelKey.MatchString(t.Key) || !labelValue.MatchString(t.Value) {
			fail("taint %s=%s is none that Kubernetes accepts", t.Key, t.Value)
		}
	}
	return errors.Join(problems...)
}
