package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// NAT says how private subnets reach the internet.
type NAT string

// The kinds of NAT. The zero value means NATSingle where there are private subnets.
const (
	// NATNone is no way out but the endpoints.
	NATNone NAT = "none"
	// NATSingle is one gateway for all zones: the cheapest, and down with its zone.
	NATSingle NAT = "single"
	// NATPerZone is a gateway in each zone.
	NATPerZone NAT = "perZone"
)

// DefaultCIDR is the runbook's address range.
const DefaultCIDR = "172.16.0.0/16"

// Args says what network a cluster lives in.
type Args struct {
	// Name begins the names of everything that is made. Required for a new VPC.
	Name string
	// ClusterNames are the clusters that use the subnets; each gets the tag kubernetes.io/cluster/<name>=shared. At least one
	// for a new VPC.
	ClusterNames []string
	// Region is the provider's region. Required with endpoints.
	Region string
	// Tags are put on everything.
	Tags map[string]string
	// LookupProvider answers the look-ups that decide the graph's shape: the zones of the region, an existing VPC and its
	// subnets. It has to be configured in previews too, so it is not the provider that assumes a role which this program
	// makes. The default is the component's own.
	LookupProvider pulumi.ProviderResource

	// For a new VPC:

	// CIDR is its address range, a /16 to /20; default DefaultCIDR.
	CIDR string
	// Zones are the availability zones, two to four, by name. Or:
	Zones []string
	// ZoneCount takes that many of the region's zones, in order of their names; default 3 when Zones is empty.
	ZoneCount int
	// Private adds private subnets, where the nodes then live.
	Private bool
	// NAT is how they reach the internet.
	NAT NAT
	// Endpoints are the services that are reached without leaving the VPC, as they stand in a service name: "s3", "ecr.api".
	Endpoints []string

	// For an existing VPC:

	// VpcID or VpcName (its Name tag) names it.
	VpcID, VpcName string
	// PublicSubnetIDs and PrivateSubnetIDs name its subnets; without either they are found by the tags
	// kubernetes.io/role/elb=1 and kubernetes.io/role/internal-elb=1.
	PublicSubnetIDs, PrivateSubnetIDs []string
}

func (a *Args) existing() bool { return a.VpcID != "" || a.VpcName != "" }

func (a *Args) cidr() string {
	if a.CIDR == "" {
		return DefaultCIDR
	}
	return a.CIDR
}

func (a *Args) zoneCount() int {
	if a.ZoneCount == 0 && len(a.Zones) == 0 {
		return 3
	}
	return a.ZoneCount
}

func (a *Args) nat() NAT {
	if a.NAT == "" && a.Private {
		return NATSingle
	}
	if a.NAT == "" {
		return NATNone
	}
	return a.NAT
}

// EKS wants subnets in two zones at least (https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html); more than four
// make load balancers and gateways dearer and nothing safer.
const (
	minZones = 2
	maxZones = 4
)

// isolated are the endpoints without which nodes that have no way out neither join a cluster nor pull an image:
// https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html
var isolated = []string{"ec2", "ecr.api", "ecr.dkr", "s3", "sts"}

// gatewayEndpoints are the services reached through a route instead of a network interface:
// https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
var gatewayEndpoints = []string{"dynamodb", "s3"}

var (
	serviceName = lazyregexp.New(`^[a-z0-9][a-z0-9.-]*$`)
	vpcID       = lazyregexp.New(`^vpc-[0-9a-f]+$`)
	subnetID    = lazyregexp.New(`^subnet-[0-9a-f]+$`)
)

// validate reports every problem of the arguments at once.
func (a *Args) validate() error {
	if a.existing() {
		return a.validateExisting()
	}
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if a.Name == "" {
		fail("no name is given: name the network after its deployment, such as \"roman-sit-staging\"")
	}
	if len(a.ClusterNames) == 0 {
		fail("no cluster is named: subnets are found by Kubernetes through a tag with their cluster's name")
	}
	if _, err := parseCIDR(a.cidr()); err != nil {
		problems = append(problems, err)
	}
	if len(a.PublicSubnetIDs)+len(a.PrivateSubnetIDs) > 0 {
		fail("subnet ids are given without the VPC they are in: give its id or its Name tag too")
	}
	problems = append(problems, a.validateZones()...)
	problems = append(problems, a.validateWayOut()...)
	return errors.Join(problems...)
}

func (a *Args) validateZones() []error {
	var problems []error
	if len(a.Zones) > 0 && a.ZoneCount != 0 {
		problems = append(problems, fmt.Errorf("zones are given by name and by number: give one of the two"))
	}
	if n := max(len(a.Zones), a.zoneCount()); n < minZones || n > maxZones {
		problems = append(problems, fmt.Errorf("%d availability zones are asked for: use %d to %d", n, minZones, maxZones))
	}
	for i, zone := range a.Zones {
		if _, err := slot(zone); err != nil {
			problems = append(problems, err)
		} else if slices.Index(a.Zones, zone) != i {
			problems = append(problems, fmt.Errorf("zone %q is listed twice", zone))
		} else if a.Region != "" && zone[:len(zone)-1] != a.Region {
			problems = append(problems, fmt.Errorf("zone %q is not in region %s", zone, a.Region))
		}
	}
	return problems
}

func (a *Args) validateWayOut() []error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch a.nat() {
	case NATNone, NATSingle, NATPerZone:
	default:
		fail("nat %q is unknown: use none, single or perZone", a.NAT)
	}
	if !a.Private && a.nat() != NATNone {
		fail("nat %q is for private subnets, and there are none: make the network private, or leave nat out", a.NAT)
	}
	for i, e := range a.Endpoints {
		if !serviceName.MatchString(e) {
			fail("endpoint %q is not the name of a service, such as s3 or ecr.api", e)
		} else if slices.Index(a.Endpoints, e) != i {
			fail("endpoint %q is listed twice", e)
		}
	}
	if len(a.Endpoints) > 0 && a.Region == "" {
		fail("endpoints need the region that their names contain")
	}
	if a.Private && a.nat() == NATNone {
		var missing []string
		for _, e := range isolated {
			if !slices.Contains(a.Endpoints, e) {
				missing = append(missing, e)
			}
		}
		if len(missing) > 0 {
			fail("private subnets without NAT need endpoints for %s too, or their nodes never join: add them, or use nat single or perZone", strings.Join(missing, ", "))
		}
	}
	return problems
}

func (a *Args) validateExisting() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if a.VpcID != "" && a.VpcName != "" {
		fail("the VPC is given by id %q and by name %q: give one of the two", a.VpcID, a.VpcName)
	}
	if a.VpcID != "" && !vpcID.MatchString(a.VpcID) {
		fail("%q is not the id of a VPC, such as vpc-0123456789abcdef0", a.VpcID)
	}
	for _, id := range append(slices.Clone(a.PublicSubnetIDs), a.PrivateSubnetIDs...) {
		if !subnetID.MatchString(id) {
			fail("%q is not the id of a subnet, such as subnet-0123456789abcdef0", id)
		}
	}
	if a.CIDR != "" || len(a.Zones) > 0 || a.ZoneCount != 0 || a.Private || a.NAT != "" || len(a.Endpoints) > 0 {
		fail("the VPC exists, so its address range, zones, private subnets, nat and endpoints are as they are: leave them out")
	}
	return errors.Join(problems...)
}
