package awssim

import (
	"net/url"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
)

var thumbprintForm = lazyregexp.New(`^[0-9a-fA-F]{40}$`)

func oidcKinds() map[string]*kind {
	return map[string]*kind{oidcToken: {
		Kind: provider.Kind{
			Name: "url", ForceNew: []string{"url"}, DeleteFirst: true,
			// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
			Check: func(in map[string]any) []string {
				var p problems
				if u, ok := in["url"].(string); ok {
					parsed, err := url.Parse(u)
					if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.RawQuery != "" || len(u) > 255 {
						p.add("url", "must be an https:// URL of at most 255 characters without a query, got %q", u)
					}
				}
				for _, t := range texts(in, "thumbprintLists") {
					if !thumbprintForm.MatchString(t) {
						p.add("thumbprintLists", "a thumbprint has 40 hexadecimal digits, got %q", t)
					}
				}
				if n := len(texts(in, "thumbprintLists")); n > 5 {
					p.add("thumbprintLists", "at most 5 thumbprints, got %d", n)
				}
				p.tags(in)
				return p
			},
		},
		tagged: true,
		arn:    func(c *call, id string) string { return either(id, issuerARN(c.me, text(c.In, "url"))) },
		create: func(c *call) (string, map[string]any, error) {
			arn := issuerARN(c.me, text(c.In, "url"))
			if c.tx.Get(oidcToken, arn) != nil {
				return "", nil, apiError("EntityAlreadyExists", "Provider with url %s already exists.", text(c.In, "url"))
			}
			return arn, c.with(map[string]any{"thumbprintLists": []any{strings.Repeat("0", 40)}}, map[string]any{"arn": arn}), nil
		},
		rules: []string{"url: https, at most 255 characters; one provider a url and account (EntityAlreadyExists); thumbprints of 40 hexadecimal digits"},
	}}
}

func issuerARN(me *identity, issuer string) string {
	return me.iamARN("oidc-provider/" + strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), "/"))
}
