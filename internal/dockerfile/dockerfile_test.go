package dockerfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/dockerfile"
)

func TestReferences(t *testing.T) {
	tests := []struct {
		name, text string
		opts       dockerfile.Options
		want       string // instruction, image and line of each
	}{
		{"one", "FROM jupyter/base-notebook:2024-01-01\n", dockerfile.Options{}, "FROM jupyter/base-notebook:2024-01-01 1"},
		{"scratch is none", "FROM scratch\nCOPY a /\n", dockerfile.Options{}, ""},
		{"a digest", "FROM r.example.org:5000/a/b:1@sha256:" + strings.Repeat("a", 64) + "\n", dockerfile.Options{}, "FROM r.example.org:5000/a/b:1@sha256:" + strings.Repeat("a", 64) + " 1"},
		{"stages", "FROM a AS one\nFROM b AS two\nCOPY --from=one / /\nFROM two\n", dockerfile.Options{}, "FROM a 1\nFROM b 2"},
		{"a stage that nothing needs", "FROM a AS one\nFROM b AS two\nFROM c\nCOPY --from=two / /\n", dockerfile.Options{}, "FROM b 2\nFROM c 3"},
		{"the target", "FROM a AS one\nFROM b AS two\nFROM c\n", dockerfile.Options{Target: "TWO"}, "FROM b 2"},
		{"a stage by number", "FROM a\nFROM b\nFROM c\nCOPY --from=1 / /\n", dockerfile.Options{}, "FROM b 2\nFROM c 3"},
		{"a stage that comes later", "FROM a AS one\nCOPY --from=two / /\nFROM b AS two\n", dockerfile.Options{Target: "one"}, "FROM a 1\nFROM b 3"},
		{"an image to copy from", "FROM a\nCOPY --from=certificates /etc/ssl /etc/ssl\n", dockerfile.Options{}, "FROM a 1\nCOPY certificates 2"},
		{"an image to mount", "# syntax=docker/dockerfile:1\nFROM a\nRUN --mount=type=bind,from=tools,target=/t \\\n  /t/x\n", dockerfile.Options{}, "FROM a 2\nRUN tools 3"},
		{"a cache is none", "FROM a\nRUN --mount=type=cache,target=/c x\n", dockerfile.Options{}, "FROM a 1"},
		{"twice", "FROM a\nCOPY --from=b / /\nCOPY --from=b /x /y\n", dockerfile.Options{}, "FROM a 1\nCOPY b 2"},
		{"a default", "ARG BASE=common\nFROM ${BASE}:1\n", dockerfile.Options{}, "FROM common:1 2"},
		{"an argument", "ARG BASE=common\nFROM $BASE\n", dockerfile.Options{Args: map[string]string{"BASE": "other"}}, "FROM other 2"},
		{"a default of a default", "ARG TAG=1\nARG BASE=common:${TAG}\nFROM $BASE\n", dockerfile.Options{Args: map[string]string{"TAG": "2"}}, "FROM common:2 3"},
		{"a substitution", "ARG BASE\nFROM ${BASE:-common}\n", dockerfile.Options{}, "FROM common 2"},
		{"an argument that is not declared", "FROM ${BASE:-common}\n", dockerfile.Options{Args: map[string]string{"BASE": "other"}}, "FROM common 1"},
		{"an argument of a stage is none of FROM", "FROM a\nARG BASE=b\nFROM ${BASE:-c}\n", dockerfile.Options{}, "FROM c 3"},
		{"the platform", "FROM base-$TARGETARCH$TARGETVARIANT\n", dockerfile.Options{Platform: "linux/arm64/v8"}, "FROM base-arm64v8 1"},
		{"a stage's name for the built one", "FROM img:$TARGETSTAGE AS last\n", dockerfile.Options{}, "FROM img:last 1"},
		{"another escape", "# escape=`\nFROM a `\n  AS b\nRUN x `\n  y\n", dockerfile.Options{}, "FROM a 2"},
		{"a here-document that looks like one", "FROM a\nRUN <<E\nFROM b\nE\n", dockerfile.Options{}, "FROM a 1"},
		{"a stage of a base's name", "FROM common AS common\nFROM common\n", dockerfile.Options{}, "FROM common 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := dockerfile.Parse("Dockerfile", []byte(tt.text), tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range f.References() {
				got = append(got, fmt.Sprintf("%s %s %d", r.Instruction, r.Image, r.Line))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

func TestStages(t *testing.T) {
	f, err := dockerfile.Parse("Dockerfile", []byte("ARG V=1\nFROM a:$V AS One\n\nFROM one\n"), dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range f.Stages {
		got = append(got, fmt.Sprintf("%d: %q from %s", s.Line, s.Name, s.From))
	}
	if diff := cmp.Diff([]string{`2: "one" from a:1`, `4: "" from one`}, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestWrongDockerfile(t *testing.T) {
	tests := []struct {
		name, text string
		opts       dockerfile.Options
		want       string
	}{
		{"empty", "", dockerfile.Options{}, "file with no instructions"},
		{"only comments", "# a\n", dockerfile.Options{}, "file with no instructions"},
		{"no FROM", "ARG A=1\n", dockerfile.Options{}, "images/x/Dockerfile: it has no FROM; begin it with FROM and the image to start from"},
		{"an instruction before FROM", "RUN x\n", dockerfile.Options{}, "images/x/Dockerfile:1: no build stage in current context"},
		{"no such instruction", "FROM a\n\nCOYP a b\n", dockerfile.Options{}, "images/x/Dockerfile:3: unknown instruction: COYP"},
		{"two names", "FROM a b\n", dockerfile.Options{}, "images/x/Dockerfile:1: FROM requires either one or three arguments"},
		{"no value", "ARG BASE\n\nFROM ${BASE}${TAG}\n", dockerfile.Options{}, "images/x/Dockerfile:3: FROM ${BASE}${TAG} names no image: BASE, TAG has no value; give it in the image's args, or a default with ARG before the first FROM"},
		{"a required value", "ARG BASE\nFROM ${BASE:?which}\n", dockerfile.Options{}, "images/x/Dockerfile:2: failed to process \"${BASE:?which}\": BASE: which"},
		{"a wrong substitution", "FROM a AS x\nFROM ${BASE\n", dockerfile.Options{}, "images/x/Dockerfile:2: "},
		{"no such target", "FROM a AS final\n", dockerfile.Options{Target: "finl"}, `images/x/Dockerfile: it has no stage "finl" to build; did you mean final?`},
		{"no target", "FROM a\n", dockerfile.Options{Target: "nothing"}, `images/x/Dockerfile: it has no stage "nothing" to build; name a stage of it as the image's target`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := dockerfile.Parse("images/x/Dockerfile", []byte(tt.text), tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, error\n%v\nwant\n%s", f, err, tt.want)
			}
		})
	}
}

// FuzzParse holds it to say what is wrong and not fall over.
func FuzzParse(f *testing.F) {
	f.Add("ARG A=1\nFROM a:$A AS b\nCOPY --from=b / /\nRUN --mount=from=c x\n", "A", "2", "b")
	f.Add("FROM $A\n", "A", "", "")
	f.Fuzz(func(_ *testing.T, text, arg, value, target string) {
		d, err := dockerfile.Parse("Dockerfile", []byte(text), dockerfile.Options{Target: target, Platform: "linux/amd64", Args: map[string]string{arg: value}})
		if err == nil {
			d.References()
		}
	})
}

func from(images ...string) []dockerfile.Image {
	var out []dockerfile.Image
	for _, i := range images {
		name, list, _ := strings.Cut(i, "<")
		image := dockerfile.Image{Name: name, Dockerfile: "images/" + name + "/Dockerfile"}
		for n, ref := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
			image.References = append(image.References, dockerfile.Reference{Image: ref, Line: n + 1, Instruction: "FROM"})
		}
		out = append(out, image)
	}
	return out
}

func TestLink(t *testing.T) {
	tests := []struct {
		name           string
		images         []dockerfile.Image
		order, parents string
		err            string
	}{
		{"none", nil, "", "map[]", ""},
		{"none of another", from("b<python:3", "a<ubuntu"), "b a", "map[]", ""},
		{
			"a chain, given the wrong way round", from("mission<common", "common<certificates:latest", "certificates<ubuntu"),
			"certificates common mission", "map[common:[certificates] mission:[common]]", "",
		},
		{"a diamond", from("a<b,c", "b<d", "c<d,ubuntu", "d"), "d b c a", "map[a:[b c] b:[d] c:[d]]", ""},
		{"twice the same", from("a<b,b:latest", "b"), "b a", "map[a:[b]]", ""},
		{"of the same name elsewhere", from("a<docker.io/library/a,r.example.org/a,x/a,a:1,a@sha256:00"), "a", "map[]", ""},
		{"of itself", from("a<ubuntu,a"), "", "", "images/a/Dockerfile:2: image a is built of itself; let one of them start from an image of a registry"},
		{
			"a circle", from("x<a", "a<b", "b<ubuntu,c", "c<a"), "", "",
			"images/a/Dockerfile:1: images are built of one another in a circle: a → b → c → a (images/a/Dockerfile:1, images/b/Dockerfile:2, images/c/Dockerfile:1); let one of them start from an image of a registry",
		},
		{
			"two circles", from("a<b", "b<a", "c<d", "d<c"), "", "",
			"images/a/Dockerfile:1: images are built of one another in a circle: a → b → a (images/a/Dockerfile:1, images/b/Dockerfile:1); let one of them start from an image of a registry\n" +
				"images/c/Dockerfile:1: images are built of one another in a circle: c → d → c (images/c/Dockerfile:1, images/d/Dockerfile:1); let one of them start from an image of a registry",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			links, err := dockerfile.Link(tt.images, dockerfile.ByName(tt.images))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error\n%v\nwant\n%s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if order, parents := strings.Join(links.Order, " "), fmt.Sprint(links.Parents); order != tt.order || parents != tt.parents {
				t.Errorf("order %q of %s, want %q of %s", order, parents, tt.order, tt.parents)
			}
		})
	}
}

func TestUnknownParent(t *testing.T) {
	ours := func(ref string) (string, bool) { return strings.CutPrefix(ref, "ours/") }
	_, err := dockerfile.Link(from("mission<ours/comon,ubuntu", "common<ours/zzz"), ours)
	want := "images/common/Dockerfile:1: FROM ours/zzz: there is no image \"zzz\" here; make it an image of the configuration, or name another\n" +
		"images/mission/Dockerfile:1: FROM ours/comon: there is no image \"comon\" here; did you mean common?"
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}
