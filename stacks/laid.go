package stacks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// laidLayer is the layer of what hubwright's own settings come to.
const laidLayer = "hubwright"

// Laid is what hubwright's own settings come to among a hub's values.
type Laid struct {
	// Under are defaults, which the hub's files replace; Over are what counts more than they do.
	Under, Over []values.Placed
	// Notes tell of values in files that Over replaces, and of those that let in whom auth does not name.
	Notes config.Problems
}

// LayAround is what an update lays around a hub's values, but for its image (ImageSets), made by the component that lays it. What is known only when
// something is made is values.Unknown. digest is that of a chart in a folder (ChartDigest); "" leaves it out. The error is config.Problems: what the
// component refuses of the values, with their places.
func LayAround(stack *config.Stack, h *config.Hub, computed *values.Computed, digest string) (*Laid, error) {
	problems := nulls(computed)
	later := config.HubSecrets{
		ProxyToken: values.Unknown, CookieSecret: values.Unknown, CryptKey: values.Unknown,
		OAuth: config.OAuthSecrets{ClientID: values.Unknown, ClientSecret: values.Unknown}, TLS: config.TLSSecrets{Certificate: values.Unknown, Key: values.Unknown},
	}
	in := inputOf(h, computed, later)
	in.plain, _ = withoutNulls(in.plain).(map[string]any)
	in.hidden, _ = withoutNulls(in.hidden).(map[string]any)
	args := argsOf(stack, h, in)
	args.Templates, _ = Templates(stack, h) // of which Templates itself tells
	args.Chart = hub.Chart{Path: h.Chart.Path, Name: h.Chart.Name, Repository: h.Chart.Repository, Version: stack.ChartVersion(h), Digest: digest}
	if h.Chart.Path != "" {
		args.Chart.Name, args.Chart.Repository = "", ""
	}
	args.Homes = &hub.Homes{ClaimName: pulumi.String(homesClaim)}
	if h.HTTPS.Type == config.HTTPSOffload {
		args.HTTPS.CertificateArn = pulumi.String(h.HTTPS.CertificateArn)
		if h.HTTPS.CertificateArn == "" {
			args.HTTPS.CertificateArn = pulumi.String("").ToStringOutput()
		}
	}
	under, over, err := args.Laid()
	problems = append(problems, refusals(stack, h, computed, err)...)
	out := &Laid{Under: placed(stack, h, under), Over: placed(stack, h, over)}
	for i, l := range over {
		if l.Replaces {
			out.Notes = append(out.Notes, replacedBy(stack, h, computed, out.Over[i], l)...)
		}
	}
	out.Notes = append(out.Notes, besideAuth(stack, h, computed, out.Over)...).Sorted()
	return out, problems.Err()
}

// placeOf is where the configuration says what a part of the component's arguments is.
func placeOf(stack *config.Stack, h *config.Hub, part string) (path, file string, line int) {
	path = "hubs[" + h.Name + "]"
	switch part {
	case hub.PartAuth, hub.PartHTTPS, hub.PartTemplates, hub.PartChart, hub.PartHomes:
		path += "." + part
	}
	file, line = stack.Place(path)
	return path, file, line
}

func placed(stack *config.Stack, h *config.Hub, laid []hub.Laid) []values.Placed {
	out := make([]values.Placed, len(laid))
	for i, l := range laid {
		_, file, line := placeOf(stack, h, l.Part)
		value := l.Value
		if l.Later {
			value = values.Unknown
		}
		out[i] = values.Placed{Path: l.Path, Value: value, Origin: values.Origin{Layer: laidLayer, File: file, Line: line, Secret: l.Secret}}
	}
	return out
}

// shownMost is how much of a value a note shows.
const shownMost = 60

