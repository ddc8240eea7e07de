package controllers

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const (
	clusterKind = "aws:eks/cluster:Cluster"
	subnetKind  = "aws:ec2/subnet:Subnet"

	// Annotations of the AWS cloud provider (https://kubernetes.io/docs/concepts/services-networking/service/).
	typeAnnotation     = "service.beta.kubernetes.io/aws-load-balancer-type"
	internalAnnotation = "service.beta.kubernetes.io/aws-load-balancer-internal"
	schemeAnnotation   = "service.beta.kubernetes.io/aws-load-balancer-scheme"
)

// balancer makes a Service's load balancer with its network interfaces and, when it is up, tells the Service its name.
func (s *settling) balancer(o *world.Object) error {
	annotations := kubeapi.Map(o.Props, "metadata", "annotations")
	kind, _ := annotations[typeAnnotation].(string)
	network := strings.HasPrefix(kind, "nlb") || kind == "external"
	internal := annotations[internalAnnotation] == "true" || annotations[schemeAnnotation] == "internal"
	elb := s.tx.Find(kubeapi.BalancerKind, func(b *world.Object) bool { return b.String("service") == o.ID })
	if elb == nil {
		var problem string
		var err error
		if elb, problem, err = s.makeBalancer(o, network, internal); err != nil {
			return err
		}
		if problem != "" {
			_, err := s.save(o, o.Ready, func(obj kubeapi.Object) {
				obj["status"] = map[string]any{"loadBalancer": map[string]any{}, "conditions": []any{condition("LoadBalancerReady", "False", "SyncLoadBalancerFailed", problem)}}
			})
			return err
		}
	}
	if elb.Ready.After(s.now) {
		s.due(elb.Ready)
		return nil
	}
	_, err := s.save(o, s.readyAt(o, elb), func(obj kubeapi.Object) {
		obj["status"] = map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"hostname": elb.String("dnsName")}}}}
	})
	return err
}

func (s *settling) readyAt(o, elb *world.Object) time.Time {
	if o.Ready.Before(elb.Ready) {
		return elb.Ready
	}
	return o.Ready
}

func (s *settling) makeBalancer(o *world.Object, network, internal bool) (elb *world.Object, problem string, err error) {
	cluster := s.tx.Find(clusterKind, func(c *world.Object) bool { return c.String("name") == s.cluster || c.ID == s.cluster })
	if cluster == nil {
		return nil, "the cluster is gone", nil
	}
	vpc, subnets := s.subnets(cluster, internal)
	if len(subnets) == 0 {
		return nil, "Error syncing load balancer: failed to ensure load balancer: could not find any suitable subnets for creating the ELB", nil
	}
	region := regionOf(cluster, s.tx)
	id := "a" + strings.ReplaceAll(kubeapi.Text(o.Props, "metadata", "uid"), "-", "")
	if len(id) > 32 {
		id = id[:32] // as the cloud provider does, the limit of a classic load balancer's name
	}
	dns, took := fmt.Sprintf("%s-%d.%s.elb.amazonaws.com", id, number(o.ID+id), region), classicTakes
	if network {
		dns, took = fmt.Sprintf("%s-%016x.elb.%s.amazonaws.com", id, sum(o.ID+id), region), networkTakes
	}
	if internal {
		dns = "internal-" + dns
	}
	elb = &world.Object{
		Kind: kubeapi.BalancerKind, ID: id, Created: s.now, Ready: s.now.Add(took),
		Props: map[string]any{"dnsName": dns, "vpcId": vpc, "region": region, "zoneId": awssim.HostedZoneID(region, network), "service": o.ID},
	}
	if err := s.tx.Put(elb); err != nil {
		return nil, "", err
	}
	for _, subnet := range subnets {
		props := map[string]any{"vpcId": vpc, "subnetId": subnet.ID, "groups": []any{}, "public": !internal, "description": "ELB " + id, "ownerKind": kubeapi.BalancerKind, "ownerId": id}
		if err := s.tx.Put(&world.Object{Kind: kubeapi.InterfaceKind, ID: s.tx.NewID("eni"), Props: props, Created: s.now, Ready: s.now}); err != nil {
			return nil, "", err
		}
	}
	return elb, "", nil
}

// noBalancer takes the load balancer of a Service away that is no longer of that type.
func (s *settling) noBalancer(o *world.Object) error {
	if err := kubeapi.ReleaseBalancer(s.tx, o); err != nil {
		return err
	}
	_, err := s.save(o, o.Ready, func(obj kubeapi.Object) { obj["status"] = map[string]any{} })
	return err
}

// subnets finds the cluster's VPC and the subnets for a load balancer: those with the role's tag, else those that give out public
// addresses, or do not (https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html). At most one a zone is used.
func (s *settling) subnets(cluster *world.Object, internal bool) (vpc string, out []*world.Object) {
	vpc = kubeapi.Text(cluster.Props, "vpcConfig", "vpcId")
	ids, _ := kubeapi.At(cluster.Props, "vpcConfig", "subnetIds").([]any)
	if vpc == "" && len(ids) > 0 {
		if subnet := s.tx.Get(subnetKind, fmt.Sprint(ids[0])); subnet != nil {
			vpc = subnet.String("vpcId")
		}
	}
	role := "kubernetes.io/role/elb"
	if internal {
		role = "kubernetes.io/role/internal-elb"
	}
	var tagged, suitable []*world.Object
	for _, subnet := range s.tx.List(subnetKind) {
		if subnet.String("vpcId") != vpc {
			continue
		}
		if _, ok := kubeapi.Map(subnet.Props, "tags")[role]; ok {
			tagged = append(tagged, subnet)
		}
		if public, _ := subnet.Props["mapPublicIpOnLaunch"].(bool); public != internal {
			suitable = append(suitable, subnet)
		}
	}
	if len(tagged) == 0 {
		tagged = suitable
	}
	zones := map[string]bool{}
	return vpc, slices.DeleteFunc(tagged, func(subnet *world.Object) bool {
		zone := subnet.String("availabilityZone")
		seen := zone != "" && zones[zone]
		zones[zone] = true
		return seen
	})
}

// regionOf reads the region out of the cluster's endpoint (https://ID.gr7.REGION.eks.amazonaws.com).
func regionOf(cluster *world.Object, tx *world.Tx) string {
	parts := strings.Split(cluster.String("endpoint"), ".")
	if i := slices.Index(parts, "eks"); i > 0 {
		return parts[i-1]
	}
	if r := tx.Setting("region"); r != "" {
		return r
	}
	return "us-east-1"
}

func sum(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}

// number is ten digits, as classic load balancers have in their names.
func number(text string) uint64 { return 1_000_000_000 + sum(text)%9_000_000_000 }
