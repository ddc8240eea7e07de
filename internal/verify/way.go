package verify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/hubwright/hubwright/internal/certchain"
)

// public is the Service that users come through; nil, with the reason among the check's problems, when it is not to be had.
func (r *run) public(ctx context.Context, c *Check) *corev1.Service {
	if r.kube.broken != nil {
		c.fail("the cluster could not be looked at: " + r.kube.broken.Error())
		return nil
	}
	name := r.prefix() + "proxy-public"
	service, err := r.kube.core.Services(r.hub.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		c.fail(fmt.Sprintf("there is no Service %s, through which users come", name))
		return nil
	case err != nil:
		c.fail(fmt.Sprintf("Service %s could not be looked at: %v", name, err))
		return nil
	}
	return service
}

// addresses are the names and addresses that a load balancer has.
func addresses(s *corev1.Service) []string {
	var out []string
	for _, i := range s.Status.LoadBalancer.Ingress {
		if i.Hostname != "" {
			out = append(out, i.Hostname)
		} else if i.IP != "" {
			out = append(out, i.IP)
		}
	}
	return out
}

// loadBalancer looks whether there is one, and whether pods that are ready are behind it. The health that the load balancer itself sees of its targets is not asked for.
func (r *run) loadBalancer(ctx context.Context, c *Check) {
	service := r.public(ctx, c)
	if service == nil {
		return
	}
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
		c.skip("Service %s is of type %s: users come by another way", service.Name, service.Spec.Type)
		return
	}
	c.Hint = "the Service's events say what the cloud's controller met"
	names := addresses(service)
	if len(names) == 0 {
		evidence := []Evidence{{"service", service.Name, "its status names no load balancer"}}
		for _, cond := range service.Status.Conditions {
			if cond.Status == metav1.ConditionFalse {
				evidence = append(evidence, Evidence{"service", service.Name, cond.Reason + ": " + oneLine(cond.Message)})
			}
		}
		if e := r.kube.lastEvent(ctx, "Service", service.Name); e != nil {
			evidence = append(evidence, Evidence{"event", service.Name, eventText(e)})
		}
		c.fail(fmt.Sprintf("Service %s has no load balancer", service.Name), evidence...)
		return
	}
	behind := r.behind(ctx, c, service)
	if behind < 0 {
		return
	}
	c.seen("%s, to %s", strings.Join(names, ", "), counted(behind, "pod that is ready", "pods that are ready"))
}

