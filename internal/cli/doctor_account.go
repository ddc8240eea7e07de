package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/doctor"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// checkServices asks AWS and DNS, or the sandbox in their place.
func (a *app) checkServices(ctx context.Context, g globals, root string, stack *config.Stack) ([]doctor.Row, error) {
	var m doctor.Machine
	if !g.sandbox {
		rows := []doctor.Row{m.Identity(ctx, stack.Deployment.AccountID, stack.Region())}
		rows = append(rows, a.checkAccount(ctx, m, stack, rows[0])...)
		if stack.DNS.Zone != "" {
			rows = append(rows, m.Delegation(ctx, stack.DNS.Zone))
		}
		return rows, nil
	}
	box, err := a.openSandbox(root, stack)
	if err != nil {
		return nil, err
	}
	m.AWS, m.Now = sandboxAWS(box), box.World.Clock.Now
	rows, err := simulated(box, stack)
	if err == nil {
		rows = append(rows, a.checkAccount(ctx, m, stack, rows[0])...)
	}
	return rows, errors.Join(err, box.Close())
}

// simulated is whose credentials the sandbox's are, and whether it has the zone.
func simulated(box *sandbox.Sandbox, stack *config.Stack) ([]doctor.Row, error) {
	account, caller, err := box.Identity()
	rows := []doctor.Row{{Check: "AWS identity", State: doctor.OK, Seen: caller}}
	if account != stack.Deployment.AccountID {
		rows[0] = doctor.Row{
			Check: "AWS identity", State: doctor.Fail, Seen: fmt.Sprintf("account %s, but the deployment is of account %s", account, stack.Deployment.AccountID),
			Remedy: "`hubwright sandbox set account=" + stack.Deployment.AccountID + "`, or mend deployment.accountId",
		}
	}
	if zone := stack.DNS.Zone; zone != "" && err == nil {
		var there bool
		there, err = box.Zone(zone)
		row := doctor.Row{Check: "DNS zone", State: doctor.OK, Seen: zone + " is there; whether the world knows it is not simulated"}
		if !there {
			row = doctor.Row{Check: "DNS zone", State: doctor.Fail, Seen: "there is no hosted zone " + zone, Remedy: "name another as dns.zone"}
		}
		rows = append(rows, row)
	}
	return rows, err
}

// checkAccount looks at what the account has to have: the state's bucket and key, room in its quotas, certificates. Without the account's credentials
// there is nothing to be seen.
func (a *app) checkAccount(ctx context.Context, m doctor.Machine, stack *config.Stack, identity doctor.Row) []doctor.Row {
	if identity.State != doctor.OK {
		return []doctor.Row{{Check: "state's bucket and key, quotas, certificates", State: doctor.Skipped, Seen: "nothing is to be seen with these credentials"}}
	}
	rows := a.checkPlace(ctx, m, stack)
	rows = append(rows, m.Quotas(ctx, stack.Region(), needsOf(stack))...)
	for _, h := range stack.Hubs {
		check := "hub " + h.Name + ": certificate"
		switch {
		case h.HTTPS.CertificateArn != "":
			rows = append(rows, assumed(stack, h.HTTPS.CertificateArn, m.Certificate(ctx, check, h.HTTPS.CertificateArn, h.Domain, stack.Region())))
		case h.HTTPS.CertificateDomain != "":
			rows = append(rows, m.CertificateNamed(ctx, check, h.HTTPS.CertificateDomain, h.Domain, stack.Region()))
		}
	}
	return rows
}

// assumed is what was seen of a certificate. One that the configuration names is there in the sandbox because it is named, which says nothing of ACM.
func assumed(stack *config.Stack, arn string, r doctor.Row) doctor.Row {
	if stack.Sandbox() && r.State == doctor.OK {
		r.State, r.Seen = doctor.Skipped, "the sandbox takes it that "+arn+" "+r.Seen+"; whether ACM has it, only the account knows"
	}
	return r
}

// checkPlace looks at the state's bucket and key.
func (a *app) checkPlace(ctx context.Context, m doctor.Machine, stack *config.Stack) []doctor.Row {
	makes := fmt.Sprintf("`hubwright bootstrap %s`", stack.Environment)
	place, err := a.placeOf(stack, "", "")
	if err != nil {
		return []doctor.Row{{Check: "state's bucket and key", State: doctor.Fail, Seen: err.Error(), Remedy: hintOf(err)}}
	}
	var rows []doctor.Row
	for _, note := range place.notes {
		rows = append(rows, doctor.Row{Check: "state's place", State: doctor.Skipped, Seen: note})
	}
	if place.from == "" && place.target.Bucket != "" && !stack.Sandbox() {
		rows = append(rows, doctor.Row{
			Check: "state's bucket", State: doctor.Warning, Seen: "neither PULUMI_BACKEND_URL, nor the project's file, nor a login says where the state is kept",
			Remedy: makes + " makes a bucket and says what to write",
		})
		place.target.Bucket = ""
	}
	if stack.SecretsProvider() == "" && place.target.Key != "" {
		rows = append(rows, doctor.Row{
			Check: "state's key", State: doctor.Warning, Seen: "the stack's file has no secretsprovider, so that Pulumi chooses", Remedy: makes + " makes a key that a team can share, and says what to write",
		})
		place.target.Key = ""
	}
	looked := m.State(ctx, place.target, makes)
	if stack.Sandbox() { // whose own states need neither
		for i, r := range looked {
			if r.State == doctor.Fail {
				looked[i] = doctor.Row{Check: r.Check, State: doctor.Skipped, Seen: r.Seen + "; the sandbox itself needs none"}
			}
		}
	}
	return append(rows, looked...)
}

// needsOf is what an environment takes of the account's quotas.
func needsOf(stack *config.Stack) doctor.Needs {
	n := doctor.Needs{Tags: map[string]string{"deployment": stack.Deployment.Name, "environment": stack.Environment}}
	if !stack.Cluster.Own() {
		return n
	}
	n.Cluster = stack.ClusterName()
	if !stack.Network.Existing() {
		n.VPCs = 1
		switch stack.Network.NAT {
		case config.NATSingle:
			n.Addresses = 1
		case config.NATPerZone:
			n.Addresses = max(stack.Network.AvailabilityZones.Count, len(stack.Network.AvailabilityZones.Names))
		}
	}
	for _, g := range stack.Cluster.NodeGroups {
		n.NodeGroups = append(n.NodeGroups, doctor.NodeGroup{Name: g.Name, InstanceTypes: g.InstanceTypes, Start: max(g.Min, g.Desired), Most: g.Max, Spot: g.Spot})
	}
	return n
}
