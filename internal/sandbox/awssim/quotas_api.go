package awssim

import (
	"fmt"
	"maps"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// quotas are the quotas of a new account, by service and code: https://docs.aws.amazon.com/general/latest/gr/ec2-service.html,
// https://docs.aws.amazon.com/general/latest/gr/eks.html and https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
var quotas = map[string]struct {
	name  string
	value float64
}{
	"vpc/L-F678F1CE": {"VPCs per Region", 5},
	"vpc/L-FE5A380F": {"NAT gateways per Availability Zone", 5},
	"ec2/L-0263D0A3": {"EC2-VPC Elastic IPs", 5},
	"ec2/L-1216C47A": {"Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5},
	"ec2/L-34B43A08": {"All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5},
	"ec2/L-DB2E81BA": {"Running On-Demand G and VT instances", 0},
	"ec2/L-3819A6DF": {"All G and VT Spot Instance Requests", 0},
	"ec2/L-417A185B": {"Running On-Demand P instances", 0},
	"ec2/L-7212CCBC": {"All P Spot Instance Requests", 0},
	"eks/L-1194D53C": {"Clusters", 100},
	"eks/L-6D54EA21": {"Managed node groups per cluster", 30},
	"eks/L-BD136A63": {"Nodes per managed node group", 450},
}

// quotaAnswer tells a quota, which is an object of the world from then on, so that it can be changed by hand. Each is the account's in every region.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
func quotaAnswer(tx *world.Tx, c *apiCall) (*reply, error) {
	if op := jsonOperation(c); op != "GetServiceQuota" && op != "GetAWSDefaultServiceQuota" {
		return nil, notSimulated(op)
	}
	var in struct{ ServiceCode, QuotaCode string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	id := in.ServiceCode + "/" + in.QuotaCode
	known, ok := quotas[id]
	if !ok {
		return nil, apiError("NoSuchResourceException", "The request failed because the specified service quota (%s) does not exist.", in.QuotaCode)
	}
	if err := ensure(tx, quotaToken, id, map[string]any{"quotaName": known.name, "value": known.value}); err != nil {
		return nil, err
	}
	out := maps.Clone(tx.Get(quotaToken, id).Props)
	return jsonReply(map[string]any{"Quota": map[string]any{
		"ServiceCode": in.ServiceCode, "QuotaCode": in.QuotaCode, "QuotaName": out["quotaName"], "Value": out["value"], "Adjustable": true, "Unit": "None",
		"QuotaArn": fmt.Sprintf("arn:%s:servicequotas:%s:%s:%s", c.me.partition, c.region, c.me.account, id),
	}})
}
