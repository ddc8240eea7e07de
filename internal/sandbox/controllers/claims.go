package controllers

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// claims binds what can be bound without a pod.
func (s *settling) claims() error {
	for _, c := range s.list("v1", "PersistentVolumeClaim") {
		if err := s.claim(c, false); err != nil {
			return err
		}
	}
	return nil
}

// claimsOf binds the claims that waited for this pod.
func (s *settling) claimsOf(p *world.Object) error {
	for _, v := range kubeapi.Items(p.Props, "spec", "volumes") {
		if n := kubeapi.Text(v, "persistentVolumeClaim", "claimName"); n != "" {
			if c := s.get("v1", "PersistentVolumeClaim", n); c != nil {
				if err := s.claim(c, true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// claim binds one claim to a volume, or notes in its status what it waits for.
func (s *settling) claim(c *world.Object, consumed bool) error {
	if kubeapi.Text(c.Props, "status", "phase") == "Bound" {
		if s.global("v1", "PersistentVolume", kubeapi.Text(c.Props, "spec", "volumeName")) == nil {
			_, err := s.save(c, c.Ready, func(obj kubeapi.Object) { obj["status"] = map[string]any{"phase": "Lost"} })
			return err
		}
		return nil
	}
	volume, problem := s.volumeFor(c)
	if volume == nil && problem == "" {
		volume, problem = s.provision(c, consumed)
	}
	if problem == "" {
		problem = s.fileSystemProblem(volume)
	}
	if problem != "" {
		if !strings.HasPrefix(problem, "waiting for first consumer") {
			if err := s.event(c, "ProvisioningFailed", problem, "persistentvolume-controller"); err != nil {
				return err
			}
		}
		_, err := s.save(c, c.Ready, func(obj kubeapi.Object) { obj["status"] = map[string]any{"phase": "Pending", "message": problem} })
		return err
	}
	if _, err := s.save(volume, volume.Ready, func(obj kubeapi.Object) {
		kubeapi.Set(obj, "Bound", "status", "phase")
		kubeapi.Set(obj, claimRef(c), "spec", "claimRef")
	}); err != nil {
		return err
	}
	_, err := s.save(c, s.now, func(obj kubeapi.Object) {
		kubeapi.Set(obj, name(volume), "spec", "volumeName")
		obj["status"] = map[string]any{"phase": "Bound", "accessModes": kubeapi.At(obj, "spec", "accessModes"), "capacity": kubeapi.At(volume.Props, "spec", "capacity")}
	})
	return err
}

func claimRef(c *world.Object) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": kubeapi.Text(c.Props, "metadata", "namespace"), "name": name(c), "uid": kubeapi.Text(c.Props, "metadata", "uid")}
}

// volumeFor finds the volume that a claim asks for by name, is asked for by, or fits; a problem when the one that is named does not do.
func (s *settling) volumeFor(c *world.Object) (volume *world.Object, problem string) {
	if n := kubeapi.Text(c.Props, "spec", "volumeName"); n != "" {
		v := s.global("v1", "PersistentVolume", n)
		if v == nil {
			return nil, fmt.Sprintf("waiting for persistentvolume %q, which does not exist", n)
		}
		return v, s.mismatch(c, v)
	}
	for _, v := range s.tx.List(kubeapi.WorldKind("v1", "PersistentVolume")) {
		if strings.HasPrefix(v.ID, s.cluster+"/") && s.mismatch(c, v) == "" {
			return v, ""
		}
	}
	return nil, ""
}

// mismatch says why a volume is not for a claim (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding).
func (s *settling) mismatch(c, v *world.Object) string {
	if ref := kubeapi.Map(v.Props, "spec", "claimRef"); ref != nil {
		if ref["namespace"] != s.namespace || ref["name"] != name(c) || kubeapi.Text(ref, "uid") != "" && ref["uid"] != kubeapi.Text(c.Props, "metadata", "uid") {
			return fmt.Sprintf("volume %q already bound to a different claim.", name(v))
		}
	}
	class := kubeapi.Text(c.Props, "spec", "storageClassName")
	if kubeapi.At(c.Props, "spec", "storageClassName") == nil {
		if def := s.defaultClass(); def != nil {
			class = name(def)
		}
	}
	if vc := kubeapi.Text(v.Props, "spec", "storageClassName"); vc != class {
		return fmt.Sprintf("volume %q has storage class %q, the claim asks for %q", name(v), vc, class)
	}
	offered, _ := kubeapi.At(v.Props, "spec", "accessModes").([]any)
	asked, _ := kubeapi.At(c.Props, "spec", "accessModes").([]any)
	for _, m := range asked {
		if !slices.Contains(offered, m) {
			return fmt.Sprintf("volume %q has incompatible accessMode", name(v))
		}
	}
	have, errHave := resource.ParseQuantity(fmt.Sprint(kubeapi.At(v.Props, "spec", "capacity", "storage")))
	want, errWant := resource.ParseQuantity(fmt.Sprint(kubeapi.At(c.Props, "spec", "resources", "requests", "storage")))
	if errHave == nil && errWant == nil && have.Cmp(want) < 0 {
		return fmt.Sprintf("requested PV %q is too small", name(v))
	}
	return ""
}

func (s *settling) defaultClass() *world.Object {
	return s.tx.Find(kubeapi.WorldKind("storage.k8s.io/v1", "StorageClass"), func(o *world.Object) bool {
		return strings.HasPrefix(o.ID, s.cluster+"/") && kubeapi.Text(o.Props, "metadata", "annotations", "storageclass.kubernetes.io/is-default-class") == "true"
	})
}

// classOf returns the storage class that a claim is to be provisioned by, or nil.
func (s *settling) classOf(c *world.Object) *world.Object {
	class, named := kubeapi.At(c.Props, "spec", "storageClassName").(string)
	if !named {
		return s.defaultClass()
	}
	return s.global("storage.k8s.io/v1", "StorageClass", class)
}

func (s *settling) waitsForConsumer(c *world.Object) bool {
	class := s.classOf(c)
	return class != nil && kubeapi.Text(class.Props, "volumeBindingMode") == "WaitForFirstConsumer" && s.provisionProblem(class) == "" &&
		kubeapi.Text(c.Props, "spec", "volumeName") == ""
}

// drivers are the EKS add-ons that provision volumes, by the provisioner that storage classes name; the in-tree name of EBS has been
// migrated to its CSI driver (https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html).
var drivers = map[string]string{
	"ebs.csi.aws.com": "aws-ebs-csi-driver", "kubernetes.io/aws-ebs": "aws-ebs-csi-driver", "efs.csi.aws.com": "aws-efs-csi-driver",
}

// provisionProblem says why a class cannot make volumes.
func (s *settling) provisionProblem(class *world.Object) string {
	provisioner := kubeapi.Text(class.Props, "provisioner")
	addon, known := drivers[provisioner]
	installed := s.tx.Find("aws:eks/addon:Addon", func(o *world.Object) bool {
		return o.String("clusterName") == s.cluster && o.String("addonName") == addon
	})
	if known && installed == nil || !known {
		return fmt.Sprintf("Waiting for a volume to be created either by the external provisioner '%s' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.", provisioner)
	}
	return ""
}

// provision makes a volume for a claim through its storage class.
func (s *settling) provision(c *world.Object, consumed bool) (*world.Object, string) {
	class := s.classOf(c)
	if class == nil {
		if n := kubeapi.Text(c.Props, "spec", "storageClassName"); n != "" {
			return nil, fmt.Sprintf("storageclass.storage.k8s.io %q not found", n)
		}
		return nil, "no persistent volumes available for this claim and no storage class is set"
	}
	if p := s.provisionProblem(class); p != "" {
		return nil, p
	}
	if !consumed && kubeapi.Text(class.Props, "volumeBindingMode") == "WaitForFirstConsumer" {
		return nil, "waiting for first consumer to be created before binding"
	}
	csi := map[string]any{"driver": "ebs.csi.aws.com", "volumeHandle": "vol-" + world.Hex(17)}
	if kubeapi.Text(class.Props, "provisioner") == "efs.csi.aws.com" {
		csi = map[string]any{"driver": "efs.csi.aws.com", "volumeHandle": kubeapi.Text(class.Props, "parameters", "fileSystemId") + "::fsap-" + world.Hex(17)}
	}
	id := "pvc-" + kubeapi.Text(c.Props, "metadata", "uid")
	v := &world.Object{
		Kind: kubeapi.WorldKind("v1", "PersistentVolume"), ID: s.cluster + "/" + id, Created: s.now, Ready: s.now,
		Props: kubeapi.Object{
			"apiVersion": "v1", "kind": "PersistentVolume",
			"metadata": map[string]any{"name": id, "uid": id, "resourceVersion": "1"},
			"spec": map[string]any{
				"accessModes": kubeapi.At(c.Props, "spec", "accessModes"), "capacity": map[string]any{"storage": kubeapi.At(c.Props, "spec", "resources", "requests", "storage")},
				"csi": csi, "persistentVolumeReclaimPolicy": kubeapi.Text(class.Props, "reclaimPolicy"), "storageClassName": name(class),
			},
		},
	}
	return v, ""
}

// fileSystemProblem says why an EFS volume cannot be mounted: its file system is gone, or has no mount target.
func (s *settling) fileSystemProblem(volume *world.Object) string {
	if volume == nil {
		return "its volume does not exist"
	}
	if kubeapi.Text(volume.Props, "spec", "csi", "driver") != "efs.csi.aws.com" {
		return ""
	}
	id, _, _ := strings.Cut(kubeapi.Text(volume.Props, "spec", "csi", "volumeHandle"), ":")
	if s.tx.Get("aws:efs/fileSystem:FileSystem", id) == nil {
		return fmt.Sprintf("Failed to resolve %q: no such file system", id)
	}
	if s.tx.Find("aws:efs/mountTarget:MountTarget", func(o *world.Object) bool { return o.String("fileSystemId") == id }) == nil {
		return fmt.Sprintf("no mount target of file system %q: mount.nfs4: Connection timed out", id)
	}
	return ""
}
