package kubesim

import (
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func TestClaims(t *testing.T) {
	homes := func(handle string) []*world.Object {
		return []*world.Object{
			{Kind: "aws:efs/fileSystem:FileSystem", ID: handle, Props: m{}},
			{Kind: "aws:efs/mountTarget:MountTarget", ID: "fsmt-1", Props: m{"fileSystemId": handle}},
		}
	}
	volume := m{"metadata": m{"name": "homes"}, "spec": m{
		"accessModes": []any{"ReadWriteMany"}, "capacity": m{"storage": "1Ti"}, "storageClassName": "aws-efs", "persistentVolumeReclaimPolicy": "Retain",
		"csi": m{"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"},
	}}
	claim := func(spec m) m {
		full := m{"accessModes": []any{"ReadWriteMany"}, "resources": m{"requests": m{"storage": "1Ti"}}}
		for k, v := range spec {
			full[k] = v
		}
		return m{"metadata": m{"name": "homes", "namespace": "hub"}, "spec": full}
	}
	tests := []struct {
		name  string
		world []*world.Object
		pv    bool
		spec  m
		want  string // "" for bound
	}{
		{"by name", homes("fs-1"), true, m{"storageClassName": "aws-efs", "volumeName": "homes"}, ""},
		{"by class", homes("fs-1"), true, m{"storageClassName": "aws-efs"}, ""},
		{"no mount target", homes("fs-1")[:1], true, m{"storageClassName": "aws-efs", "volumeName": "homes"}, "no mount target of file system"},
		{"no file system", nil, true, m{"storageClassName": "aws-efs", "volumeName": "homes"}, "no such file system"},
		{"no volume", nil, false, m{"storageClassName": "aws-efs", "volumeName": "homes"}, "does not exist"},
		{"no class", nil, false, m{"storageClassName": "aws-efs"}, `storageclass.storage.k8s.io "aws-efs" not found`},
		{"no default class", nil, false, nil, "no storage class is set"},
		{"other class", homes("fs-1"), true, m{"storageClassName": "gp3", "volumeName": "homes"}, "storage class"},
		{"too small", homes("fs-1"), true, m{"storageClassName": "aws-efs", "volumeName": "homes", "resources": m{"requests": m{"storage": "2Ti"}}}, "too small"},
		{"waits for its first consumer", nil, false, m{"storageClassName": "gp2"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.namespace("hub")
			put(t, s.w, tt.world...)
			if tt.pv {
				s.Must("kubernetes:core/v1:PersistentVolume", "homes", volume)
			}
			r, err := s.Create("kubernetes:core/v1:PersistentVolumeClaim", "homes", claim(tt.spec))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wants(t, err, "was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live", tt.want)
			if !simtest.InitFailed(err) || r == nil || r.ID != "hub/homes" {
				t.Errorf("the claim exists, and should be recorded with its initialisation error (%+v)", r)
			}
		})
	}
}

func TestBoundVolumeIsProtected(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	put(t, s.w, &world.Object{Kind: "aws:efs/fileSystem:FileSystem", ID: "fs-1"}, &world.Object{Kind: "aws:efs/mountTarget:MountTarget", ID: "t", Props: m{"fileSystemId": "fs-1"}})
	pv := s.Must("kubernetes:core/v1:PersistentVolume", "homes", m{"metadata": m{"name": "homes"}, "spec": m{
		"accessModes": []any{"ReadWriteMany"}, "capacity": m{"storage": "1Ti"}, "storageClassName": "", "csi": m{"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"},
	}})
	pvc := s.Must("kubernetes:core/v1:PersistentVolumeClaim", "homes", m{"metadata": m{"name": "homes", "namespace": "hub"}, "spec": m{
		"accessModes": []any{"ReadWriteMany"}, "resources": m{"requests": m{"storage": "1Ti"}}, "storageClassName": "", "volumeName": "homes",
	}})
	wants(t, pv.Delete(), "kubernetes.io/pv-protection")
	if err := pvc.Delete(); err != nil {
		t.Fatal(err)
	}
	if err := pv.Delete(); err != nil {
		t.Fatal(err)
	}
}
