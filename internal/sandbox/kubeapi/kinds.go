package kubeapi

import (
	"encoding/base64"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apivalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// kind is what the API server knows of a kind.
type kind struct {
	plural     string
	namespaced bool
	name       validation.ValidateNameFunc
}

// kinds are those that charts and the graph use; names are validated as each kind's own strategy does it
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/).
var kinds = map[string]kind{
	"v1/Namespace":                             {"namespaces", false, validation.ValidateNamespaceName},
	"v1/Node":                                  {"nodes", false, validation.NameIsDNSSubdomain},
	"v1/PersistentVolume":                      {"persistentvolumes", false, validation.NameIsDNSSubdomain},
	"v1/PersistentVolumeClaim":                 {"persistentvolumeclaims", true, validation.NameIsDNSSubdomain},
	"v1/Pod":                                   {"pods", true, validation.NameIsDNSSubdomain},
	"v1/Secret":                                {"secrets", true, validation.NameIsDNSSubdomain},
	"v1/ConfigMap":                             {"configmaps", true, validation.NameIsDNSSubdomain},
	"v1/Service":                               {"services", true, validation.NameIsDNS1035Label},
	"v1/ServiceAccount":                        {"serviceaccounts", true, validation.ValidateServiceAccountName},
	"v1/ResourceQuota":                         {"resourcequotas", true, validation.NameIsDNSSubdomain},
	"v1/LimitRange":                            {"limitranges", true, validation.NameIsDNSSubdomain},
	"v1/Event":                                 {"events", true, validation.NameIsDNSSubdomain},
	"v1/Endpoints":                             {"endpoints", true, validation.NameIsDNSSubdomain},
	"apps/v1/Deployment":                       {"deployments", true, validation.NameIsDNSSubdomain},
	"apps/v1/StatefulSet":                      {"statefulsets", true, validation.NameIsDNSSubdomain},
	"apps/v1/DaemonSet":                        {"daemonsets", true, validation.NameIsDNSSubdomain},
	"apps/v1/ReplicaSet":                       {"replicasets", true, validation.NameIsDNSSubdomain},
	"batch/v1/Job":                             {"jobs", true, validation.NameIsDNSSubdomain},
	"batch/v1/CronJob":                         {"cronjobs", true, validation.NameIsDNSSubdomain},
	"policy/v1/PodDisruptionBudget":            {"poddisruptionbudgets", true, validation.NameIsDNSSubdomain},
	"networking.k8s.io/v1/NetworkPolicy":       {"networkpolicies", true, validation.NameIsDNSSubdomain},
	"networking.k8s.io/v1/Ingress":             {"ingresses", true, validation.NameIsDNSSubdomain},
	"networking.k8s.io/v1/IngressClass":        {"ingressclasses", false, validation.NameIsDNSSubdomain},
	"rbac.authorization.k8s.io/v1/Role":        {"roles", true, anyName},
	"rbac.authorization.k8s.io/v1/RoleBinding": {"rolebindings", true, anyName},
	"rbac.authorization.k8s.io/v1/ClusterRole": {"clusterroles", false, anyName},
	"rbac.authorization.k8s.io/v1/ClusterRoleBinding":                {"clusterrolebindings", false, anyName},
	"scheduling.k8s.io/v1/PriorityClass":                             {"priorityclasses", false, validation.NameIsDNSSubdomain},
	"storage.k8s.io/v1/StorageClass":                                 {"storageclasses", false, validation.NameIsDNSSubdomain},
	"storage.k8s.io/v1/CSIDriver":                                    {"csidrivers", false, validation.NameIsDNSSubdomain},
	"autoscaling/v2/HorizontalPodAutoscaler":                         {"horizontalpodautoscalers", true, validation.NameIsDNSSubdomain},
	"coordination.k8s.io/v1/Lease":                                   {"leases", true, validation.NameIsDNSSubdomain},
	"apiextensions.k8s.io/v1/CustomResourceDefinition":               {"customresourcedefinitions", false, validation.NameIsDNSSubdomain},
	"admissionregistration.k8s.io/v1/MutatingWebhookConfiguration":   {"mutatingwebhookconfigurations", false, validation.NameIsDNSSubdomain},
	"admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": {"validatingwebhookconfigurations", false, validation.NameIsDNSSubdomain},
}

