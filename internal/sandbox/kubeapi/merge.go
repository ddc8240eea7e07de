package kubeapi

import "encoding/base64"

// Merge lays a new manifest over the live object: what the old manifest had and the new one has not goes, what others have set stays. It
// is the three-way merge of `kubectl apply` and Helm, with lists taken as a whole.
func Merge(old, live, now Object) Object {
	out, _ := merge(mapOrNil(old), live, now).(map[string]any)
	return out
}

func mapOrNil(m Object) any {
	if m == nil {
		return nil
	}
	return m
}

func merge(old, live, now any) any {
	l, liveMap := live.(map[string]any)
	n, nowMap := now.(map[string]any)
	if !liveMap || !nowMap {
		return now
	}
	o, _ := old.(map[string]any)
	out := map[string]any{}
	for k, v := range l {
		_, had := o[k]
		if _, has := n[k]; has || !had {
			out[k] = v
		}
	}
	for k, v := range n {
		switch {
		case v == nil:
			delete(out, k)
		case out[k] == nil:
			out[k] = v
		default:
			out[k] = merge(o[k], out[k], v)
		}
	}
	return out
}

// EncodeSecret moves a Secret's stringData into its data, as the API server does.
func EncodeSecret(secret Object) {
	for key, v := range Map(secret, "stringData") {
		s, _ := v.(string)
		Set(secret, base64.StdEncoding.EncodeToString([]byte(s)), "data", key)
	}
	delete(secret, "stringData")
}
