package config

// Storage is the file system with the users' homes. What is in it outlives the stack.
type Storage struct {
	// FileSystemID adopts an existing EFS file system, fs-….
	FileSystemID string `json:"fileSystemId"`
	// KmsKeyArn encrypts a new file system with a key of yours. Default: EFS's own key.
	KmsKeyArn string `json:"kmsKeyArn"`
	// ThroughputMode is bursting or elastic. Default: elastic.
	ThroughputMode string `json:"throughputMode"`
	// Backup turns AWS Backup's daily backups on. Default: true.
	Backup bool `json:"backup"`
	// Protect makes the engine refuse to delete or replace it. Default: true.
	Protect bool `json:"protect"`
	// HomeSizeGiB is the size that the homes' claim names, in GiB. Kubernetes wants one; EFS grows without it. Default: 100.
	HomeSizeGiB int `json:"homeSizeGiB"`
}

// Registry holds the images that are built here, one ECR repository each.
type Registry struct {
	// Repositories are repositories besides those of images, by the name that follows <deployment>-<environment>-.
	Repositories []string `json:"repositories"`
	// KeepImages is how many tagged images a repository keeps, the latest first. Default: 50.
	KeepImages int `json:"keepImages"`
	// PullAccounts are other AWS accounts that may pull, by their ids.
	PullAccounts []string `json:"pullAccounts"`
	// Protect makes the engine refuse to delete or replace a repository. Default: true.
	Protect bool `json:"protect"`
	// Gate says what an image has to pass before it is admitted. Nothing else is promoted.
	Gate Gate `json:"gate"`
}

// SecretStore is the KMS key, and optionally the CodeCommit repository, for encrypted files.
type SecretStore struct {
	// KeyAlias is the key's alias without "alias/". Default: <deployment>-<environment>-secrets.
	KeyAlias string `json:"keyAlias"`
	// KeyArn is the ARN of a KMS key that is there already, such as that of an earlier deployment: none is made then, and it stays as it is. Its policy
	// has to leave to IAM who may use it. Default: a key of this deployment's own.
	KeyArn string `json:"keyArn"`
	// Codecommit is a git repository for the encrypted files.
	Codecommit Codecommit `json:"codecommit"`
	// Files says where the hubs' secretFiles are when they are in a git repository. Default: in the deployment directory.
	Files SecretFiles `json:"files"`
	// EncryptPrincipals are the ARNs of users and roles who may write secrets.
	EncryptPrincipals []string `json:"encryptPrincipals"`
	// DecryptPrincipals are the ARNs of users and roles who may only read them.
	DecryptPrincipals []string `json:"decryptPrincipals"`
	// DeletionWindowDays is how long KMS waits before a key is really deleted, 7 to 30. Default: 30.
	DeletionWindowDays int `json:"deletionWindowDays"`
	// Protect makes the engine refuse to delete or replace the key and the repository. Default: true.
	Protect bool `json:"protect"`
}

// Codecommit is a git repository for the encrypted files.
type Codecommit struct {
	// Enabled makes it. Default: false.
	Enabled bool `json:"enabled"`
	// Name is the repository's name. Default: <deployment>-<environment>-secrets.
	Name string `json:"name"`
}

// SecretFiles says where the hubs' secretFiles are when they are in a git repository: in that of git or in that of codecommit.
type SecretFiles struct {
	// Git is a repository's URL: https://…, ssh://…, user@host:path, http://… or file:///…, read with the system's git and what that logs in with. A
	// repository of CodeCommit is logged in to with AWS credentials.
	Git string `json:"git"`
	// Codecommit takes the repository that codecommit makes on this stack, as the deployer role. Until it is made there are no files. Default: false.
	Codecommit bool `json:"codecommit"`
	// Branch is what is read, and written to. Default: the repository's own main branch.
	Branch string `json:"branch"`
	// Commit pins what is read: a whole commit. Default: what the branch is at, which previews and outputs name.
	Commit string `json:"commit"`
	// Folder is the folder of the repository to which secretFiles are relative. Default: its top.
	Folder string `json:"folder"`
}

// Remote says that the files are not in the deployment directory.
func (f *SecretFiles) Remote() bool { return f.Git != "" || f.Codecommit }

