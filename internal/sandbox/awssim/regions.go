package awssim

import (
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// regionInfo is what is known of a region: the letters of its zones, the prefix of its zone ids, and the hosted zones of its load balancers.
type regionInfo struct {
	zones   string // letters of the zones' names
	numbers string // numbers of their ids, in the same order; "" for 1, 2, 3, …
	prefix  string
	classic string // hosted zone of classic and application load balancers
	network string // hosted zone of network load balancers
	// noEKS is the number of the zone in which EKS makes no control planes, 0 for none.
	noEKS int
}

// regions are those with three zones or more that an account has without opting in, and us-west-1. Which letter is which physical zone
// differs between accounts; here the letters are in order of the zone ids, but that us-east-1e is use1-az3 as in many accounts.
//
// Zones: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
// Hosted zones: https://docs.aws.amazon.com/general/latest/gr/elb.html
// Zones without EKS: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
var regions = map[string]regionInfo{
	"us-east-1":      {zones: "abcdef", numbers: "124536", prefix: "use1", classic: "Z35SXDOTRQ7X7K", network: "Z26RNL4JYFTOTI", noEKS: 3},
	"us-east-2":      {zones: "abc", prefix: "use2", classic: "Z3AADJGX6KTTL2", network: "ZLMOA37VPKANP"},
	"us-west-1":      {zones: "ab", prefix: "usw1", classic: "Z368ELLRRE2KJ0", network: "Z24FKFUX50B4VW"},
	"us-west-2":      {zones: "abcd", prefix: "usw2", classic: "Z1H1FL5HABSF5", network: "Z18D5FSROUN65G"},
	"ca-central-1":   {zones: "abd", numbers: "124", prefix: "cac1", classic: "ZQSVJUPU6J1EY", network: "Z2EPGBW3API2WT"},
	"sa-east-1":      {zones: "abc", prefix: "sae1", classic: "Z2P70J7HTTTPLU", network: "ZTK26PT1VY4CU"},
	"eu-central-1":   {zones: "abc", prefix: "euc1", classic: "Z215JYRZR1TBD5", network: "Z3F0SRJ5LGBH90"},
	"eu-west-1":      {zones: "abc", prefix: "euw1", classic: "Z32O12XQLNTSW2", network: "Z2IFOLAFXWLO4F"},
	"eu-west-2":      {zones: "abc", prefix: "euw2", classic: "ZHURV8PSTC4K8", network: "ZD4D7Y8KGAS4G"},
	"eu-west-3":      {zones: "abc", prefix: "euw3", classic: "Z3Q77PNBQS71R4", network: "Z1CMS0P5QUZ6D5"},
	"eu-north-1":     {zones: "abc", prefix: "eun1", classic: "Z23TAZ6LKFMNIO", network: "Z1UDT6IFJ4EJM"},
	"ap-south-1":     {zones: "abc", prefix: "aps1", classic: "ZP97RAFLXTNZK", network: "ZVDDRBQ08TROA"},
	"ap-southeast-1": {zones: "abc", prefix: "apse1", classic: "Z1LMS91P8CMLE5", network: "ZKVM4W9LS7TM"},
	"ap-southeast-2": {zones: "abc", prefix: "apse2", classic: "Z1GM3OXH4ZPM65", network: "ZCT6FZBF4DROD"},
	"ap-northeast-1": {zones: "acd", numbers: "412", prefix: "apne1", classic: "Z14GRHDCWA56QT", network: "Z31USIVHYNEOWT"},
	"ap-northeast-2": {zones: "abcd", prefix: "apne2", classic: "ZWKZPGTI48KDX", network: "ZIBE1TIR4HY56"},
	"us-gov-west-1":  {zones: "abc", prefix: "usgw1", classic: "Z33AYJ8TM3BH4J", network: "ZMG1MZ2THAWF1"},
	"us-gov-east-1":  {zones: "abc", prefix: "usge1", classic: "Z166TLBEWOO7G0", network: "Z1ZSMQQ6Q24QQ8"},
}

var regionForm = lazyregexp.New(`^[a-z]{2}(-[a-z]+)+-\d$`)

// region returns what is known of a region; one that is not listed has three zones and no hosted zones.
func region(name string) regionInfo {
	if r, ok := regions[name]; ok {
		return r
	}
	return regionInfo{zones: "abc", prefix: strings.ReplaceAll(name, "-", "")}
}

// zoneNames are the names of a region's zones.
func zoneNames(name string) []string {
	var out []string
	for _, letter := range region(name).zones {
		out = append(out, name+string(letter))
	}
	return out
}

// zoneID is the id of a zone that has the letter at place i.
func zoneID(name string, i int) string {
	r := region(name)
	if i < len(r.numbers) {
		return r.prefix + "-az" + r.numbers[i:i+1]
	}
	return r.prefix + "-az" + strconv.Itoa(i+1)
}

// zoneIDOf is the id of the zone of that name, "" for none of the region's.
func zoneIDOf(regionName, zone string) string {
	for i, n := range zoneNames(regionName) {
		if n == zone {
			return zoneID(regionName, i)
		}
	}
	return ""
}

// partition is the part of AWS a region belongs to: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func partition(regionName string) string {
	switch {
	case strings.HasPrefix(regionName, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(regionName, "cn-"):
		return "aws-cn"
	}
	return "aws"
}

// domain is the domain of a partition's services.
func domain(part string) string {
	if part == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
