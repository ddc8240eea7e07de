package awssim

import "time"

// durations say how long the real services take until the real provider is done, by type: create, update, delete. Rounded to five seconds,
// so that what overlaps wakes up together. Where a source is named, the figure is the service's own; all others are estimates from using
// the services, and so only good for saying about how long a deployment takes.
var durations = map[string][3]time.Duration{
	// The provider waits until a new role is seen; IAM names no figure.
	roleToken: {5 * time.Second, 5 * time.Second, 5 * time.Second},
	oidcToken: {5 * time.Second, 5 * time.Second, 5 * time.Second},

	vpcToken:             {10 * time.Second, 5 * time.Second, 5 * time.Second},
	subnetToken:          {10 * time.Second, 5 * time.Second, 5 * time.Second},
	internetGatewayToken: {5 * time.Second, 5 * time.Second, 10 * time.Second},
	natGatewayToken:      {2 * time.Minute, 5 * time.Second, time.Minute},
	endpointToken:        {time.Minute, 10 * time.Second, 30 * time.Second},
	launchTemplateToken:  {5 * time.Second, 5 * time.Second, 5 * time.Second},

	// "several minutes" in https://docs.aws.amazon.com/eks/latest/userguide/create-cluster.html
	clusterToken:   {10 * time.Minute, 8 * time.Minute, 4 * time.Minute},
	nodeGroupToken: {150 * time.Second, 2 * time.Minute, 4 * time.Minute},
	addonToken:     {40 * time.Second, 40 * time.Second, 10 * time.Second},

	fileSystemToken: {10 * time.Second, 5 * time.Second, 5 * time.Second},
	// "up to 90 seconds" until the target's name resolves: https://docs.aws.amazon.com/efs/latest/ug/mounting-fs-mount-cmd-dns-name.html
	mountTargetToken: {90 * time.Second, 5 * time.Second, 30 * time.Second},

	keyToken: {10 * time.Second, 10 * time.Second, 5 * time.Second},

	// "generally within 60 seconds": https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
	recordToken: {35 * time.Second, 35 * time.Second, 35 * time.Second},

	certificateToken: {15 * time.Second, 5 * time.Second, 5 * time.Second},
	// "up to 30 minutes or more", mostly a few: https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
	validationToken: {3 * time.Minute, 5 * time.Second, 5 * time.Second},
}

// takes is the time of an operation; what is not in the table takes five seconds.
func takes(token, op string, in map[string]any) time.Duration {
	d, ok := durations[token]
	if !ok {
		d = [3]time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}
	}
	switch op {
	case "create":
		if token == addonToken && needsNodes(text(in, "addonName")) {
			return time.Minute
		}
		return d[0]
	case "update":
		return d[1]
	}
	return d[2]
}
