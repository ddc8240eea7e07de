package kubesim

import (
	"context"
	"fmt"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// The provider's own limits (provider/pkg/await/awaiters.go and service.go of pulumi-kubernetes).
const (
	claimTimeout   = 5 * time.Minute
	serviceTimeout = 10 * time.Minute
)

// await waits until an object is of use and returns it as it is then; nil when there is nothing to wait for.
func (k *kube) await(ctx context.Context, o objectKind, api kubeapi.World, obj kubeapi.Object, created bool) (kubeapi.Object, error) {
	if kubeapi.Text(obj, "metadata", "annotations", "pulumi.com/skipAwait") == "true" {
		return nil, nil
	}
	var ready func(kubeapi.Object) bool
	timeout := claimTimeout
	problem := fmt.Errorf("timeout occurred polling for '%s'", kubeapi.Text(obj, "metadata", "name"))
	switch o.kind {
	case "PersistentVolumeClaim":
		late := created && k.waitsForConsumer(ctx, api, obj)
		ready = func(live kubeapi.Object) bool { return late || kubeapi.Text(live, "status", "phase") == "Bound" }
	case "Service":
		if kubeapi.Text(obj, "spec", "type") != "LoadBalancer" {
			return nil, nil
		}
		timeout = serviceTimeout
		problem = fmt.Errorf("service %s was not allocated an IP address; does your cloud provider support this?", kubeapi.Text(obj, "metadata", "name"))
		ready = func(live kubeapi.Object) bool {
			return len(kubeapi.Items(live, "status", "loadBalancer", "ingress")) > 0
		}
	default:
		return nil, nil
	}
	ref := kubeapi.RefOf(obj)
	var live kubeapi.Object
	ok, err := k.waiter(api).Until(ctx, ref.Namespace, timeout, func() (bool, error) {
		var err error
		if live, err = api.Get(ctx, ref); err != nil {
			return false, err
		}
		return ready(live), nil
	})
	if err == nil && !ok {
		err = problem
		if m := kubeapi.Text(live, "status", "message"); m != "" {
			err = fmt.Errorf("%w: %s", problem, m)
		}
	}
	return live, err
}

func (k *kube) waitsForConsumer(ctx context.Context, api kubeapi.World, claim kubeapi.Object) bool {
	if kubeapi.Text(claim, "spec", "volumeName") != "" {
		return false
	}
	class, err := api.Get(ctx, kubeapi.Ref{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass", Name: kubeapi.Text(claim, "spec", "storageClassName")})
	return err == nil && kubeapi.Text(class, "volumeBindingMode") == "WaitForFirstConsumer"
}