// Image is an image that is built here. Its tag follows from its content.
type Image struct {
	// Name is the image's name, unique, and its repository's: <deployment>-<environment>-<name>. Required.
	Name string `json:"name"`
	// Context is the build context: a folder of the deployment directory. Required.
	Context string `json:"context"`
	// Dockerfile is the path of the Dockerfile in the context. Default: Dockerfile.
	Dockerfile string `json:"dockerfile"`
	// Target is the stage to build. Default: the last.
	Target string `json:"target"`
	// Platform is such as linux/amd64, which is the default.
	Platform string `json:"platform"`
	// Platforms are several platforms to build for at once, instead of platform: [linux/amd64, linux/arm64]. The reference is then that of an index, of
	// which each node takes what it runs.
	Platforms []string `json:"platforms"`
	// Args are build arguments. They are no place for secrets: they stay in the image's history.
	Args map[string]string `json:"args"`
	// Secrets are what the Dockerfile takes with RUN --mount=type=secret,id=…: they are in no layer, and what they hold does not count in the tag.
	Secrets []BuildSecret `json:"secrets"`
	// CacheFrom are references of images whose layers a build may take over, with the credentials that it pushes with. Default: the image's own last
	// reference, where that is in the same repository; [] for none.
	CacheFrom []string `json:"cacheFrom"`
	// ValuesPaths are where a hub's values take the image's name and tag. Default: singleuser.image.
	ValuesPaths []string `json:"valuesPaths"`
	// Test is a command, word by word, that is run in the image before it is scanned; any exit code but 0 refuses the image. Default: none.
	Test []string `json:"test"`
	// Gate is where the image's gate differs from registry.gate: what is written here counts instead, and allow adds to that one's.
	Gate Gate `json:"gate"`
}

// BuildPlatforms are the platforms that the image is built for.
func (i *Image) BuildPlatforms() []string {
	if len(i.Platforms) > 0 {
		return i.Platforms
	}
	return []string{i.Platform}
}

// SecretIDs are the ids of the image's build secrets.
func (i *Image) SecretIDs() []string {
	var ids []string
	for _, s := range i.Secrets {
		ids = append(ids, s.ID)
	}
	return ids
}

// BuildSecret is a secret of an image's build, and where it is: in a variable or a file of the machine that builds, or without either encrypted in
// Pulumi.<env>.yaml, at hubwright:buildSecrets.<id>.
type BuildSecret struct {
	// ID is what the Dockerfile names it by. Letters, digits, - and _. Required.
	ID string `json:"id"`
	// Env is the environment variable of the machine that builds.
	Env string `json:"env"`
	// File is the file of the machine that builds: an absolute path, or one that begins with ~/ for the home of whoever builds.
	File string `json:"file"`
}

// Hub is a JupyterHub.
type Hub struct {
	// Name is the hub's name, unique on the stack. The hub named "hub" gives its release the name <deployment>-<environment>, any other
	// <deployment>-<name>-<environment>. Required.
	Name string `json:"name"`
	// Namespace is the Kubernetes namespace. Default: the release's name.
	Namespace string `json:"namespace"`
	// Chart is the Helm chart.
	Chart Chart `json:"chart"`
	// Domain is the name users type. Required.
	Domain string `json:"domain"`
	// Values are the hub's values files, low to high, relative to the deployment directory; each a path, or an object with file and
	// optional. ${env} stands for the environment. Default: hubs/all.yaml where there is one, hubs/<name>/common.yaml,
	// hubs/<name>/<environment>.yaml.
	Values []File `json:"values"`
	// ValuesFromFiles are values that are a file's whole text, as helm --set-file has it: the file by the value's path, such as
	// hub.extraFiles.announcements.stringData. ${env} stands for the environment.
	ValuesFromFiles map[string]string `json:"valuesFromFiles"`
	// SecretFiles are files of values encrypted by sops, laid over the others, low to high. ${env} stands for the environment.
	// Default: hubs/<name>/secrets/<environment>.yaml where there is one.
	SecretFiles []File `json:"secretFiles"`
	// Manifests are files with further Kubernetes objects for the hub's namespace, such as claims that its values name. ${env} stands for
	// the environment.
	Manifests []File `json:"manifests"`
	// Templates is a folder with page templates, which override JupyterHub's own by their names. Default: none.
	Templates string `json:"templates"`
	// HTTPS says where TLS ends and who provides the certificate.
	HTTPS HTTPS `json:"https"`
	// Auth says who may log in.
	Auth Auth `json:"auth"`
	// Homes is where its users' home directories are.
	Homes Homes `json:"homes"`
	// Image is the image of single-user servers: one of images, by name. Default: the first of images; without any, the values decide.
	Image string `json:"image"`
	// Atomic makes Helm take a failed change back: an upgrade is rolled back, an installation uninstalled. Default: true.
	Atomic bool `json:"atomic"`
	// TimeoutSeconds is how long Helm waits for the release, in seconds. Default: 1800.
	TimeoutSeconds int `json:"timeoutSeconds"`
}

