package provider

import "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

// carry returns new inputs with what the service had filled in below them.
func (k *Kind) carry(olds, news resource.PropertyMap) resource.PropertyMap {
	if len(k.Computed) == 0 {
		return news
	}
	out := resource.NewProperty(deep(news))
	from := resource.NewProperty(olds)
	for _, text := range k.Computed {
		path, err := resource.ParsePropertyPath(text)
		if err != nil {
			continue // a path of our own that cannot be read names nothing
		}
		if _, given := path.Get(out); given {
			continue
		}
		parent, ok := path[:len(path)-1].Get(out)
		if v, had := path.Get(from); had && ok && parent.IsObject() {
			path.Set(out, v)
		}
	}
	return out.ObjectValue()
}

// asked returns the inputs that were read without what the service had filled in below them and nobody had asked for.
func (k *Kind) asked(olds, read resource.PropertyMap) resource.PropertyMap {
	if len(k.Computed) == 0 {
		return read
	}
	out := resource.NewProperty(deep(read))
	from := resource.NewProperty(olds)
	for _, text := range k.Computed {
		path, err := resource.ParsePropertyPath(text)
		if err != nil {
			continue
		}
		if _, given := path.Get(from); !given {
			path.Delete(out)
		}
	}
	return out.ObjectValue()
}

// deep copies the objects in a map, so that setting below them does not change the original.
func deep(m resource.PropertyMap) resource.PropertyMap {
	out := resource.PropertyMap{}
	for key, v := range m {
		if v.IsObject() {
			v = resource.NewProperty(deep(v.ObjectValue()))
		}
		out[key] = v
	}
	return out
}
