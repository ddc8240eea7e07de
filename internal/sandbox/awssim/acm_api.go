package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// certificateDays is for how long a certificate of Amazon's is valid: https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
const certificateDays = 395

// acmAnswer tells of certificates: https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html, API_ListCertificates.html
func acmAnswer(tx *world.Tx, c *apiCall) (*reply, error) {
	var in struct {
		CertificateArn      string
		CertificateStatuses []string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	here := func(o *world.Object) bool { return strings.Contains(o.ID, ":acm:"+c.region+":"+c.me.account+":") }
	switch op := jsonOperation(c); op {
	case "ListCertificates":
		list := []any{}
		for _, o := range tx.List(certificateToken) {
			if here(o) && (len(in.CertificateStatuses) == 0 || slices.Contains(in.CertificateStatuses, o.String("status"))) {
				list = append(list, map[string]any{"CertificateArn": o.ID, "DomainName": o.String("domain"), "Status": o.String("status"), "Type": o.String("type")})
			}
		}
		return jsonReply(map[string]any{"CertificateSummaryList": list})
	case "DescribeCertificate":
		o := tx.Get(certificateToken, in.CertificateArn)
		if o == nil || !here(o) {
			return nil, apiError("ResourceNotFoundException", "Could not find certificate %s.", in.CertificateArn)
		}
		names := texts(o.Props, "subjectAlternativeNames")
		if len(names) == 0 {
			names = []string{o.String("domain")}
		}
		out := map[string]any{
			"CertificateArn": o.ID, "DomainName": o.String("domain"), "SubjectAlternativeNames": names, "Status": o.String("status"), "Type": o.String("type"),
			"CreatedAt": o.Created.Unix(), "InUseBy": []any{}, "RenewalEligibility": "ELIGIBLE",
		}
		if o.String("status") == "ISSUED" || o.String("status") == "EXPIRED" {
			until, err := time.Parse(time.RFC3339, o.String("notAfter"))
			if err != nil {
				until = o.Created.AddDate(0, 0, certificateDays)
			}
			out["NotBefore"], out["NotAfter"] = o.Created.Unix(), until.Unix()
		}
		return jsonReply(map[string]any{"Certificate": out})
	default:
		return nil, notSimulated(op)
	}
}
