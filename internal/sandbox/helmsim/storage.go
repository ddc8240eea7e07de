package helmsim

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	applyv1 "k8s.io/client-go/applyconfigurations/core/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// store is Helm's own storage of releases, in Secrets of the release's namespace ("sh.helm.release.v1.NAME.vN").
func (c *Client) store(ctx context.Context, namespace string, maxHistory int) *storage.Storage {
	s := storage.Init(driver.NewSecrets(Secrets(ctx, c.API).Secrets(namespace)))
	s.MaxHistory = maxHistory
	return s
}

// History returns the revisions of a release, oldest first; none is an error that wraps driver.ErrReleaseNotFound.
func (c *Client) History(ctx context.Context, namespace, name string) ([]*release.Release, error) {
	found, err := c.store(ctx, namespace, 0).History(name)
	if err != nil {
		return nil, err
	}
	out := make([]*release.Release, 0, len(found))
	for _, f := range found {
		rel, ok := f.(*release.Release)
		if !ok {
			return nil, fmt.Errorf("release %s: stored in a form that is not known here (%T)", name, f)
		}
		out = append(out, rel)
	}
	releaseutil.SortByRevision(out)
	return out, nil
}

// Last returns the newest revision of a release, or nil when there is none.
func (c *Client) Last(ctx context.Context, namespace, name string) (*release.Release, error) {
	history, err := c.History(ctx, namespace, name)
	if errors.Is(err, driver.ErrReleaseNotFound) || err == nil && len(history) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return history[len(history)-1], nil
}

// Secrets gives access to the Secrets of a cluster, as far as Helm's storage needs it.
func Secrets(ctx context.Context, api kubeapi.API) typedv1.SecretsGetter {
	return getter{secrets{ctx: ctx, api: api}}
}

type getter struct{ of secrets }

func (g getter) Secrets(namespace string) typedv1.SecretInterface {
	g.of.namespace = namespace
	return g.of
}

// secrets is the typed client that Helm's storage driver asks for, over the API. It has what the driver uses.
type secrets struct {
	ctx       context.Context //nolint:containedctx // the driver calls with a background context
	api       kubeapi.API
	namespace string
}

var _ typedv1.SecretInterface = secrets{}

func (s secrets) ref(name string) kubeapi.Ref {
	return kubeapi.Ref{APIVersion: "v1", Kind: "Secret", Namespace: s.namespace, Name: name}
}

func (s secrets) object(secret *corev1.Secret) kubeapi.Object {
	data, marks := map[string]any{}, map[string]any{}
	for k, v := range secret.Data {
		data[k] = base64.StdEncoding.EncodeToString(v)
	}
	for k, v := range secret.Labels {
		marks[k] = v
	}
	return kubeapi.Object{
		"apiVersion": "v1", "kind": "Secret", "type": string(secret.Type), "data": data,
		"metadata": map[string]any{"name": secret.Name, "namespace": s.namespace, "labels": marks},
	}
}

func typed(obj kubeapi.Object) (*corev1.Secret, error) {
	out := &corev1.Secret{Data: map[string][]byte{}, Type: corev1.SecretType(kubeapi.Text(obj, "type"))}
	out.Name, out.Namespace, out.Labels = kubeapi.Text(obj, "metadata", "name"), kubeapi.Text(obj, "metadata", "namespace"), map[string]string{}
	for k, v := range kubeapi.Map(obj, "metadata", "labels") {
		out.Labels[k], _ = v.(string)
	}
	for k, v := range kubeapi.Map(obj, "data") {
		text, _ := v.(string)
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %s: %w", out.Name, k, err)
		}
		out.Data[k] = data
	}
	return out, nil
}

func (s secrets) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	obj, err := s.api.Get(s.ctx, s.ref(name))
	if err != nil {
		return nil, err
	}
	return typed(obj)
}

func (s secrets) List(_ context.Context, opts metav1.ListOptions) (*corev1.SecretList, error) {
	wanted, err := labels.ConvertSelectorToLabelsMap(opts.LabelSelector)
	if err != nil {
		return nil, err
	}
	found, err := s.api.List(s.ctx, s.ref(""), wanted)
	if err != nil {
		return nil, err
	}
	out := &corev1.SecretList{}
	for _, obj := range found {
		secret, err := typed(obj)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, *secret)
	}
	return out, nil
}

func (s secrets) Create(_ context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	_, err := s.api.Create(s.ctx, s.object(secret))
	return secret, err
}

func (s secrets) Update(_ context.Context, secret *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	_, err := s.api.Update(s.ctx, s.object(secret))
	return secret, err
}

func (s secrets) Delete(_ context.Context, name string, _ metav1.DeleteOptions) error {
	return s.api.Delete(s.ctx, s.ref(name))
}

var errUnused = errors.New("helm's storage does not do that with secrets")

func (s secrets) DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error {
	return errUnused
}

func (s secrets) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	return nil, errUnused
}

func (s secrets) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*corev1.Secret, error) {
	return nil, errUnused
}

func (s secrets) Apply(context.Context, *applyv1.SecretApplyConfiguration, metav1.ApplyOptions) (*corev1.Secret, error) {
	return nil, errUnused
}
