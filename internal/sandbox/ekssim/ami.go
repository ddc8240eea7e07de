package ekssim

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// image is what decides between the AMI types of EKS.
type image struct {
	system string
	gpu    bool
	arm    bool
}

// amiTypes are the types that pulumi-eks picks from when an operating system is named and no type; their names are EKS's
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html#AmazonEKS-Type-Nodegroup-amiType).
var amiTypes = map[image]string{
	{system: "AL2"}:                                "AL2_x86_64",
	{system: "AL2", gpu: true}:                     "AL2_x86_64_GPU",
	{system: "AL2", arm: true}:                     "AL2_ARM_64",
	{system: "AL2023"}:                             "AL2023_x86_64_STANDARD",
	{system: "AL2023", gpu: true}:                  "AL2023_x86_64_NVIDIA",
	{system: "AL2023", arm: true}:                  "AL2023_ARM_64_STANDARD",
	{system: "Bottlerocket"}:                       "BOTTLEROCKET_x86_64",
	{system: "Bottlerocket", gpu: true}:            "BOTTLEROCKET_x86_64_NVIDIA",
	{system: "Bottlerocket", arm: true}:            "BOTTLEROCKET_ARM_64",
	{system: "Bottlerocket", arm: true, gpu: true}: "BOTTLEROCKET_ARM_64_NVIDIA",
}

// instanceType takes an instance type apart: family, generation, processor ("g" for ARM), more capabilities, size.
var instanceType = lazyregexp.New(`^([a-z]+)([0-9]+)([a-z])?-?([a-z]+)?\.([a-zA-Z0-9-]+)$`)

// arm reports whether instances of these types have ARM processors.
func arm(types []string) (bool, error) {
	var yes, no bool
	for _, t := range types {
		m := instanceType.FindStringSubmatch(t)
		if m == nil {
			return false, fmt.Errorf("instanceTypes: invalid EC2 instance type: %s", t)
		}
		if m[3] == "g" {
			yes = true
		} else {
			no = true
		}
	}
	if yes && no {
		return false, fmt.Errorf("instanceTypes: cannot determine architecture of instance types: %v do not share one", types)
	}
	return yes, nil
}

// amiType finds the type for the operating system, the instances' processors and the wish for GPUs.
func (a *nodeGroupArgs) amiType() pulumi.StringPtrInput {
	types, gpu := pulumi.StringArrayInput(pulumi.StringArray{}), pulumi.BoolPtrInput(pulumi.Bool(false))
	if a.InstanceTypes != nil {
		types = a.InstanceTypes
	}
	if a.Gpu != nil {
		gpu = a.Gpu
	}
	return pulumi.All(a.OperatingSystem, types, gpu).ApplyT(func(vs []any) (string, error) {
		list, _ := vs[1].([]string)
		want := image{}
		if system := pointed[string](vs[0]); system != nil {
			want.system = *system
		}
		if yes := pointed[bool](vs[2]); yes != nil {
			want.gpu = *yes
		}
		var err error
		if want.arm, err = arm(list); err != nil {
			return "", err
		}
		found, ok := amiTypes[want]
		if !ok {
			return "", fmt.Errorf("no AMI type found for operating system %s, GPU support %t, ARM processors %t", want.system, want.gpu, want.arm)
		}
		return found, nil
	}).(pulumi.StringOutput)
}
