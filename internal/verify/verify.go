// Package verify looks whether a hub that was deployed is up: in its cluster, at its load balancer, on the way that its users come, and in the hub itself. It
// changes nothing. What is wrong is told with what shows it, in the order in which a person would look: the pod, the
// event, the line of the log.
package verify

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"time"

	"k8s.io/client-go/rest"
)

// The checks, in the order in which they are made.
const (
	// Release is that Helm has deployed the hub's release.
	Release = "release"
	// Pods is that what the release brings runs, and keeps running.
	Pods = "pods"
	// Images is that what runs, and what servers are started of, are the images that were asked for.
	Images = "images"
	// Claims is that the hub's claims are bound to volumes.
	Claims = "claims"
	// Nodes is that there are nodes for each purpose.
	Nodes = "nodes"
	// LoadBalancer is that the load balancer is there, and that pods that are ready are behind it.
	LoadBalancer = "load-balancer"
	// DNS is that the hub's name leads to the load balancer.
	DNS = "dns"
	// TLS is that the certificate is the name's, valid and with its chain.
	TLS = "tls"
	// Health is that the hub says it is well.
	Health = "health"
	// Version is that the hub is of the version that the chart is made for.
	Version = "version"
	// Login is that the login page offers the authenticator that is configured.
	Login = "login"
)

// Names are all checks in their order.
var Names = []string{Release, Pods, Images, Claims, Nodes, LoadBalancer, DNS, TLS, Health, Version, Login}

// InCluster are the checks that look at the cluster alone, and at no name.
var InCluster = []string{Release, Pods, Images, Claims, Nodes, LoadBalancer}

// Hub is what is known of a hub that was deployed.
type Hub struct {
	// Name is its name in the configuration.
	Name string
	// Namespace and Release say where it is in the cluster.
	Namespace, Release string
	// ValuesKey is the key below which the JupyterHub chart's values are, of a chart around it.
	ValuesKey string
	// Domain is the name that users type; URL is where they go, with a slash at its end.
	Domain, URL string
	// Image is the image of single-user servers by its digest; "" where the values decide.
	Image string
	// NodeGroups are the node groups that the deployment makes; none where it does not make the cluster.
	NodeGroups []NodeGroup
	// Absent says why there is nothing to look at; "" when there is.
	Absent string
}

// NodeGroup is a group of nodes.
type NodeGroup struct {
	Name string
	// Purpose is the value of the nodes' label hub.jupyter.org/node-purpose; "" for none.
	Purpose string
	// Min is how many there are at least.
	Min int
}

// Resolver answers questions of DNS, as net.Resolver does.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
}

// Ways are the ways to what is looked at. The zero value leads nowhere in the cluster and to the real network.
type Ways struct {
	// Cluster leads to the cluster's API; nil when there is no way, and NoCluster says why.
	Cluster   *rest.Config
	NoCluster error
	// Resolver and Dial are the network's. Default: the machine's.
	Resolver Resolver
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are the authorities that certificates may come from. Default: those that the machine knows.
	Roots *x509.CertPool
	// Now is the cluster's time, and Sleep lets some pass. Default: the machine's.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Today is the time that certificates are held to. Default: the machine's.
	Today func() time.Time
}

// Options say what is looked at.
type Options struct {
	// Checks are the names of those that are made; all without any.
	Checks []string
	// Wait is for how long checks that fail are made again until they hold.
	Wait time.Duration
}

// Report is what was seen of a hub.
type Report struct {
	// Hub is its name in the configuration.
	Hub string `json:"hub"`
	// URL is where its users go.
	URL string `json:"url,omitempty"`
	// Healthy says that no check has failed.
	Healthy bool `json:"healthy"`
	// Checks are those that were made, in their order.
	Checks []Check `json:"checks"`
}

// What a check may come to.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

// Check is what one check came to.
type Check struct {
	// Name is the check's.
	Name string `json:"name"`
	// Result is passed, failed or skipped.
	Result string `json:"result"`
	// Seen is what was found, or why nothing was looked at.
	Seen string `json:"seen"`
	// Notes are worth knowing and no reason to fail.
	Notes []string `json:"notes,omitempty"`
	// Problems are what is wrong.
	Problems []Problem `json:"problems,omitempty"`
	// Hint is what helps; of failed ones only.
	Hint string `json:"hint,omitempty"`
}

