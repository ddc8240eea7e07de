package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// defaulter is a part of the configuration with defaults of its own.
type defaulter interface{ setDefaults() }

// custom is a type with more than one way to be written.
type custom interface {
	decode(d *decoder, t *tree, path string)
}

// decoder fills typed values from trees, strictly, and remembers where each value came from.
type decoder struct {
	problems Problems
	places   map[string]place
	hidden   bool // the values are secrets: no message holds one
}

func (d *decoder) add(at place, path, message, hint string) {
	d.problems = append(d.problems, Problem{File: at.file, Line: at.line, Path: path, Message: message, Hint: hint})
}

// decode fills v, which can be set, from t. What is missing or null in t keeps its default.
func (d *decoder) decode(t *tree, v reflect.Value, path string) {
	d.places[path] = t.place
	if v.CanAddr() {
		if c, ok := v.Addr().Interface().(custom); ok {
			c.decode(d, t, path)
			return
		}
	}
	if t.kind == null {
		return
	}
	if t.kind == object && v.Kind() != reflect.Map && len(t.fields) == 1 && t.fields[0].key == "secure" {
		d.add(t.place, path, "is encrypted here", "only hubwright:secrets holds encrypted values: "+setSecret)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(t, v, path)
	case reflect.Slice:
		d.list(t, v, path)
	case reflect.Map:
		d.dictionary(t, v, path)
	case reflect.String:
		d.text(t, v, path)
	case reflect.Int:
		d.integer(t, v, path)
	case reflect.Bool:
		if t.kind != boolean {
			d.wrong(t, path, "true or false")
			return
		}
		v.SetBool(strings.EqualFold(t.scalar, "true"))
	case reflect.Interface:
		v.Set(reflect.ValueOf(t.plain()))
	}
}

// wrong reports a value of another kind than is wanted.
func (d *decoder) wrong(t *tree, path, want string) {
	got := "is " + kindNames[t.kind]
	if t.scalar != "" && !d.hidden {
		got = quoted(t.scalar) + " " + got
	}
	d.add(t.place, path, fmt.Sprintf("%s, but %s is wanted", got, want), "")
}

// quoted is a value in quotes, shortened.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}

func (d *decoder) text(t *tree, v reflect.Value, path string) {
	switch {
	case t.kind == text, t.kind == integer && d.hidden: // "config set --path" makes a number of an id that has digits only
		v.SetString(t.scalar)
	case t.scalar != "" && !d.hidden:
		d.add(t.place, path, fmt.Sprintf("%s is read as %s, but text is wanted", t.scalar, kindNames[t.kind]), fmt.Sprintf("put it in quotes: %q", t.scalar))
	default:
		d.wrong(t, path, "text")
	}
}

func (d *decoder) integer(t *tree, v reflect.Value, path string) {
	n, err := strconv.ParseInt(t.scalar, 10, 32)
	if t.kind != integer || err != nil {
		d.wrong(t, path, "a whole number")
		return
	}
	v.SetInt(n)
}

// object fills a struct. A key that the struct does not have is a problem that names the nearest one.
func (d *decoder) object(t *tree, v reflect.Value, path string) {
	if t.kind != object {
		d.wrong(t, path, "an object with "+oneOf(keysOf(v.Type())))
		return
	}
	known := keysOf(v.Type())
	for _, f := range t.fields {
		i := slices.Index(known, f.key)
		if i < 0 {
			d.add(f.place, join(path, f.key), "is not a key of "+subject(path), suggest(f.key, known))
			continue
		}
		d.decode(f.value, v.Field(i), join(path, f.key))
	}
}

// subject names what has keys.
func subject(path string) string {
	if path == "" {
		return "the configuration"
	}
	return path
}

func (d *decoder) list(t *tree, v reflect.Value, path string) {
	if t.kind != list {
		d.wrong(t, path, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(t.items))
	names := make([]string, len(t.items))
	for i, item := range t.items {
		names[i] = nameOf(item)
	}
	for i, item := range t.items {
		e := newValue(v.Type().Elem())
		d.decode(item, e, path+named(names, i))
		out = reflect.Append(out, e)
	}
	v.Set(out)
}

// named is how a path names entry i of a list: by its name when only it has that name, else by its number.
func named(names []string, i int) string {
	same := 0
	for _, name := range names {
		if name == names[i] {
			same++
		}
	}
	if names[i] == "" || same > 1 {
		return fmt.Sprintf("[%d]", i)
	}
	return "[" + names[i] + "]"
}

func (d *decoder) dictionary(t *tree, v reflect.Value, path string) {
	if t.kind != object {
		d.wrong(t, path, "an object")
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, f := range t.fields {
		e := newValue(v.Type().Elem())
		d.decode(f.value, e, join(path, f.key))
		out.SetMapIndex(reflect.ValueOf(f.key), e)
	}
	v.Set(out)
}

// newValue is a settable value of a type, with its defaults.
func newValue(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	applyDefaults(v.Elem())
	return v.Elem()
}

// applyDefaults sets the defaults of a struct and of the structs in it, the outer one last, so that it may set its parts otherwise.
func applyDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		applyDefaults(v.Field(i))
	}
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.setDefaults()
	}
}

// keysOf are the keys of a struct, in the order of its fields.
func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return keys
}
