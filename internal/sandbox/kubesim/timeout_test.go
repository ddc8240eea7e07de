package kubesim

import (
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/controllers"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// problems are what the pods in the hub's namespace say.
func (s *stage) problems() (out []string) {
	s.t.Helper()
	if err := s.w.View(func(tx *world.Tx) error { out = controllers.Problems(tx, "lab", "hub"); return nil }); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// TestReleaseTimesOut: each of these keeps the hub from getting ready, with the texts of the real provider.
func TestReleaseTimesOut(t *testing.T) {
	const (
		created = `Helm release "hub/hub" was created, but failed to initialize completely. Use Helm CLI to investigate: failed to become available within allocated timeout. Error: Helm Release hub/hub: `
		hook    = "failed pre-install: 1 error occurred:\n\t* timed out waiting for the condition"
	)
	noHook := m{"hook": m{"enabled": false}, "continuous": m{"enabled": false}}
	require := m{"corePods": m{"nodeAffinity": m{"matchNodePurpose": "require"}}}
	volume := func(v m) m { return m{"db": m{"type": "sqlite-memory"}, "extraVolumes": []any{v}} }
	ecr := "000000000000.dkr.ecr.us-east-1.amazonaws.com/user-image"
	tests := []struct {
		name    string
		prepare func(s *stage)
		values  m
		want    string
		problem string
	}{
		{"no core node", func(s *stage) {
			s.remove("k8s:v1/Node", "lab/core-1")
			put(s.t, s.w, node("user-1", m{"hub.jupyter.org/node-purpose": "user"}))
		}, m{"scheduling": require, "prePuller": noHook}, "context deadline exceeded", "didn't match Pod's node affinity/selector"},
		{"tainted nodes", func(s *stage) {
			s.remove("k8s:v1/Node", "lab/core-1")
			put(s.t, s.w, node("user-1", nil, m{"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NoSchedule"}))
		}, m{"prePuller": noHook}, "context deadline exceeded", "had untolerated taint {hub.jupyter.org/dedicated: user}"},
		{"no node at all", func(s *stage) { s.remove("k8s:v1/Node", "lab/core-1") }, m{"prePuller": noHook}, "context deadline exceeded", "no nodes available to schedule pods"},
		{"hook without node", func(s *stage) { s.remove("k8s:v1/Node", "lab/core-1") }, nil, hook, ""},
		{"missing ConfigMap", nil, m{"hub": volume(m{"name": "t", "configMap": m{"name": "templates"}}), "prePuller": noHook}, "context deadline exceeded", `configmap "templates" not found`},
		{"missing Secret", nil, m{"hub": volume(m{"name": "t", "secret": m{"secretName": "keys"}}), "prePuller": noHook}, "context deadline exceeded", `secret "keys" not found`},
		{"missing claim", nil, m{"hub": volume(m{"name": "t", "persistentVolumeClaim": m{"claimName": "homes"}}), "prePuller": noHook}, "context deadline exceeded", `persistentvolumeclaim "homes" not found`},
		{"missing key", nil, m{"hub": m{"db": m{"type": "sqlite-memory"}, "extraEnv": m{"A": m{"valueFrom": m{"secretKeyRef": m{"name": "hub", "key": "nope"}}}}}, "prePuller": noHook}, "context deadline exceeded", "couldn't find key nope in Secret hub/hub"},
		{"database without a class", nil, m{"hub": m{"db": m{"type": "sqlite-pvc"}}, "prePuller": noHook}, "context deadline exceeded", "no storage class is set"},
		{"database without a driver", func(s *stage) { s.remove("aws:eks/addon:Addon", "lab:aws-ebs-csi-driver") }, m{"hub": m{"db": m{"pvc": m{"storageClassName": "gp2"}}}, "prePuller": noHook}, "context deadline exceeded", "Waiting for a volume to be created"},
		{"image that was never pushed", func(s *stage) {
			put(s.t, s.w, &world.Object{Kind: "aws:ecr/repository:Repository", ID: "user-image", Props: m{"repositoryUrl": ecr}})
		}, m{"singleuser": m{"image": m{"name": ecr + "@sha256", "tag": strings.Repeat("0", 64)}}}, hook, "ImagePullBackOff"},
		{"no subnet for the load balancer", func(s *stage) {
			s.remove("aws:ec2/subnet:Subnet", "subnet-a")
			s.remove("aws:ec2/subnet:Subnet", "subnet-b")
		}, m{"prePuller": noHook}, "context deadline exceeded", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.namespace("hub")
			if tt.prepare != nil {
				tt.prepare(s)
			}
			var r *simtest.Resource
			var err error
			spent := took(s, func() { r, err = s.Create(releaseToken, "hub", hubRelease("hub", tt.values)) })
			wants(t, err, created+tt.want)
			if !simtest.InitFailed(err) || r == nil || r.ID != "hub/hub" || status(r)["status"] != "failed" {
				t.Fatalf("it should be recorded, failed, with its initialisation error: %+v", r)
			}
			if spent < 10*time.Minute || spent > 11*time.Minute {
				t.Errorf("gave up after %s, want the time-out of 10m", spent)
			}
			if tt.problem != "" && !strings.Contains(strings.Join(s.problems(), "\n"), tt.problem) {
				t.Errorf("no pod says %q:\n%s", tt.problem, strings.Join(s.problems(), "\n"))
			}
		})
	}
}
