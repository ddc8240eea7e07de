package awssim_test

import (
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const (
	cert       = "aws:acm/certificate:Certificate"
	validation = "aws:acm/certificateValidation:CertificateValidation"
	findCert   = "aws:acm/getCertificate:getCertificate"
)

func TestCertificate(t *testing.T) {
	w, c := aws(t)
	update(t, w, func(tx *world.Tx) error { return awssim.EnsureZone(tx, "example.org") })
	_, err := c.Create(cert, "bad", M{"domainName": "hub", "validationMethod": "POST"})
	refuses(t, "a domain of one label, a method", err, "domainName", "validationMethod")

	made := c.Must(cert, "c", M{"domainName": "Hub.example.org", "validationMethod": "DNS"})
	name, value := out(made, "domainValidationOptions[0].resourceRecordName"), out(made, "domainValidationOptions[0].resourceRecordValue")
	_, err = c.Create(validation, "early", M{"certificateArn": made.ID})
	refuses(t, "no record", err, "timeout while waiting for state to become 'ISSUED' (last state: 'PENDING_VALIDATION'")
	_, err = c.Invoke(findCert, M{"domain": "hub.example.org"})
	refuses(t, "one that is not issued", err, "no matching ACM Certificate")

	c.Must(record, "r", M{"zoneId": awssim.ZoneID("example.org"), "name": name, "type": "CNAME", "ttl": 300, "records": []any{value}})
	before := w.Clock.Now()
	c.Must(validation, "v", M{"certificateArn": made.ID})
	if took := w.Clock.Now().Sub(before); took < time.Minute {
		t.Errorf("issued after %s", took)
	}
	found, err := c.Invoke(findCert, M{"domain": "hub.example.org", "statuses": []any{"ISSUED"}})
	accepts(t, "the issued one", err)
	if found["arn"] != made.ID {
		t.Errorf("found %v, want %s", found["arn"], made.ID)
	}
	_, err = c.Create(validation, "none", M{"certificateArn": "arn:aws:acm:us-east-1:" + account + ":certificate/none"})
	refuses(t, "no certificate", err, "ResourceNotFoundException")
	accepts(t, "its deletion", made.Delete())
}