// replacedBy tells of a value of a file that nothing reads, since hubwright's own stands there.
func replacedBy(stack *config.Stack, h *config.Hub, computed *values.Computed, by values.Placed, l hub.Laid) config.Problems {
	old, there := computed.Shown(by.Path)
	if !there {
		return nil
	}
	is := values.Brief(by.Value, shownMost)
	switch {
	case l.Secret:
		is = "a secret of its own"
	case l.Later:
		is = "one that an update makes"
	}
	origin := computed.OriginOf(by.Path)
	path, file, line := placeOf(stack, h, l.Part)
	return config.Problems{{
		File: origin.File, Line: origin.Line, Path: by.Path.String(),
		Message: fmt.Sprintf("is %s, which hubwright replaces by %s, as %s says (%s)", values.Brief(old, shownMost), is, path, values.Origin{File: file, Line: line}),
		Hint:    "take it out: nothing reads it",
	}}
}

// besideAuth tells of values that say who may log in, beside a type of auth that says it. The settings of a class count more than those of the one that
// it is made of, Authenticator, to which auth's users are given: https://traitlets.readthedocs.io/en/stable/config.html
func besideAuth(stack *config.Stack, h *config.Hub, computed *values.Computed, over []values.Placed) (notes config.Problems) {
	if !h.Auth.OAuth() {
		return nil
	}
	sections, _ := computed.At(h.Below("hub", "config"))
	bySection, _ := sections.(map[string]any)
	for section, traits := range bySection {
		byTrait, _ := traits.(map[string]any)
		for trait, value := range byTrait {
			path := values.Path(h.Below("hub", "config", section, trait))
			says := besides[trait]
			ours := slices.ContainsFunc(over, func(p values.Placed) bool { return slices.Equal(p.Path, path) })
			list, isList := value.([]any)
			if says.message == "" || ours || value == false || isList && len(list) == 0 || trait == "allow_all" && h.Auth.AllowAll {
				continue
			}
			origin := computed.OriginOf(path)
			notes = append(notes, config.Problem{
				File: origin.File, Line: origin.Line, Path: path.String(), Message: says.message,
				Hint: fmt.Sprintf(says.hint, stack.Where("hubs["+h.Name+"].auth")),
			})
		}
	}
	return notes
}

// besides are the settings of authenticators that say who may log in: https://jupyterhub.readthedocs.io/en/stable/reference/api/auth.html
var besides = map[string]struct{ message, hint string }{
	"allow_all":            {"lets in everybody whom the provider knows, whoever auth names", "say it at allowAll of %s, or take it out"},
	"allow_existing_users": {"lets in everybody who was let in once, whoever auth names", "take it out, unless it is meant: auth is at %s"},
	"allowed_users":        {"names users who may log in, beside auth or in the place of its own", "name them at allowedUsers of %s"},
	"admin_users":          {"names administrators, beside auth or in the place of its own", "name them at adminUsers of %s"},
}

// nulls are the values that cannot be deployed, since Pulumi leaves them out on the way to Helm.
func nulls(computed *values.Computed) (problems config.Problems) {
	for _, leaf := range computed.Leaves(nil) {
		if leaf.Value == nil {
			problems = append(problems, config.Problem{
				File: leaf.File, Line: leaf.Line, Path: leaf.Path.String(), Message: "is null, and nulls do not pass from Pulumi to Helm",
				Hint: "leave it out, so that the chart's default holds, or give a value",
			})
		}
	}
	return problems
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			if e != nil {
				out[key] = withoutNulls(e)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			if e != nil {
				out = append(out, withoutNulls(e))
			}
		}
		return out
	}
	return v
}

// refusals are what the component says against a hub, told of the values that it names, or else of the hub.
func refusals(stack *config.Stack, h *config.Hub, computed *values.Computed, err error) (problems config.Problems) {
	if err == nil {
		return nil
	}
	for text := range strings.Lines(err.Error()) {
		path, file, line := placeOf(stack, h, "")
		message := strings.TrimSpace(text)
		if about, ok := strings.CutPrefix(message, "values: "); ok {
			name, said, _ := strings.Cut(about, " ")
			if origin := computed.OriginOf(values.ParsePath(name)); origin.File != "" {
				path, file, line, message = name, origin.File, origin.Line, said
			}
		}
		problems = append(problems, config.Problem{File: file, Line: line, Path: path, Message: message})
	}
	return problems
}