// File is a file of the deployment directory.
type File struct {
	// File is its path, relative to the deployment directory. Required.
	File string `json:"file"`
	// Optional lets it be absent. Otherwise that is an error. Default: false.
	Optional bool `json:"optional"`
}

// Homes is where a hub's home directories are, and whose they are. It stays as it is once there are homes: they do not move by themselves.
type Homes struct {
	// Directory is the hub's part of the file system; hubs that name the same one share their homes. "/" is the whole file system as it
	// is, in which only root can make a new user's folder. Default: /hubs/<release>.
	Directory string `json:"directory"`
	// UID is the number of the user that owns the homes. Default: 1000, jovyan of the Jupyter images.
	UID int `json:"uid"`
	// GID is the number of the group that owns the homes. Default: 100, users.
	GID int `json:"gid"`
}

// Chart is a Helm chart: from a repository, or in a folder.
type Chart struct {
	// Repository is the chart repository's URL. Default: https://hub.jupyter.org/helm-chart/
	Repository string `json:"repository"`
	// Name is the chart's name. Default: jupyterhub.
	Name string `json:"name"`
	// Version is the exact version. Required without path.
	Version string `json:"version"`
	// Path is a chart in a folder of the deployment directory, instead of one from a repository.
	Path string `json:"path"`
	// ValuesKey is the key below which the JupyterHub chart's values stand when the chart is a wrapper around it: the dependency's name.
	// Default: none.
	ValuesKey string `json:"valuesKey"`
}

// HTTPS says where TLS ends and who provides the certificate.
type HTTPS struct {
	// Type is manual (key and certificate from the secrets), offload (at the load balancer, with an ACM certificate), letsencrypt, values
	// (the hub's values say it) or, in the sandbox only, off. Default: manual.
	Type string `json:"type"`
	// CertificateArn is the ACM certificate, in the deployment's region. Offload needs this, certificateDomain or requestCertificate.
	CertificateArn string `json:"certificateArn"`
	// CertificateDomain finds the newest issued certificate in ACM by its domain name, such as "*.example.org". For offload.
	CertificateDomain string `json:"certificateDomain"`
	// RequestCertificate has a certificate for the hub's domain requested from ACM and proven by a record in the deployment's zone. For offload.
	RequestCertificate bool `json:"requestCertificate"`
	// ContactEmail is whom Let's Encrypt writes to. Required for letsencrypt.
	ContactEmail string `json:"contactEmail"`
}

