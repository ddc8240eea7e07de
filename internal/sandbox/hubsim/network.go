// Package hubsim answers as a deployed hub would, to whoever asks it: names resolve as the simulated Route 53 has them, load balancers take connections, and
// behind them a proxy and a hub answer from what is deployed in the simulated cluster. Nobody can log in, and no server starts.
package hubsim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/controllers"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Network is the network as far as the world is in it.
type Network struct{ World *world.World }

const recordKind = "aws:route53/record:Record"

// most is how many names may follow each other.
const most = 8

// LookupHost finds the addresses of a name, as net.Resolver does.
func (n Network) LookupHost(_ context.Context, host string) (out []string, err error) {
	err = n.World.View(func(tx *world.Tx) error {
		name := canonical(tx, host)
		if elb := balancer(tx, name); elb != nil {
			out = addressesOf(elb)
			return nil
		}
		for _, r := range records(tx, name) {
			if kind := r.String("type"); kind == "A" || kind == "AAAA" {
				out = append(out, texts(r.Props["records"])...)
			}
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, err
}

// LookupCNAME finds the name that a name is another of, as net.Resolver does.
func (n Network) LookupCNAME(_ context.Context, host string) (out string, err error) {
	err = n.World.View(func(tx *world.Tx) error {
		out = canonical(tx, host) + "."
		return nil
	})
	return out, err
}

// canonical follows CNAMEs and aliases.
func canonical(tx *world.Tx, host string) string {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	for range most {
		next := ""
		for _, r := range records(tx, name) {
			if aliases, _ := r.Props["aliases"].([]any); len(aliases) > 0 {
				alias, _ := aliases[0].(map[string]any)
				next, _ = alias["name"].(string)
			} else if values := texts(r.Props["records"]); r.String("type") == "CNAME" && len(values) > 0 {
				next = values[0]
			}
		}
		if next == "" {
			return name
		}
		name = strings.ToLower(strings.TrimSuffix(next, "."))
	}
	return name
}

func records(tx *world.Tx, name string) []*world.Object {
	var out []*world.Object
	for _, r := range tx.List(recordKind) {
		if strings.EqualFold(r.String("fqdn"), name) {
			out = append(out, r)
		}
	}
	return out
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// balancer is the load balancer of a name that is up; nil when there is none.
func balancer(tx *world.Tx, name string) *world.Object {
	return tx.Find(kubeapi.BalancerKind, func(o *world.Object) bool {
		return strings.EqualFold(o.String("dnsName"), name) && !o.Ready.After(tx.Now())
	})
}

// addressesOf are a load balancer's addresses, made up in the range that is set aside for tests: https://www.rfc-editor.org/rfc/rfc2544#appendix-C.2.2
func addressesOf(elb *world.Object) []string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(elb.ID))
	low := h.Sum32() % (1 << 16)
	var out []string
	for _, second := range []byte{18, 19} {
		out = append(out, netip.AddrFrom4([4]byte{198, second, byte(low >> 8), byte(low)}).String())
	}
	return out
}

// Dial connects to an address in the world, as net.Dialer does.
func (n Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	ips := []string{host}
	if _, err := netip.ParseAddr(host); err != nil {
		if ips, err = n.LookupHost(ctx, host); err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	}
	var end *endpoint
	err = n.World.Update(func(tx *world.Tx) error {
		end, err = n.endpoint(ctx, tx, ips, port)
		return err
	})
	if err != nil {
		return nil, err
	}
	if end == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	go end.serve(far)
	return near, nil
}

// endpoint is what answers at a port of a load balancer.
type endpoint struct {
	handler http.Handler // nil when nobody is behind
	tls     *tls.Config  // nil for plain HTTP
}

// endpoint finds who answers at addresses; nil when nobody listens.
func (n Network) endpoint(ctx context.Context, tx *world.Tx, ips []string, port int) (*endpoint, error) {
	elb := tx.Find(kubeapi.BalancerKind, func(o *world.Object) bool {
		return !o.Ready.After(tx.Now()) && slices.ContainsFunc(addressesOf(o), func(a string) bool { return slices.Contains(ips, a) })
	})
	if elb == nil {
		return nil, nil
	}
	cluster, rest, _ := strings.Cut(elb.String("service"), "/")
	namespace, name, _ := strings.Cut(rest, "/")
	if _, err := controllers.Settle(n.World, tx, cluster, namespace); err != nil {
		return nil, err
	}
	api := kubeapi.In(n.World, tx, cluster)
	service, err := api.Get(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: name})
	if err != nil {
		return nil, nil //nolint:nilerr // a load balancer whose Service is gone has no listeners
	}
	i := slices.IndexFunc(kubeapi.Items(service, "spec", "ports"), func(p map[string]any) bool { return kubeapi.Number(p, 0, "port") == port })
	if i < 0 {
		return nil, nil
	}
	target := kubeapi.Items(service, "spec", "ports")[i]
	proxies := kubeapi.Map(service, "spec", "selector")
	pods, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace}, stringsOf(proxies))
	if err != nil {
		return nil, err
	}
	end := &endpoint{}
	proxy := firstReady(pods)
	if proxy == nil {
		return end, nil
	}
	if end.handler, err = hubOf(ctx, api, namespace); err != nil {
		return nil, err
	}
	if kubeapi.Text(target, "name") == "https" {
		end.tls, err = certificateOf(ctx, tx, api, service, proxy)
	}
	return end, err
}

func stringsOf(m map[string]any) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = fmt.Sprint(v)
	}
	return out
}

func firstReady(pods []kubeapi.Object) kubeapi.Object {
	for _, p := range pods {
		for _, c := range kubeapi.Items(p, "status", "conditions") {
			if c["type"] == "Ready" && c["status"] == "True" {
				return p
			}
		}
	}
	return nil
}

// serve answers on a connection until it ends.
func (e *endpoint) serve(conn net.Conn) {
	if e.handler == nil {
		_ = conn.Close() // as a load balancer without targets does
		return
	}
	if e.tls != nil {
		conn = tls.Server(conn, e.tls)
	}
	l := &single{conn: conn, done: make(chan struct{})}
	server := &http.Server{Handler: e.handler, ReadHeaderTimeout: 10 * time.Second, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed || s == http.StateHijacked {
			l.end()
		}
	}}
	server.ErrorLog = quiet
	_ = server.Serve(l) // ends with its connection
}

// single is a listener of one connection.
type single struct {
	conn net.Conn
	done chan struct{}
	once sync.Once
}

// Accept implements net.Listener.
func (l *single) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, errors.Join(net.ErrClosed, io.EOF)
}

func (l *single) end() { l.once.Do(func() { close(l.done) }) }

// Close implements net.Listener.
func (l *single) Close() error { l.end(); return nil }

// Addr implements net.Listener.
func (l *single) Addr() net.Addr { return &net.TCPAddr{} }
