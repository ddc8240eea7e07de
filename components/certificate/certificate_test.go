package certificate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/certificate"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

const (
	certificateType = "aws:acm/certificate:Certificate"
	validationType  = "aws:acm/certificateValidation:CertificateValidation"
	recordType      = "aws:route53/record:Record"
	zoneCall        = "aws:route53/getZone:getZone"
	findCall        = "aws:acm/getCertificate:getCertificate"
	arn             = "arn:aws:acm:us-east-1:162808325377:certificate/a"
	proof           = "_1f2e.hub.example.org."
)

func newRecorder() *recorder.Recorder {
	object := resource.NewPropertyMapFromMap
	return &recorder.Recorder{
		Invokes: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			zoneCall: func(resource.PropertyMap) (resource.PropertyMap, error) {
				return object(map[string]any{"zoneId": "Z0123456789ABCDEFGHIJ", "name": "example.org"}), nil
			},
			findCall: func(resource.PropertyMap) (resource.PropertyMap, error) {
				return object(map[string]any{"arn": arn}), nil
			},
		},
		Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
			certificateType: func(string, resource.PropertyMap) resource.PropertyMap {
				return object(map[string]any{"arn": arn, "domainValidationOptions": []any{map[string]any{
					"resourceRecordName": proof, "resourceRecordType": "CNAME", "resourceRecordValue": "_1f2e.acm-validations.aws.",
				}}})
			},
			recordType: func(string, resource.PropertyMap) resource.PropertyMap {
				return object(map[string]any{"fqdn": "_1f2e.hub.example.org"})
			},
		},
	}
}

func TestRequest(t *testing.T) {
	rec := newRecorder()
	var made *certificate.Certificate
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		made, err = certificate.New(ctx, "hub", &certificate.Args{Domain: "Hub.example.org.", Zone: "example.org", Tags: map[string]string{"hub": "hub"}})
		return err
	})
	rec.One(t, certificateType, "hub").CheckInputs(t, map[string]any{
		"domainName": "hub.example.org", "validationMethod": "DNS", "tags": map[string]any{"hub": "hub"},
	})
	rec.One(t, recordType, "hub").CheckInputs(t, map[string]any{
		"zoneId": "Z0123456789ABCDEFGHIJ", "name": proof, "type": "CNAME", "ttl": 300.0, "records": []any{"_1f2e.acm-validations.aws."}, "allowOverwrite": true,
	})
	rec.One(t, validationType, "hub").CheckInputs(t, map[string]any{"certificateArn": arn, "validationRecordFqdns": []any{"_1f2e.hub.example.org"}})
	got, err := recorder.Values(made.Arn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{arn}, got); diff != "" {
		t.Errorf("ARN (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	rec := newRecorder()
	var found pulumi.StringInput
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		found, err = certificate.Find(ctx, "*.Example.org")
		return err
	})
	want := map[string]any{"domain": "*.example.org", "statuses": []any{"ISSUED"}, "mostRecent": true}
	if diff := cmp.Diff(want, rec.Calls(findCall)[0].Args.Mappable()); diff != "" {
		t.Errorf("look-up (-want +got):\n%s", diff)
	}
	if found != pulumi.String(arn) {
		t.Errorf("found %v", found)
	}
}

func TestWrongInput(t *testing.T) {
	for name, tt := range map[string]struct {
		args *certificate.Args
		want []string
	}{
		"nothing":          {nil, []string{"no arguments are given"}},
		"no domain, zone":  {&certificate.Args{}, []string{"no domain is given", "no zone is given"}},
		"another zone":     {&certificate.Args{Domain: "hub.example.com", Zone: "example.org"}, []string{"does not lie in zone"}},
		"another, by id":   {&certificate.Args{Domain: "hub.example.com", ZoneID: "Z0123456789ABCDEFGHIJ"}, []string{`does not lie in zone "example.org"`}},
		"no id of a zone":  {&certificate.Args{Domain: "hub.example.org", ZoneID: "zone"}, []string{`zoneId "zone" is not the id`}},
		"wildcard of TLDs": {&certificate.Args{Domain: "*.org", Zone: "example.org"}, []string{"does not lie in zone"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := newRecorder().Run("staging", func(ctx *pulumi.Context) error {
				_, err := certificate.New(ctx, "hub", tt.args)
				return err
			})
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %q", err, want)
				}
			}
		})
	}
}