// behind counts the pods that are ready and that a Service leads to; -1 when it leads nowhere, which is then a problem.
func (r *run) behind(ctx context.Context, c *Check, service *corev1.Service) int {
	pods, err := r.kube.pods(ctx)
	if err != nil {
		c.fail("the pods could not be looked at: " + err.Error())
		return -1
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	var own []corev1.Pod
	n := 0
	for i := range pods {
		if selector.Matches(labels.Set(pods[i].Labels)) {
			own = append(own, pods[i])
			if ready(&pods[i]) {
				n++
			}
		}
	}
	if n == 0 {
		c.fail(fmt.Sprintf("Service %s leads to no pod that is ready", service.Name), r.kube.diagnose(ctx, own)...)
		return -1
	}
	return n
}

// dns looks whether the hub's name leads where the load balancer is.
func (r *run) dns(ctx context.Context, c *Check) {
	if r.hub.Domain == "" {
		c.skip("the hub has no domain")
		return
	}
	c.Hint = "`hubwright outputs ENV` has the record that leads there; a new one takes as long as resolvers keep the old"
	found, err := r.ways.Resolver.LookupHost(ctx, r.hub.Domain)
	if err != nil {
		c.fail(fmt.Sprintf("%s does not resolve: %s", r.hub.Domain, lookupText(err)))
		return
	}
	if r.kube.broken != nil {
		c.note("where the load balancer is could not be looked at: %v", r.kube.broken)
		c.seen("%s resolves to %s", r.hub.Domain, strings.Join(found, ", "))
		return
	}
	var probe Check
	service := r.public(ctx, &probe)
	if service == nil || len(addresses(service)) == 0 {
		c.note("it cannot be told whether that is the load balancer, which has no address")
		c.seen("%s resolves to %s", r.hub.Domain, strings.Join(found, ", "))
		return
	}
	var want []string
	for _, name := range addresses(service) {
		if net.ParseIP(name) != nil {
			want = append(want, name)
			continue
		}
		at, err := r.ways.Resolver.LookupHost(ctx, name)
		if err != nil {
			c.fail(fmt.Sprintf("the load balancer's own name %s does not resolve: %s", name, lookupText(err)))
			return
		}
		want = append(want, at...)
	}
	to := strings.Join(addresses(service), ", ")
	if slices.ContainsFunc(found, func(a string) bool { return slices.Contains(want, a) }) {
		c.seen("%s leads to %s", r.hub.Domain, to)
		return
	}
	evidence := []Evidence{{"answer", r.hub.Domain, strings.Join(found, ", ")}}
	if cname, err := r.ways.Resolver.LookupCNAME(ctx, r.hub.Domain); err == nil && strings.TrimSuffix(cname, ".") != r.hub.Domain {
		evidence = append(evidence, Evidence{"answer", r.hub.Domain, "is another name of " + strings.TrimSuffix(cname, ".")})
	}
	c.fail(fmt.Sprintf("%s does not lead to the load balancer %s", r.hub.Domain, to), append(evidence, Evidence{"answer", to, strings.Join(want, ", ")})...)
}

func lookupText(err error) string {
	var known *net.DNSError
	if errors.As(err, &known) && known.IsNotFound {
		return "there is no such name"
	}
	return err.Error()
}

// expiresSoon is how long before its end a certificate is told of.
const expiresSoon = 14 * 24 * time.Hour

// tls looks at the certificate that users are shown.
func (r *run) tls(ctx context.Context, c *Check) {
	u, err := url.Parse(r.hub.URL)
	if err != nil || u.Scheme != "https" {
		c.skip("the hub is not reached by https")
		return
	}
	c.Hint = "`hubwright secrets check ENV` looks at the certificate and key that are configured"
	state, err := r.handshake(ctx, u)
	if err != nil {
		c.fail(fmt.Sprintf("no TLS at %s: %v", u.Host, err))
		return
	}
	certs := state.PeerCertificates
	leaf, now := certs[0], r.ways.Today()
	if err := leaf.VerifyHostname(u.Hostname()); err != nil {
		names := append(slices.Clone(leaf.DNSNames), leaf.Subject.CommonName)
		c.fail(fmt.Sprintf("the certificate is not for %s but for %s", u.Hostname(), strings.Join(slices.Compact(names), ", ")))
	}
	switch {
	case now.After(leaf.NotAfter):
		c.fail("the certificate has expired on " + leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		c.fail("the certificate is valid from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " only")
	case leaf.NotAfter.Sub(now) < expiresSoon:
		c.note("the certificate expires on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	trusted := certchain.Trusted(certs, r.ways.Roots, now)
	fault := certchain.Fault(certs)
	switch {
	case fault != "":
		c.fail("the certificate " + fault)
		c.Hint = certchain.Completing(certs, "set it anew with `hubwright secrets set ENV tls.certificate`")
	case trusted:
	case certchain.SelfIssued(leaf):
		c.note("the certificate is signed by itself: browsers warn of it, unless they were told to trust it")
	default:
		c.note("the certificate's chain ends at %s, which this machine does not know", certchain.IssuerOf(certs[len(certs)-1]))
	}
	c.seen("%s, from %s, until %s", u.Hostname(), certchain.IssuerOf(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))
	if len(c.Problems) > 0 {
		c.Seen = c.Problems[0].What
	}
}

// handshake shakes hands as a browser does, and takes any certificate, for it to be looked at.
func (r *run) handshake(ctx context.Context, u *url.URL) (*tls.ConnectionState, error) {
	conn, err := r.ways.Dial(ctx, "tcp", hostPort(u))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	client := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: true}) //nolint:gosec // what it shows is what is looked at
	if err := client.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := client.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		return nil, errors.New("it shows no certificate")
	}
	return &state, nil
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "http" {
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return net.JoinHostPort(u.Hostname(), "443")
}
