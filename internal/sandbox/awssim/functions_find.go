package awssim

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// findFunctions look for what exists by what it carries: a driver that has lost an answer finds with them what it had asked for.
func findFunctions() map[string]function {
	return map[string]function{
		"aws:resourcegroupstaggingapi/getResources:getResources": {answer: getResources},
		"aws:ec2/getNetworkInterface:getNetworkInterface":        {answer: getInterface, needs: "ec2:DescribeNetworkInterfaces@*"},
		"aws:ec2/getRouteTable:getRouteTable":                    {answer: getRouteTable, needs: "ec2:DescribeRouteTables@*"},
	}
}

// taggedKinds are the types that the tagging API knows, by its name of them.
var taggedKinds = map[string]string{
	"ec2:vpc": "aws:ec2/vpc:Vpc", "ec2:subnet": "aws:ec2/subnet:Subnet", "ec2:internet-gateway": "aws:ec2/internetGateway:InternetGateway",
	"ec2:elastic-ip": "aws:ec2/eip:Eip", "ec2:natgateway": "aws:ec2/natGateway:NatGateway", "ec2:route-table": "aws:ec2/routeTable:RouteTable",
	"ec2:vpc-endpoint": "aws:ec2/vpcEndpoint:VpcEndpoint", "ec2:security-group": "aws:ec2/securityGroup:SecurityGroup",
	"ec2:launch-template": "aws:ec2/launchTemplate:LaunchTemplate", "elasticfilesystem:file-system": "aws:efs/fileSystem:FileSystem", "kms:key": "aws:kms/key:Key",
}

// ruleKinds are both kinds of security group rules, which the API does not tell apart.
var ruleKinds = []string{"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"}

func getResources(c *call) (map[string]any, error) {
	list := []any{}
	for _, service := range texts(c.In, "resourceTypeFilters") {
		kinds := []string{taggedKinds[service]}
		if service == "ec2:security-group-rule" {
			kinds = ruleKinds
		}
		for _, kind := range kinds {
			for _, o := range c.tx.List(kind) {
				if !carries(o, objects(c.In, "tagFilters")) {
					continue
				}
				name, resource, _ := strings.Cut(service, ":")
				list = append(list, map[string]any{"resourceArn": c.me.makeARN(name, resource+"/"+o.ID), "tags": tagsOf(o), "complianceDetails": []any{}})
			}
		}
	}
	return map[string]any{"id": c.me.partition, "resourceTagMappingLists": list}, nil
}

// carries reports whether an object has every tag of the filters, with one of its values when there are any.
func carries(o *world.Object, filters []map[string]any) bool {
	tags := tagsOf(o)
	for _, f := range filters {
		v, ok := tags[text(f, "key")]
		values := texts(f, "values")
		if s := fmt.Sprint(v); !ok || len(values) > 0 && !slices.Contains(values, s) {
			return false
		}
	}
	return true
}

func getInterface(c *call) (map[string]any, error) {
	props := map[string]string{"subnet-id": "subnetId", "description": "description", "vpc-id": "vpcId"}
	var found []*world.Object
	for _, o := range c.tx.List(kubeapi.InterfaceKind) {
		fits := true
		for _, f := range objects(c.In, "filters") {
			prop, known := props[text(f, "name")]
			if !known {
				return nil, apiError("InvalidParameterValue", "The filter '%s' is not simulated", text(f, "name"))
			}
			fits = fits && slices.ContainsFunc(texts(f, "values"), func(pattern string) bool {
				ok, err := path.Match(pattern, o.String(prop))
				return err == nil && ok
			})
		}
		if fits {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("no matching EC2 Network Interface found: %d fit", len(found))
	}
	return copied(found[0], "description", "subnetId", "vpcId"), nil
}

func getRouteTable(c *call) (map[string]any, error) {
	table := c.tx.Get("aws:ec2/routeTable:RouteTable", text(c.In, "routeTableId"))
	if table == nil {
		return nil, apiError("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", text(c.In, "routeTableId"))
	}
	associations := []any{}
	for _, o := range c.tx.List("aws:ec2/routeTableAssociation:RouteTableAssociation") {
		if o.String("routeTableId") == table.ID {
			associations = append(associations, map[string]any{
				"routeTableAssociationId": o.ID, "routeTableId": table.ID, "subnetId": o.String("subnetId"), "gatewayId": "", "main": false,
			})
		}
	}
	out := copied(table, "vpcId", "tags")
	out["routeTableId"], out["associations"] = table.ID, associations
	return out, nil
}
