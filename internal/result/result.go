// Package result is what the verbs print with -o json: a type for each form, besides change.Change, which is the form of what previews, updates and
// destroys. Scripts rely on these forms; their JSON schemas, in docs/reference/results, are generated from here.
package result

import (
	"time"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/bootstrap"
	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/doctor"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/hubploy"
	"github.com/hubwright/hubwright/internal/imagebuild"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/sandbox/world"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/internal/verify"
)

// Head begins a result.
type Head struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Environment is the stack that this is about.
	Environment string `json:"environment"`
}

// Of begins a result of that form for an environment.
func Of(form, env string) Head { return Head{Schema: Schema(form), Environment: env} }

// Schema is how a form of that name is named in its documents.
func Schema(name string) string { return "hubwright/" + name + "/v1" }

// Outputs is what a stack gives.
type Outputs struct {
	Head
	// Outputs are the stack's outputs by name. Secrets read "[secret]" unless they were asked for.
	Outputs map[string]any `json:"outputs"`
}

// URLs says where the hubs are.
type URLs struct {
	Head
	// URLs are the addresses of the hubs, sorted.
	URLs []string `json:"urls"`
}

// Status is what runs in an environment.
type Status struct {
	Head
	// Sandbox says that it runs on simulated services.
	Sandbox bool `json:"sandbox"`
	// Updated is when the state was last written.
	Updated time.Time `json:"updated"`
	// Resources counts what is managed, without providers and what is only looked up.
	Resources int `json:"resources"`
	// Healthy says that each hub is deployed and can be reached, nothing is pending and, unless only the record was read, nothing has drifted.
	Healthy bool `json:"healthy"`
	// Hubs are the hubs that are deployed or configured, by name.
	Hubs []Hub `json:"hubs"`
	// Busy says who is at work on it, since when; "" for nobody, or where that is not to be seen.
	Busy string `json:"busy,omitempty"`
	// Pending are operations that were begun and never recorded as ended.
	Pending []driver.Pending `json:"pending"`
	// Drifted are the resources that are not as recorded.
	Drifted []string `json:"drifted"`
}

// Hub is one hub of an environment.
type Hub struct {
	// Name is the hub's name in the configuration.
	Name string `json:"name"`
	// URL is where its users go.
	URL string `json:"url,omitempty"`
	// Release and Namespace say where it is in the cluster.
	Release string `json:"release,omitempty"`
	// Namespace is the release's.
	Namespace string `json:"namespace,omitempty"`
	// Chart is the chart's name and version.
	Chart string `json:"chart,omitempty"`
	// Image is the single-user image, by digest.
	Image string `json:"image,omitempty"`
	// Status is Helm's word for the release ("deployed", "failed"), or "incomplete": no update that includes the hub has ended well yet, or
	// "absent": it was deployed and is no more.
	Status string `json:"status"`
	// LoadBalancer is the host name that the domain leads to.
	LoadBalancer string `json:"loadBalancer,omitempty"`
}

// Verification is what was seen of an environment's hubs.
type Verification struct {
	Head
	// Sandbox says that it runs on simulated services.
	Sandbox bool `json:"sandbox"`
	// At is when it was looked; of the sandbox in virtual time.
	At time.Time `json:"at"`
	// Healthy says that no check of any hub has failed.
	Healthy bool `json:"healthy"`
	// Hubs are what was seen of each.
	Hubs []verify.Report `json:"hubs"`
}

// Validation is what is wrong with a deployment's files.
type Validation struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Environments are those that were looked at.
	Environments []string `json:"environments"`
	// Problems are all that were found; none means that the files are right.
	Problems problem.Problems `json:"problems"`
}

// Touched are the environments that a change touches.
type Touched struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Base is the commit that the working tree is compared with.
	Base string `json:"base"`
	// Environments are those that are touched, by name.
	Environments []TouchedEnvironment `json:"environments"`
	// Removed are environments that the base has and the working tree has not. What is deployed of them stays.
	Removed []string `json:"removed"`
}

// TouchedEnvironment is an environment that a change touches.
type TouchedEnvironment struct {
	// Environment is its name.
	Environment string `json:"environment"`
	// Account is its AWS account; empty where its configuration does not say.
	Account string `json:"account"`
	// Region is its AWS region; empty where its configuration does not say.
	Region string `json:"region"`
	// Added says that the base does not have it.
	Added bool `json:"added"`
	// Files are its files that differ, relative to the deployment directory.
	Files []string `json:"files"`
}

// Values is a hub's values with their origins.
type Values struct {
	Head
	// Hub is the hub whose values they are.
	Hub string `json:"hub"`
	// Values are the leaves in order of their paths.
	Values []Leaf `json:"values"`
	// Notes are what may be a mistake.
	Notes problem.Problems `json:"notes"`
}

// Leaf is a value and where it was written.
type Leaf struct {
	// Path names the value, with dots.
	Path string `json:"path"`
	// Value is a text, number, boolean, null, or a list or object without entries.
	Value any `json:"value"`
	values.Origin
}

// Doctor is what a deployment needs and whether it holds.
type Doctor struct {
	Head
	// Sandbox says that the services are simulated.
	Sandbox bool `json:"sandbox"`
	// Checks are the prerequisites, those that do not hold first.
	Checks []doctor.Row `json:"checks"`
}

// Bootstrap is what has to be there before the first update, and what was made of it.
type Bootstrap struct {
	Head
	// Sandbox says that the services are simulated.
	Sandbox bool `json:"sandbox"`
	// Backend is where the state is kept, as Pulumi names it.
	Backend string `json:"backend"`
	// SecretsProvider is what encrypts the secrets in it, as Pulumi names it.
	SecretsProvider string `json:"secretsProvider"`
	// Steps are what was found before anything was made.
	Steps []bootstrap.Step `json:"steps"`
	// Done counts the steps that were then made or completed.
	Done int `json:"done"`
	// Lines are what Pulumi's files had yet to say.
	Lines []Line `json:"lines"`
}

