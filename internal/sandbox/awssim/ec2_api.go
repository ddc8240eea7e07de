package awssim

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// ec2TagXML is a tag as EC2 has it.
type ec2TagXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func ec2Tags(tags map[string]any) []ec2TagXML {
	var out []ec2TagXML
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, ec2TagXML{name, text(tags, name)})
	}
	return out
}

type (
	vpcXML struct {
		VpcID string      `xml:"vpcId"`
		Tags  []ec2TagXML `xml:"tagSet>item"`
	}
	addressXML struct {
		AllocationID string      `xml:"allocationId"`
		Tags         []ec2TagXML `xml:"tagSet>item"`
	}
	instanceXML struct {
		InstanceID   string      `xml:"instanceId"`
		InstanceType string      `xml:"instanceType"`
		Lifecycle    string      `xml:"instanceLifecycle,omitempty"`
		Cores        int         `xml:"cpuOptions>coreCount"`
		Threads      int         `xml:"cpuOptions>threadsPerCore"`
		Tags         []ec2TagXML `xml:"tagSet>item"`
	}
	reservationXML struct {
		Instances []instanceXML `xml:"instancesSet>item"`
	}
	instanceTypeXML struct {
		InstanceType string `xml:"instanceType"`
		VCPUs        int    `xml:"vCpuInfo>defaultVCpus"`
	}
)

// ec2Answer lists what quotas count: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Operations.html. Filters and pages are not looked at.
func ec2Answer(tx *world.Tx, c *apiCall) (*reply, error) {
	switch op := queryOperation(c); op {
	case "DescribeVpcs":
		var list []vpcXML
		for _, o := range c.regional(tx, vpcToken) {
			list = append(list, vpcXML{o.ID, ec2Tags(tagsOf(o))})
		}
		return xmlReply(struct {
			XMLName xml.Name `xml:"DescribeVpcsResponse"`
			Items   []vpcXML `xml:"vpcSet>item"`
		}{Items: list})
	case "DescribeAddresses":
		var list []addressXML
		for _, o := range c.regional(tx, eipToken) {
			list = append(list, addressXML{o.ID, ec2Tags(tagsOf(o))})
		}
		return xmlReply(struct {
			XMLName xml.Name     `xml:"DescribeAddressesResponse"`
			Items   []addressXML `xml:"addressesSet>item"`
		}{Items: list})
	case "DescribeInstances":
		return xmlReply(struct {
			XMLName xml.Name         `xml:"DescribeInstancesResponse"`
			Items   []reservationXML `xml:"reservationSet>item"`
		}{Items: c.instances(tx)})
	case "DescribeInstanceTypes":
		var list []instanceTypeXML
		form := c.form()
		for i := 1; form.Has("InstanceType." + strconv.Itoa(i)); i++ {
			name := form.Get("InstanceType." + strconv.Itoa(i))
			n := vCPUs(name)
			if n == 0 {
				return nil, apiError("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
			}
			list = append(list, instanceTypeXML{name, n})
		}
		return xmlReply(struct {
			XMLName xml.Name          `xml:"DescribeInstanceTypesResponse"`
			Items   []instanceTypeXML `xml:"instanceTypeSet>item"`
		}{Items: list})
	default:
		return nil, apiError("InvalidAction", "The action %s is not simulated", op)
	}
}

func ec2Error(_ *apiCall, code, message string) *reply {
	return xmlRefusal(http.StatusBadRequest, struct {
		XMLName xml.Name     `xml:"Response"`
		Errors  []problemXML `xml:"Errors>Error"`
	}{Errors: []problemXML{{code, message}}})
}

// regional are the objects of a kind in the call's region; what does not say where it is, is there.
func (c *apiCall) regional(tx *world.Tx, kind string) []*world.Object {
	return slices.DeleteFunc(tx.List(kind), func(o *world.Object) bool {
		parts := strings.Split(o.String("arn"), ":")
		return len(parts) > 3 && parts[3] != c.region
	})
}

// instances are the nodes of node groups, as many as each wants.
func (c *apiCall) instances(tx *world.Tx) []reservationXML {
	var out []reservationXML
	for _, o := range c.regional(tx, nodeGroupToken) {
		types := texts(o.Props, "instanceTypes")
		if len(types) == 0 {
			continue
		}
		r := reservationXML{}
		for n := range number(object(o.Props, "scalingConfig"), "desiredSize", 0) {
			lifecycle := ""
			if o.String("capacityType") == "SPOT" {
				lifecycle = "spot"
			}
			r.Instances = append(r.Instances, instanceXML{
				InstanceID: fmt.Sprintf("i-0%016x", n), InstanceType: types[0], Lifecycle: lifecycle, Cores: vCPUs(types[0]), Threads: 1,
				Tags: []ec2TagXML{{"eks:cluster-name", o.String("clusterName")}},
			})
		}
		out = append(out, r)
	}
	return out
}

// sizeForm finds an instance type's size behind its family.
var sizeForm = lazyregexp.New(`^[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|(\d*)xlarge)$`)

// vCPUs is how many vCPUs an instance type has by the rule that its size's name follows in most families: two up to large, four for xlarge, and
// four times n for n-xlarge. 0 is for what has no such size. https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
func vCPUs(instanceType string) int {
	found := sizeForm.FindStringSubmatch(instanceType)
	switch {
	case found == nil:
		return 0
	case !strings.HasSuffix(found[1], "xlarge"):
		return 2
	case found[2] == "":
		return 4
	}
	n, err := strconv.Atoi(found[2])
	if err != nil {
		return 0
	}
	return 4 * n
}