// anyName accepts what RBAC accepts: anything that can stand in a path.
func anyName(name string, prefix bool) []string {
	if prefix {
		return content.IsPathSegmentPrefix(name)
	}
	return content.IsPathSegmentName(name)
}

func groupVersionKind(ref Ref) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)
}

// lookup finds a reference's kind and puts its namespace right.
func lookup(ref *Ref) (kind, error) {
	k, ok := kinds[ref.APIVersion+"/"+ref.Kind]
	if !ok {
		gvk := groupVersionKind(*ref)
		return kind{}, &meta.NoKindMatchError{GroupKind: gvk.GroupKind(), SearchedVersions: []string{gvk.Version}}
	}
	switch {
	case !k.namespaced:
		ref.Namespace = ""
	case ref.Namespace == "" && ref.Name != "":
		ref.Namespace = "default"
	}
	return k, nil
}

// Namespaced says whether objects of the kind live in a namespace, and whether the kind is known at all.
func Namespaced(apiVersion, kindName string) (namespaced, known bool) {
	k, ok := kinds[apiVersion+"/"+kindName]
	return k.namespaced, ok
}

func resourceOf(ref Ref, k kind) schema.GroupResource {
	return schema.GroupResource{Group: groupVersionKind(ref).Group, Resource: k.plural}
}

func notFound(ref Ref, k kind) error { return apierrors.NewNotFound(resourceOf(ref, k), ref.Name) }

