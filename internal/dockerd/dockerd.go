// Package dockerd finds the Docker daemon that Pulumi's Docker provider builds images with.
package dockerd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long a daemon may take to answer.
const patience = 5 * time.Second

// Daemon is one that answers.
type Daemon struct {
	// Socket is the path of its socket.
	Socket string
	// API is the newest version of its API.
	API string
}

// usual are the sockets where the provider looks, in its order: the daemon's own, then Docker Desktop's. It does not look at DOCKER_HOST:
// https://github.com/pulumi/pulumi-docker/blob/master/provider/image.go
func usual() []string {
	out := []string{"/var/run/docker.sock"}
	if home, err := os.UserHomeDir(); err == nil {
		out = append(out, filepath.Join(home, ".docker/run/docker.sock"), filepath.Join(home, ".docker/desktop/docker.sock"))
	}
	return out
}

// Ping asks for a daemon at sockets, or without any where the provider looks; the first that answers counts.
func Ping(ctx context.Context, sockets ...string) (*Daemon, error) {
	if len(sockets) == 0 {
		sockets = usual()
	}
	var problems []string
	for _, socket := range sockets {
		d, err := ping(ctx, socket)
		if err == nil {
			return d, nil
		}
		problems = append(problems, err.Error())
	}
	return nil, errors.New(strings.Join(problems, ", "))
}

// ping asks one: https://docs.docker.com/reference/api/engine/version/v1.47/#tag/System/operation/SystemPing
func ping(ctx context.Context, socket string) (*Daemon, error) {
	var dialer net.Dialer
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no answer at %s", socket)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", socket, res.Status)
	}
	return &Daemon{Socket: socket, API: res.Header.Get("Api-Version")}, nil
}
