package config

import (
	"path"
	"strings"
)

// The defaults, all of them. Those that do not depend on anything else are set before a file is read, by the methods setDefaults; those that
// follow from other values by complete, afterwards.

// mast are the addresses of STScI's archive login. The paths of authorizeUrl and userdataUrl, the claim and the scopes are those of
// github.com/spacetelescope/jupyterhub-deploy, deployments/cslocum/config/common.yaml; tokenUrl is that of
// github.com/spacetelescope/jwql, jwql/website/apps/jwql/oauth.py. All of them can be set otherwise.
var mast = Auth{
	LoginService:  "MAST",
	AuthorizeURL:  "https://auth.mast.stsci.edu/oauth/authorize",
	TokenURL:      "https://auth.mast.stsci.edu/oauth/access_token",
	UserdataURL:   "https://auth.mast.stsci.edu/info",
	UsernameClaim: "eppn",
	Scopes:        []string{"mast:user:info"},
}

func (c *Creds) setDefaults() { c.Mode = CredsCreate }

func (n *Network) setDefaults() { n.Endpoints = []string{"s3"} }

func (c *Cluster) setDefaults() { c.SecretsEncryption = true }

func (e *Endpoint) setDefaults() { e.Public, e.Private = true, true }

// The runbook's deployment script set the CNI to one warm address by hand.
func (v *VpcCni) setDefaults() { v.WarmIPTarget = 1 }

// unset marks a number that was not written, where 0 is one that could be.
const unset = -1

func (g *NodeGroup) setDefaults() { g.DiskGiB, g.Desired = 50, unset }

func (a *Autoscaler) setDefaults() { a.Enabled = true }

func (s *Storage) setDefaults() {
	s.ThroughputMode, s.Backup, s.Protect, s.HomeSizeGiB = "elastic", true, true, 100
}

// The gate's defaults are the registry's alone: what an image's gate leaves out is the registry's.
func (r *Registry) setDefaults() {
	r.KeepImages, r.Protect = 50, true
	r.Gate = Gate{Threshold: SeverityCritical, TimeoutSeconds: 900, TestTimeoutSeconds: 600}
}

func (s *SecretStore) setDefaults() { s.DeletionWindowDays, s.Protect = 30, true }

func (i *Image) setDefaults() {
	i.Dockerfile, i.Platform, i.ValuesPaths = "Dockerfile", "linux/amd64", []string{"singleuser.image"}
}

func (h *Hub) setDefaults() {
	h.TimeoutSeconds, h.Atomic = 1800, true
	h.Homes.UID, h.Homes.GID = 1000, 100
}

// The repository is the one that https://z2jh.jupyter.org names.
func (c *Chart) setDefaults() {
	c.Repository, c.Name = "https://hub.jupyter.org/helm-chart/", "jupyterhub"
}

func (h *HTTPS) setDefaults() { h.Type = HTTPSManual }

func (d *DNS) setDefaults() { d.Record, d.TTL = RecordCNAME, 300 }

// complete sets the defaults that follow from other values.
func (s *Stack) complete() {
	orElse(&s.Deployment.Region, s.awsRegion)
	prefix := s.Prefix()
	orElse(&s.Creds.NamePrefix, prefix)
	if z := &s.Network.AvailabilityZones; z.Count == 0 && len(z.Names) == 0 {
		z.Count = 3
	}
	if !s.Network.Existing() {
		orElse(&s.Network.CIDR, "172.16.0.0/16") // the runbook's
	}
	if s.Network.Private {
		orElse(&s.Network.NAT, NATSingle)
	}
	orElse(&s.Network.NAT, NATNone)
	orElse(&s.Cluster.Name, prefix)
	orElse(&s.Cluster.PermissionsBoundary, s.Creds.PermissionsBoundary)
	for i := range s.Cluster.NodeGroups {
		s.Cluster.NodeGroups[i].complete()
	}
	orElse(&s.SecretStore.KeyAlias, prefix+"-secrets")
	orElse(&s.SecretStore.Codecommit.Name, prefix+"-secrets")
	s.Registry.Gate.complete()
	s.Guards.complete()
	for i := range s.Images {
		s.Images[i].Gate.complete()
	}
	for i := range s.Hubs {
		h := &s.Hubs[i]
		orElse(&h.Namespace, s.ReleaseName(h.Name))
		if len(s.Images) > 0 {
			orElse(&h.Image, s.Images[0].Name)
		}
		if h.Values == nil {
			h.Values = []File{{"hubs/all.yaml", true}, {path.Join("hubs", h.Name, "common.yaml"), false}, {path.Join("hubs", h.Name, "${env}.yaml"), false}}
		}
		if h.SecretFiles == nil {
			h.SecretFiles = []File{{path.Join("hubs", h.Name, "secrets", "${env}.yaml"), true}}
		}
		for _, files := range [][]File{h.Values, h.SecretFiles, h.Manifests} {
			for j := range files {
				files[j].File = strings.ReplaceAll(files[j].File, "${env}", s.Environment)
			}
		}
		for at, file := range h.ValuesFromFiles {
			h.ValuesFromFiles[at] = strings.ReplaceAll(file, "${env}", s.Environment)
		}
		h.Auth.complete()
	}
}

func (g *NodeGroup) complete() {
	if g.Desired == unset {
		g.Desired = g.Min
	}
}

func (a *Auth) complete() {
	if a.Type == AuthCognito && a.Domain != "" {
		// https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
		orElse(&a.AuthorizeURL, "https://"+a.Domain+"/oauth2/authorize")
		orElse(&a.TokenURL, "https://"+a.Domain+"/oauth2/token")
		orElse(&a.UserdataURL, "https://"+a.Domain+"/oauth2/userInfo")
		orElse(&a.UsernameClaim, "username")
		if a.Scopes == nil {
			a.Scopes = []string{"openid"} // which userInfo wants
		}
	}
	if a.Type != AuthMAST {
		return
	}
	orElse(&a.LoginService, mast.LoginService)
	orElse(&a.AuthorizeURL, mast.AuthorizeURL)
	orElse(&a.TokenURL, mast.TokenURL)
	orElse(&a.UserdataURL, mast.UserdataURL)
	orElse(&a.UsernameClaim, mast.UsernameClaim)
	if a.Scopes == nil {
		a.Scopes = append(a.Scopes, mast.Scopes...)
	}
}

// orElse gives s a default.
func orElse(s *string, value string) {
	if *s == "" {
		*s = value
	}
}