// texts refuses numbers and booleans where Kubernetes has texts, as the server's decoder does: YAML makes them of what was meant as a text.
func texts(obj Object, ref Ref) error {
	check := func(field string, v any) error {
		var got string
		switch v.(type) {
		case string, nil:
			return nil
		case bool:
			got = "bool"
		case []any:
			got = "array"
		case map[string]any:
			got = "object"
		default:
			got = "number"
		}
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: json: cannot unmarshal %s into Go struct field %s of type string",
			ref.Kind, groupVersionKind(ref).Version, ref.Kind, got, field))
	}
	for _, key := range []string{"name", "namespace"} {
		if err := check("ObjectMeta.metadata."+key, At(obj, "metadata", key)); err != nil {
			return err
		}
	}
	sections := map[string]map[string]any{
		"ObjectMeta.metadata.labels": Map(obj, "metadata", "labels"), "ObjectMeta.metadata.annotations": Map(obj, "metadata", "annotations"),
		"ObjectMeta.spec.template.metadata.labels":      Map(obj, "spec", "template", "metadata", "labels"),
		"ObjectMeta.spec.template.metadata.annotations": Map(obj, "spec", "template", "metadata", "annotations"),
	}
	if ref.Kind == "ConfigMap" || ref.Kind == "Secret" {
		sections[ref.Kind+".data"], sections[ref.Kind+".stringData"] = Map(obj, "data"), Map(obj, "stringData")
	}
	for field, section := range sections {
		for _, v := range section {
			if err := check(field, v); err != nil {
				return err
			}
		}
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range Items(obj, "spec", "template", "spec", list) {
			for _, e := range Items(c, "env") {
				if err := check("EnvVar.spec.template.spec."+list+".env.value", e["value"]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// validate checks what every object must satisfy, and a few kinds' own rules that a wrong chart or program runs into.
func validate(obj Object, ref Ref, k kind) error {
	var problems field.ErrorList
	metadata := field.NewPath("metadata")
	if ref.Name == "" {
		problems = append(problems, field.Required(metadata.Child("name"), "name or generateName is required"))
	}
	for _, m := range k.name(ref.Name, false) {
		if ref.Name != "" {
			problems = append(problems, field.Invalid(metadata.Child("name"), ref.Name, m))
		}
	}
	if k.namespaced {
		for _, m := range validation.ValidateNamespaceName(ref.Namespace, false) {
			problems = append(problems, field.Invalid(metadata.Child("namespace"), ref.Namespace, m))
		}
	}
	problems = append(problems, validateLabels(obj)...)
	switch ref.Kind {
	case "Secret", "ConfigMap":
		problems = append(problems, validateData(obj)...)
	case "PersistentVolumeClaim":
		problems = append(problems, validateClaim(obj)...)
	case "PersistentVolume":
		problems = append(problems, validateVolume(obj)...)
	case "StorageClass":
		if Text(obj, "provisioner") == "" {
			problems = append(problems, field.Required(field.NewPath("provisioner"), ""))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(groupVersionKind(ref).GroupKind(), ref.Name, problems)
}

func validateLabels(obj Object) field.ErrorList {
	var problems field.ErrorList
	labels := field.NewPath("metadata", "labels")
	for key, v := range Map(obj, "metadata", "labels") {
		for _, m := range apivalidation.IsQualifiedName(key) {
			problems = append(problems, field.Invalid(labels, key, m))
		}
		s, _ := v.(string)
		for _, m := range apivalidation.IsValidLabelValue(s) {
			problems = append(problems, field.Invalid(labels, s, m))
		}
	}
	for key := range Map(obj, "metadata", "annotations") {
		for _, m := range apivalidation.IsQualifiedName(strings.ToLower(key)) {
			problems = append(problems, field.Invalid(field.NewPath("metadata", "annotations"), key, m))
		}
	}
	return problems
}

// maxData is the limit of a Secret's or ConfigMap's data in bytes (MaxSecretSize in kubernetes/pkg/apis/core/types.go).
const maxData = 1 << 20

func validateData(obj Object) field.ErrorList {
	var problems field.ErrorList
	size := 0
	for _, section := range []string{"data", "binaryData"} {
		for key, v := range Map(obj, section) {
			entry := field.NewPath(section).Key(key)
			for _, m := range apivalidation.IsConfigMapKey(key) {
				problems = append(problems, field.Invalid(entry, key, m))
			}
			s, _ := v.(string)
			size += len(s)
			if Text(obj, "kind") == "Secret" || section == "binaryData" {
				size -= len(s) / 4 // base64
				if _, err := base64.StdEncoding.DecodeString(s); err != nil {
					problems = append(problems, field.Invalid(entry, "<value omitted>", "illegal base64 data"))
				}
			}
		}
	}
	if size > maxData {
		problems = append(problems, field.TooLong(field.NewPath("data"), "", maxData))
	}
	if Text(obj, "kind") == "Secret" && Text(obj, "type") == "kubernetes.io/tls" {
		for _, key := range []string{"tls.crt", "tls.key"} {
			if _, ok := Map(obj, "data")[key]; !ok {
				problems = append(problems, field.Required(field.NewPath("data").Key(key), ""))
			}
		}
	}
	return problems
}

func validateClaim(obj Object) field.ErrorList {
	var problems field.ErrorList
	spec := field.NewPath("spec")
	if list, _ := At(obj, "spec", "accessModes").([]any); len(list) == 0 {
		problems = append(problems, field.Required(spec.Child("accessModes"), "at least 1 access mode is required"))
	}
	if Map(obj, "spec", "resources", "requests")["storage"] == nil {
		problems = append(problems, field.Required(spec.Child("resources").Key("storage"), ""))
	}
	return problems
}

func validateVolume(obj Object) field.ErrorList {
	var problems field.ErrorList
	spec := field.NewPath("spec")
	if list, _ := At(obj, "spec", "accessModes").([]any); len(list) == 0 {
		problems = append(problems, field.Required(spec.Child("accessModes"), ""))
	}
	if Map(obj, "spec", "capacity")["storage"] == nil {
		problems = append(problems, field.Required(spec.Child("capacity"), ""))
	}
	return problems
}
