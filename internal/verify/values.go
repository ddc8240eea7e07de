package verify

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// values is where in the release's values those of the JupyterHub chart are.
func (r *run) values(path ...string) []string {
	if r.hub.ValuesKey == "" {
		return path
	}
	return append([]string{r.hub.ValuesKey}, path...)
}

// value is what the release's values have at a path of the JupyterHub chart's; nil when the release is not to be had.
func (r *run) value(path ...string) any {
	rev, err := r.kube.revision()
	if err != nil || rev == nil {
		return nil
	}
	return rev.Value(r.values(path...)...)
}

// text is a value that is a text; "" for any other.
func (r *run) text(path ...string) string {
	s, _ := r.value(path...).(string)
	return s
}

// given says whether the values of the deployment, beside the chart's own, have something at a path.
func (r *run) given(path ...string) bool {
	rev, err := r.kube.revision()
	return err == nil && rev != nil && rev.Given(r.values(path...)...) != nil
}

// prefix is what stands before the names of the chart's objects: https://z2jh.jupyter.org/en/stable/resources/reference.html#fullnameoverride
func (r *run) prefix() string {
	if full := r.text("fullnameOverride"); full != "" {
		return full + "-"
	}
	return ""
}

// base is the path under which the hub answers, with a slash at both ends.
func (r *run) base() string {
	if base := strings.Trim(r.text("hub", "baseUrl"), "/"); base != "" {
		return "/" + base + "/"
	}
	return "/"
}

// hubValues is the file with its values that the hub reads, from the Secret that the chart puts it in; "" when there is none.
func (k *kube) hubValues(ctx context.Context, prefix string) (string, error) {
	secret, err := k.core.Secrets(k.namespace).Get(ctx, prefix+"hub", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(secret.Data["values.yaml"]), nil
}