// Auth says who may log in. The client's id and secret are secrets.
type Auth struct {
	// Type is mast (STScI's archive accounts: oauth with URLs, scopes and claim preset), cognito (an Amazon Cognito user pool), github, google,
	// cilogon, oauth (any OAuth 2.0 or OpenID Connect provider), values (the hub's values files say it) or, in the sandbox only, dummy. Required.
	Type string `json:"type"`
	// Domain is the domain of a Cognito user pool's endpoints, such as hubs.auth.us-east-1.amazoncognito.com. Required for cognito.
	Domain string `json:"domain"`
	// AllowedOrganizations are the GitHub organizations, or teams as organization:team, whose members may log in. For github.
	AllowedOrganizations []string `json:"allowedOrganizations"`
	// HostedDomains are the Google Workspace domains whose accounts may log in. For google.
	HostedDomains []string `json:"hostedDomains"`
	// AllowedIDPs are the identity providers, by their entity ids, and the claim of each that becomes the user's name. Required for cilogon.
	AllowedIDPs map[string]string `json:"allowedIdps"`
	// Config are further settings of the authenticator's class, by trait.
	Config map[string]any `json:"config"`
	// LoginService is the provider's name on the login button. Default for mast: MAST.
	LoginService string `json:"loginService"`
	// AuthorizeURL is where users log in. Required for oauth, preset for mast and cognito.
	AuthorizeURL string `json:"authorizeUrl"`
	// TokenURL is where the hub gets a token. Required for oauth, preset for mast and cognito.
	TokenURL string `json:"tokenUrl"`
	// UserdataURL is where the hub asks who the user is. Required for oauth, preset for mast and cognito.
	UserdataURL string `json:"userdataUrl"`
	// UsernameClaim is the field of that answer which becomes the user's name. Required for oauth, preset for mast and cognito.
	UsernameClaim string `json:"usernameClaim"`
	// Scopes are what the hub asks the provider for.
	Scopes []string `json:"scopes"`
	// AllowAll lets in everybody whom the provider knows. Default: false.
	AllowAll bool `json:"allowAll"`
	// AllowedUsers are the users who may log in.
	AllowedUsers []string `json:"allowedUsers"`
	// AdminUsers are the hub's administrators, who may log in too.
	AdminUsers []string `json:"adminUsers"`
}

// OAuth says whether an OAuth client is needed.
func (a *Auth) OAuth() bool { return authenticators[a.Type] != "" }

// generic says whether the endpoints come from the configuration.
func (a *Auth) generic() bool {
	return a.Type == AuthMAST || a.Type == AuthOAuth || a.Type == AuthCognito
}

// DNS says where the hubs' records are written.
type DNS struct {
	// Zone is the Route 53 hosted zone, by name.
	Zone string `json:"zone"`
	// ZoneID is the hosted zone, by id.
	ZoneID string `json:"zoneId"`
	// Record is cname or alias; a zone's own name needs alias. Default: cname.
	Record string `json:"record"`
	// TTL is how long resolvers keep a CNAME, in seconds. Default: 300.
	TTL int `json:"ttl"`
	// Overwrite takes over a record that exists and is not ours. Default: false.
	Overwrite bool `json:"overwrite"`
}

// Pins fix what a promotion brought.
type Pins struct {
	// Images are references by digest, <repository>@sha256:…, by the image's name. A pinned image is not built.
	Images map[string]string `json:"images"`
	// Charts are chart versions by the hub's name.
	Charts map[string]string `json:"charts"`
	// Files are digests of what the files said that were tested: values, page templates, and charts in folders, by their names. A file that says something
	// else is not what was tested, which the guard untested-bundle tells of.
	Files map[string]string `json:"files"`
	// From is the environment on which all this was tested.
	From string `json:"from"`
	// Bundle is the name of the whole: pins that were edited by hand are told by it.
	Bundle string `json:"bundle"`
}

// Promoted says whether the pins are of a promotion that says what was tested.
func (p Pins) Promoted() bool { return p.From != "" }

// Values of the fields that name a choice.
const (
	CredsCreate  = "create"
	CredsAssume  = "assume"
	CredsAmbient = "ambient"

	NATNone    = "none"
	NATSingle  = "single"
	NATPerZone = "perZone"

	PurposeCore = "core"
	PurposeUser = "user"

	// WholeFileSystem is the homes.directory that is no part of the file system.
	WholeFileSystem = "/"

	HTTPSManual      = "manual"
	HTTPSOffload     = "offload"
	HTTPSLetsEncrypt = "letsencrypt"
	HTTPSValues      = "values"
	HTTPSOff         = "off"

	AuthMAST    = "mast"
	AuthOAuth   = "oauth"
	AuthCognito = "cognito"
	AuthGitHub  = "github"
	AuthGoogle  = "google"
	AuthCILogon = "cilogon"
	AuthValues  = "values"
	AuthDummy   = "dummy"

	RecordCNAME = "cname"
	RecordAlias = "alias"
)
