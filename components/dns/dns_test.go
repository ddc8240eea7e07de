package dns_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/dns"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

const (
	recordType   = "aws:route53/record:Record"
	zoneCall     = "aws:route53/getZone:getZone"
	classicCall  = "aws:elb/getHostedZoneId:getHostedZoneId"
	networkCall  = "aws:lb/getHostedZoneId:getHostedZoneId"
	zoneExample  = "Z0123456789ABCDEFGHIJ"
	balancerName = "a1b2-123.us-east-1.elb.amazonaws.com"
)

func answer(kv ...string) func(resource.PropertyMap) (resource.PropertyMap, error) {
	return func(resource.PropertyMap) (resource.PropertyMap, error) {
		m := resource.PropertyMap{}
		for i := 0; i < len(kv); i += 2 {
			m[resource.PropertyKey(kv[i])] = resource.NewStringProperty(kv[i+1])
		}
		return m, nil
	}
}

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{
		Invokes: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			zoneCall:    answer("zoneId", zoneExample, "name", "example.org"),
			classicCall: answer("id", "Z35SXDOTRQ7X7K"),
			networkCall: answer("id", "Z26RNL4JYFTOTI"),
		},
		Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
			recordType: func(_ string, in resource.PropertyMap) resource.PropertyMap {
				return resource.PropertyMap{"fqdn": in["name"]}
			},
		},
	}
}