// Line is what a file of Pulumi's has to say.
type Line struct {
	// File is the file, relative to the deployment directory.
	File string `json:"file"`
	// Text is a key with its value, in YAML.
	Text string `json:"text"`
	// Written says that it was put there.
	Written bool `json:"written"`
}

// Import is what was made of another tool's deployment.
type Import struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Deployment is the deployment's name there.
	Deployment string `json:"deployment"`
	// Environments are its environments.
	Environments []string `json:"environments"`
	// Directory is where the files were written.
	Directory string `json:"directory"`
	// Files counts the files of the directory, Written those that were new.
	Files int `json:"files"`
	// Written counts the files that were written.
	Written int `json:"written"`
	// Notes are the report: what was carried over, changed or left.
	Notes []hubploy.Note `json:"notes"`
}

// ImportCheck holds the values of a deployment directory to those of another tool's deployment.
type ImportCheck struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Deployment is the deployment's name there.
	Deployment string `json:"deployment"`
	// Directory is the deployment directory.
	Directory string `json:"directory"`
	// Environments are what was found of each.
	Environments []ImportChecked `json:"environments"`
	// Problems are what is wrong with the directory; what they do not keep from it was compared all the same.
	Problems problem.Problems `json:"problems"`
}

// ImportChecked is an environment whose values were compared.
type ImportChecked struct {
	// Environment is its name.
	Environment string `json:"environment"`
	// Same counts the values that are those of the checkout.
	Same int `json:"same"`
	// Different are those that are others, and that nothing declares so.
	Different []hubploy.Difference `json:"different"`
	// Intended are those that are others on purpose.
	Intended []hubploy.Difference `json:"intended"`
	// Skipped are files of secrets that cannot be opened here; they are left out on both sides.
	Skipped []string `json:"skipped"`
}

// Images are the images of an environment, in the order in which they are built.
type Images struct {
	Head
	// Sandbox says that the registry is simulated.
	Sandbox bool `json:"sandbox"`
	// Registry is where images are that are built here.
	Registry string `json:"registry"`
	// Images are those of the configuration.
	Images []imagestore.Image `json:"images"`
	// Unasked are the reasons for which a registry could not be asked; none when all could.
	Unasked []string `json:"unasked"`
}

// ImageBuilds are what became of images that were to be built.
type ImageBuilds struct {
	Head
	// Images are those that were looked at, in the order of their builds.
	Images []imagebuild.Image `json:"images"`
}

// ImageTag is the tag that names an image's content.
type ImageTag struct {
	Head
	// Image is the image's name.
	Image string `json:"image"`
	// Tag is the tag.
	Tag string `json:"tag"`
}

// Pruning is what nothing needs of an environment's images in the registry.
type Pruning struct {
	Head
	// Sandbox says that the registry is simulated.
	Sandbox bool `json:"sandbox"`
	// Keep is how many of each repository are kept, the latest, used or not.
	Keep int `json:"keep"`
	// Surplus are the images that nothing needs.
	Surplus []imagestore.Surplus `json:"surplus"`
	// Left counts the others.
	Left imagestore.Left `json:"left"`
	// Deleted is how many were deleted.
	Deleted int `json:"deleted"`
}

// Admissions are the gate's verdicts on images.
type Admissions struct {
	Head
	// Admitted says that all of them are.
	Admitted bool `json:"admitted"`
	// Images are the verdicts, by the images' names.
	Images []admission.Record `json:"images"`
	// Unused are allowances for any image that none of these needed.
	Unused []string `json:"unused"`
}

// History is what was deployed to an environment.
type History struct {
	Head
	// Deployments are the newest first.
	Deployments []bundle.Deployment `json:"deployments"`
}

// Diff is in what two bundles differ.
type Diff struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// From and To are the environments, or deployments, that are compared.
	From string `json:"from"`
	// To is the other.
	To string `json:"to"`
	// Differences are images first, then charts and files; none when they run the same.
	Differences []bundle.Difference `json:"differences"`
}

// Recovery is what recover found and did.
type Recovery struct {
	Head
	// Lock is who held the stack and is gone.
	Lock string `json:"lock,omitempty"`
	// Pending are the operations that were cut off.
	Pending []driver.Pending `json:"pending"`
	// Adopted are the ids of resources that were found to be there after all, by the resource's name.
	Adopted map[string]string `json:"adopted"`
	// Uninstalled are releases that were cut off while they were installed.
	Uninstalled []string `json:"uninstalled,omitempty"`
	// Freed are releases that were cut off while they were upgraded or rolled back.
	Freed []string `json:"freed,omitempty"`
	// Repaired says that the state could not be read and was mended.
	Repaired bool `json:"repaired"`
}

// Sandbox is what there is in the simulated world.
type Sandbox struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Now is the virtual time.
	Now time.Time `json:"now"`
	// Settings are the world's settings by name.
	Settings map[string]string `json:"settings"`
	// Objects are the objects in it.
	Objects []Object `json:"objects"`
}

// Object names an object of the simulated world.
type Object struct {
	// Kind is the type's token.
	Kind string `json:"kind"`
	// ID is the object's id within its kind.
	ID string `json:"id"`
}

// Faults are the faults that are injected into the simulated services.
type Faults struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Faults are those that are set, in force or not.
	Faults []world.Fault `json:"faults"`
}
