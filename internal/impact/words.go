package impact

import (
	"strings"
)

// newServers is when a setting of users' servers is felt: the hub reads it when it starts one
// (https://z2jh.jupyter.org/en/stable/jupyterhub/customizing/user-environment.html).
const newServers = "applies to new servers"

// words are the JupyterHub chart's values in the words of those who run hubs; the longest beginning of a path that is here counts, and "*" stands for a name.
// https://z2jh.jupyter.org/en/stable/resources/reference.html
var words = map[string]struct{ what, when string }{
	"singleuser.memory.limit":                   {"memory limit of single-user servers", newServers},
	"singleuser.memory.guarantee":               {"memory that single-user servers are guaranteed", newServers},
	"singleuser.cpu.limit":                      {"CPU limit of single-user servers", newServers},
	"singleuser.cpu.guarantee":                  {"CPU that single-user servers are guaranteed", newServers},
	"singleuser.image":                          {"image of single-user servers", newServers + "; it is pulled to the nodes"},
	"singleuser.defaultUrl":                     {"page that users see first", newServers},
	"singleuser.startTimeout":                   {"seconds that a server may take to start", newServers},
	"singleuser.profileList":                    {"choice of servers that users are offered", newServers},
	"singleuser.storage":                        {"where users' homes are", newServers},
	"singleuser.storage.static.pvcName":         {"claim that holds users' homes", newServers + ", which see other homes"},
	"singleuser.storage.static.subPath":         {"folder of a user's home in the claim", newServers + ", which see other homes"},
	"singleuser.storage.capacity":               {"size of a home's own volume", "applies to homes that are made anew"},
	"singleuser.storage.homeMountPath":          {"where a home is mounted", newServers},
	"singleuser.extraEnv.*":                     {"environment variable of single-user servers", newServers},
	"singleuser.extraFiles":                     {"file in single-user servers", newServers},
	"singleuser.lifecycleHooks":                 {"what runs when a server starts or stops", newServers},
	"singleuser.extraResource":                  {"further resources of single-user servers, such as GPUs", newServers},
	"singleuser.nodeSelector":                   {"nodes that single-user servers run on", newServers},
	"singleuser.extraTolerations":               {"nodes that single-user servers may run on", newServers},
	"singleuser.networkPolicy":                  {"what single-user servers may reach", "applies at once"},
	"singleuser.cloudMetadata":                  {"access of single-user servers to the cloud's metadata", newServers},
	"singleuser.uid":                            {"user id in single-user servers", newServers},
	"singleuser.fsGid":                          {"group id of single-user servers' volumes", newServers},
	"singleuser.cmd":                            {"command of single-user servers", newServers},
	"singleuser":                                {"setting of single-user servers", newServers},
	"hub.config.Authenticator.allowed_users":    {"who may log in", ""},
	"hub.config.Authenticator.admin_users":      {"who is an administrator", ""},
	"hub.config.Authenticator.allow_all":        {"whether everybody who can log in may", ""},
	"hub.config.JupyterHub.authenticator_class": {"how users log in", "those who are logged in stay so"},
	"hub.config":                                {"setting of the hub", ""},
	"hub.extraConfig":                           {"code in the hub's configuration", ""},
	"hub.extraEnv":                              {"environment variable of the hub", ""},
	"hub.image":                                 {"image of the hub", ""},
	"hub.resources":                             {"what the hub itself may use", ""},
	"hub.db":                                    {"the hub's database", ""},
	"hub.services":                              {"services of the hub", ""},
	"hub.loadRoles":                             {"roles of users, groups and services", ""},
	"hub.cookieSecret":                          {"secret of the hub's cookies", "everybody is logged out"},
	"hub.concurrentSpawnLimit":                  {"servers that may start at a time", ""},
	"hub.activeServerLimit":                     {"servers that may run at a time", ""},
	"hub.allowNamedServers":                     {"whether users may have several servers", ""},
	"hub.namedServerLimitPerUser":               {"servers that a user may have", ""},
	"hub.shutdownOnLogout":                      {"whether servers stop at logout", ""},
	"hub":                                       {"setting of the hub", ""},
	"proxy.secretToken":                         {"token between hub and proxy", "both restart"},
	"proxy.https":                               {"how HTTPS is ended", ""},
	"proxy.service":                             {"the load balancer's service", ""},
	"proxy.chp":                                 {"setting of the proxy", ""},
	"proxy":                                     {"setting of the proxy", ""},
	"cull.timeout":                              {"seconds after which an idle server is stopped", ""},
	"cull.every":                                {"seconds between looks for idle servers", ""},
	"cull.maxAge":                               {"seconds after which any server is stopped", ""},
	"cull.enabled":                              {"whether idle servers are stopped", ""},
	"cull.users":                                {"whether idle users are deleted, too", ""},
	"cull":                                      {"how idle servers are stopped", ""},
	"scheduling.userScheduler":                  {"how users are packed onto nodes", "applies to new servers"},
	"scheduling.userPlaceholder.replicas":       {"places that are kept free for users", ""},
	"scheduling.userPlaceholder":                {"places that are kept free for users", ""},
	"scheduling":                                {"which nodes pods run on", ""},
	"prePuller":                                 {"how images are pulled ahead", ""},
	"ingress":                                   {"how the hub is reached", ""},
	"debug":                                     {"how much is logged", ""},
}

// Words says what a value of a hub's release is, in the words of those who run hubs, and when a change of it is felt. path is that of a property of the
// release, such as values.singleuser.memory.limit; a wrapper chart's key may stand before the chart's own. "" for what is no value of the JupyterHub chart.
func Words(path, valuesKey string) string {
	rest, ok := strings.CutPrefix(path, "values.")
	if !ok {
		return ""
	}
	if valuesKey != "" {
		if rest, ok = strings.CutPrefix(rest, valuesKey+"."); !ok {
			return ""
		}
	}
	for key := rest; key != ""; {
		for _, k := range []string{key, wild(key)} {
			if w, ok := words[k]; ok {
				if w.when == "" {
					return w.what
				}
				return w.what + "; " + w.when
			}
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			return ""
		}
		key = key[:cut]
	}
	return ""
}

// wild has "*" in the place of a path's last name.
func wild(path string) string {
	return path[:strings.LastIndexByte(path, '.')+1] + "*"
}