// run makes the record and returns what it hands on: the domain and the sentence.
func run(t *testing.T, rec *recorder.Recorder, args dns.Args) []any {
	t.Helper()
	var record *dns.Record
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		if args.Target == nil {
			args.Target = pulumi.String(balancerName)
		}
		record, err = dns.New(ctx, "dns", &args)
		return err
	})
	got, err := recorder.Values(record.Fqdn, record.Instruction)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRecords(t *testing.T) {
	cname := func(ttl float64, overwrite bool) map[string]any {
		return map[string]any{
			"zoneId": zoneExample, "name": "roman-sit.example.org", "type": "CNAME", "ttl": ttl,
			"records": []any{balancerName}, "allowOverwrite": overwrite,
		}
	}
	address := func(typ, balancerZone string) map[string]any {
		return map[string]any{
			"zoneId": zoneExample, "name": "roman-sit.example.org", "type": typ, "allowOverwrite": false,
			"aliases": []any{map[string]any{"name": balancerName, "zoneId": balancerZone, "evaluateTargetHealth": false}},
		}
	}
	tests := []struct {
		name string
		args dns.Args
		zone map[string]any // what the look-up was asked
		want map[string]map[string]any
	}{
		{
			name: "cname in a zone by name", args: dns.Args{Zone: "example.org"}, zone: map[string]any{"name": "example.org"},
			want: map[string]map[string]any{"dns-cname": cname(300, false)},
		},
		{
			name: "cname in a zone by id, overwritten", args: dns.Args{ZoneID: zoneExample, TTL: 60, Overwrite: true},
			zone: map[string]any{"zoneId": zoneExample}, want: map[string]map[string]any{"dns-cname": cname(60, true)},
		},
		{
			name: "private zone", args: dns.Args{Zone: "example.org", PrivateZone: true},
			zone: map[string]any{"name": "example.org", "privateZone": true}, want: map[string]map[string]any{"dns-cname": cname(300, false)},
		},
		{
			name: "alias of a classic balancer", args: dns.Args{Zone: "example.org", Kind: dns.Alias}, zone: map[string]any{"name": "example.org"},
			want: map[string]map[string]any{"dns-a": address("A", "Z35SXDOTRQ7X7K")},
		},
		{
			name: "dual-stack alias of a network balancer", zone: map[string]any{"name": "example.org"},
			args: dns.Args{Zone: "example.org", Kind: dns.Alias, LoadBalancerType: dns.Network, IPv6: true},
			want: map[string]map[string]any{"dns-a": address("A", "Z26RNL4JYFTOTI"), "dns-aaaa": address("AAAA", "Z26RNL4JYFTOTI")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder()
			tt.args.Domain = "Roman-sit.example.org."
			got := run(t, rec, tt.args)
			if got[0] != "roman-sit.example.org" {
				t.Errorf("fqdn %v", got[0])
			}
			records := map[string]map[string]any{}
			for _, res := range rec.OfType(recordType) {
				records[res.Name] = res.Inputs.Mappable()
				if !strings.HasSuffix(res.Parent, dns.Type+"::dns") {
					t.Errorf("%s has parent %q", res.Name, res.Parent)
				}
			}
			if diff := cmp.Diff(tt.want, records); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.zone, rec.Calls(zoneCall)[0].Args.Mappable()); diff != "" {
				t.Errorf("look-up (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrintOnly(t *testing.T) {
	rec := newRecorder()
	got := run(t, rec, dns.Args{Domain: "hub.example.org"})
	want := []any{"hub.example.org", "enter at the DNS provider of hub.example.org: hub.example.org. 300 IN CNAME " + balancerName + "."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if n := len(rec.OfType(recordType)) + len(rec.Calls(zoneCall)); n != 0 {
		t.Errorf("%d records and look-ups, want none", n)
	}
}

func TestUnknownZone(t *testing.T) {
	rec := newRecorder()
	rec.Invokes[zoneCall], rec.Invokes[classicCall] = answer(), answer()
	rec.Preview = true
	run(t, rec, dns.Args{Domain: "hub.example.org", Zone: "example.org", Kind: dns.Alias})
	if res := rec.One(t, recordType, "dns-a"); res.Input("zoneId") != nil {
		t.Errorf("zone id %v in a preview that cannot know it", res.Input("zoneId"))
	}

	rec.Preview = false
	err := rec.Run("staging", func(ctx *pulumi.Context) error {
		_, err := dns.New(ctx, "dns", &dns.Args{Domain: "hub.example.org", Zone: "example.org", Target: pulumi.String(balancerName)})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), `hosted zone "example.org" was not found`) {
		t.Errorf("error %v", err)
	}
}

func TestWrongInput(t *testing.T) {
	target := pulumi.String(balancerName)
	tests := []struct {
		name string
		args *dns.Args
		want []string
	}{
		{name: "nothing", args: nil, want: []string{"no arguments are given"}},
		{
			name: "all at once",
			args: &dns.Args{Domain: "hub", Kind: "mx", LoadBalancerType: "gateway", TTL: -1, ZoneID: "zone"},
			want: []string{
				`domain "hub" is not a domain name`, "no target is given", `kind "mx" is none of cname, alias`,
				`loadBalancerType "gateway" is none of classic, network`, "ttl is -1", `zoneId "zone" is not`,
			},
		},
		{
			name: "another zone", args: &dns.Args{Domain: "hub.example.com", Zone: "example.org", Target: target},
			want: []string{`domain "hub.example.com" does not lie in zone "example.org"`},
		},
		{
			name: "a name that only ends alike", args: &dns.Args{Domain: "hub.myexample.org", Zone: "example.org", Target: target},
			want: []string{"does not lie in zone"},
		},
		{
			name: "another zone, by id", args: &dns.Args{Domain: "hub.example.com", ZoneID: zoneExample, Target: target},
			want: []string{`does not lie in zone "example.org"`},
		},
		{
			name: "cname at the apex", args: &dns.Args{Domain: "example.org", Zone: "example.org.", Target: target},
			want: []string{"use kind alias"},
		},
		{
			name: "alias elsewhere", args: &dns.Args{Domain: "hub.example.org", Kind: dns.Alias, Target: target},
			want: []string{"give a zone"},
		},
		{
			name: "ipv6 cname", args: &dns.Args{Domain: "hub.example.org", Zone: "example.org", IPv6: true, Target: target},
			want: []string{"ipv6 is for kind alias"},
		},
		{
			name: "no load balancer", args: &dns.Args{Domain: "hub.example.org", Zone: "example.org", Target: pulumi.String("")},
			want: []string{"has to be of type LoadBalancer"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder()
			err := rec.Run("staging", func(ctx *pulumi.Context) error {
				_, err := dns.New(ctx, "dns", tt.args)
				return err
			})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if n := len(rec.OfType(recordType)); n != 0 {
				t.Errorf("%d records in spite of it", n)
			}
		})
	}
}

func TestMissingZone(t *testing.T) {
	rec := newRecorder()
	rec.Invokes[zoneCall] = func(resource.PropertyMap) (resource.PropertyMap, error) {
		return nil, errors.New("no matching Route 53 Hosted Zone found")
	}
	err := rec.Run("staging", func(ctx *pulumi.Context) error {
		_, err := dns.New(ctx, "dns", &dns.Args{Domain: "hub.example.org", Zone: "example.org", Target: pulumi.String(balancerName)})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), `looking up hosted zone "example.org"`) {
		t.Errorf("error %v, want one that names the zone", err)
	}
}