// Problem is something that is wrong, and what shows it.
type Problem struct {
	// What is wrong, as a sentence.
	What string `json:"what"`
	// Evidence is what shows it, in the order in which a person would look.
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Evidence is something that was seen and shows what is wrong.
type Evidence struct {
	// Kind is pod, claim, node, service, event, log or answer.
	Kind string `json:"kind"`
	// Of is whose it is.
	Of string `json:"of"`
	// Text is what it says.
	Text string `json:"text"`
}

// fail notes that something is wrong.
func (c *Check) fail(what string, evidence ...Evidence) {
	c.Problems = append(c.Problems, Problem{what, evidence})
}

// note notes what is worth knowing.
func (c *Check) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// skip says why a check is not made.
func (c *Check) skip(format string, args ...any) {
	c.Result, c.Seen = Skipped, fmt.Sprintf(format, args...)
}

// seen says what was found.
func (c *Check) seen(format string, args ...any) { c.Seen = fmt.Sprintf(format, args...) }

// run is the making of a hub's checks.
type run struct {
	hub  Hub
	ways Ways
	opts Options
	kube *kube // what was read of the cluster this time
}

// check makes each check, by its name.
var checks = map[string]func(*run, context.Context, *Check){
	Release: (*run).release, Pods: (*run).pods, Images: (*run).images, Claims: (*run).claims, Nodes: (*run).nodes, LoadBalancer: (*run).loadBalancer,
	DNS: (*run).dns, TLS: (*run).tls, Health: (*run).health, Version: (*run).version, Login: (*run).login,
}

// pause is how long it is waited between two looks.
const pause = 10 * time.Second

// Of makes the checks of a hub. What cannot be looked at has failed, and says why; an error is only that the context has ended.
func Of(ctx context.Context, hub Hub, ways Ways, opts Options) (*Report, error) {
	ways.defaults()
	r := &run{hub: hub, ways: ways, opts: opts}
	rep := &Report{Hub: hub.Name, URL: hub.URL, Checks: []Check{}}
	for _, name := range Names {
		if len(opts.Checks) == 0 || slices.Contains(opts.Checks, name) {
			rep.Checks = append(rep.Checks, Check{Name: name})
		}
	}
	deadline := ways.Now().Add(opts.Wait)
	for first := true; ; first = false {
		r.kube = newKube(ways, hub)
		failed := false
		for i := range rep.Checks {
			if !first && rep.Checks[i].Result != Failed {
				continue
			}
			rep.Checks[i] = r.make(ctx, rep.Checks[i].Name)
			failed = failed || rep.Checks[i].Result == Failed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		left := deadline.Sub(ways.Now())
		if !failed || left <= 0 || hub.Absent != "" {
			rep.Healthy = !failed
			return rep, nil
		}
		if err := ways.Sleep(ctx, min(pause, left)); err != nil {
			return nil, err
		}
	}
}

// patience is how long one check may take.
const patience = 30 * time.Second

func (r *run) make(ctx context.Context, name string) Check {
	c := Check{Name: name, Result: Passed}
	if r.hub.Absent != "" {
		if name != Release {
			c.skip("there is no hub")
			return c
		}
		c.fail(r.hub.Absent)
	} else {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		checks[name](r, ctx, &c)
	}
	if len(c.Problems) > 0 {
		c.Result = Failed
		c.Seen = cmp.Or(c.Seen, c.Problems[0].What)
	}
	if c.Result != Failed {
		c.Hint = ""
	}
	return c
}

// Resolves says whether a name leads anywhere. No name does not.
func (w Ways) Resolves(ctx context.Context, host string) bool {
	if host == "" {
		return false
	}
	w.defaults()
	found, err := w.Resolver.LookupHost(ctx, host)
	return err == nil && len(found) > 0
}

func (w *Ways) defaults() {
	if w.Resolver == nil {
		w.Resolver = net.DefaultResolver
	}
	if w.Dial == nil {
		w.Dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if w.Today == nil {
		w.Today = time.Now
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Sleep == nil {
		w.Sleep = func(ctx context.Context, d time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
				return nil
			}
		}
	}
}
