package chartcheck

import "strings"

// where says where a setting of an older JupyterHub chart went. The chart's own messages and its changelog have them:
// https://github.com/jupyterhub/zero-to-jupyterhub-k8s/blob/main/jupyterhub/templates/NOTES.txt
// https://z2jh.jupyter.org/en/stable/changelog.html
var where = map[string]string{
	"jupyterhub":                       "these are values of a wrapper chart: name its folder with chart.path, or write them without this key",
	"auth":                             "since chart 0.11 it is hub.config, by the name of the authenticator's class: https://z2jh.jupyter.org/en/stable/administrator/authentication.html",
	"hub.fsGid":                        "since chart 2.0.0 it is hub.podSecurityContext.fsGroup",
	"rbac.enabled":                     "since chart 2.0.0 it is rbac.create, and serviceAccount.create of hub, proxy.traefik, scheduling.userScheduler and prePuller.hook",
	"singleuser.cloudMetadata.enabled": "since chart 1.0.0 it is singleuser.cloudMetadata.blockWithIptables, with the opposite value",
	"singleuser.cloudMetadata.blockWithIptables": "since chart 3.0.0 it does not go together with singleuser.networkPolicy.egressAllowRules.cloudMetadataServer: leave one of them out",
	"httpRoute.gateway":                          "since chart 5.0.0 it is httpRoute.parentRefs",
}

// moved is a hint for a setting of an older chart, "" for any other. A wrapper's key before it does not count.
func moved(path []string) string {
	for len(path) > 0 {
		if hint := where[strings.Join(path, ".")]; hint != "" {
			return hint
		}
		if path[0] != "jupyterhub" {
			return ""
		}
		path = path[1:]
	}
	return ""
}
