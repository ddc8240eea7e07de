package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/config"
)

func TestWrongInput(t *testing.T) {
	const file = "Pulumi.staging.yaml:"
	long := strings.Repeat("a", 45)
	image := func(keys string) string { return "  hubwright:images: [{name: x, context: image, " + keys + "}]" }
	tests := []struct {
		name, lines, want string
	}{
		// Reading.
		{"an unknown key", "  hubwright:dns: {recrod: cname}", `5: dns.recrod: is not a key of dns; did you mean "record"?`},
		{"an unknown key far from all", "  hubwright:pins: {zzz: 1}", `5: pins.zzz: is not a key of pins; known are images, charts, files, from, bundle`},
		{"an unknown key of the project", "  hubwright:netwrok: {}", `5: hubwright:netwrok: is not a known key; did you mean "hubwright:network"?`},
		{"a mistyped namespace", "  hubwrigth:network: {}", `5: hubwrigth:network: belongs to "hubwrigth", which nothing here reads; did you mean "hubwright:network"?`},
		{"an unknown key of the file", "secretprovider: x", `5: secretprovider: is not a key of a stack's file; did you mean "secretsprovider"?`},
		{"a key that is there twice", "  hubwright:dns:\n    ttl: 1\n    ttl: 2", `7: dns.ttl: is written twice, on line 6 and on line 7; keep one`},
		{"a number for text", "  hubwright:cluster: {version: 1.35}", `5: cluster.version: 1.35 is read as a number, but text is wanted; put it in quotes: "1.35"`},
		{"text for a number", "  hubwright:dns: {ttl: five}", `5: dns.ttl: "five" is text, but a whole number is wanted`},
		{"a fraction", "  hubwright:dns: {ttl: 1.5}", `5: dns.ttl: "1.5" is a number, but a whole number is wanted`},
		{"text for true or false", `  hubwright:network: {private: "yes"}`, `5: network.private: "yes" is text, but true or false is wanted`},
		{"text for a list", "  hubwright:creds: {users: gough}", `5: creds.users: "gough" is text, but a list is wanted`},
		{"a list for an object", "  hubwright:dns: [zone]", `5: dns: is a list, but an object with zone, zoneId, record, ttl or overwrite is wanted`},
		{"an object for text", "  hubwright:dns: {record: {a: 1}}", `5: dns.record: is an object, but text is wanted`},
		{"a value encrypted in the wrong place", "  hubwright:dns: {zone: {secure: v1:abc}}", `5: dns.zone: is encrypted here; only hubwright:secrets holds encrypted values: pulumi config set --secret --path 'hubwright:secrets.<hub>.oauth.clientSecret'`},
		{"a build secret in plain text", "  hubwright:buildSecrets: {pip: hunter2}", `5: buildSecrets.pip: is not encrypted; take it out, consider it known, and set a new one: pulumi config set --secret --path 'hubwright:buildSecrets.<id>'`},
		{"platforms beside a platform", image("platform: linux/amd64, platforms: [linux/amd64, linux/arm64]"), `5: images[x].platform: is written beside platforms; put it among platforms and take this out`},
		{"a platform that there is not", image("platforms: [linux/amd64, windows/amd64]"), `5: images[x].platforms[1]: "windows/amd64" is not a platform; write it like linux/amd64`},
		{"a platform twice", image("platforms: [linux/amd64, linux/amd64]"), `5: images[x].platforms[1]: "linux/amd64" is there already, as entry 0; name each once`},
		{"cache from no image", image("cacheFrom: ['a b']"), `5: images[x].cacheFrom[0]: "a b" is not the reference of an image; write it like <repository>:<tag>`},
		{"a build secret without an id", image("secrets: [{env: TOKEN}]"), `5: images[x].secrets[0].id: is missing; it is what the Dockerfile names the secret by, such as pip-token`},
		{"a build secret's id", image("secrets: [{id: a.b}]"), `5: images[x].secrets[0].id: "a.b" is not an id of a secret; write it like pip-token`},
		{"a build secret twice", image("secrets: [{id: a}, {id: a}]"), `5: images[x].secrets[1].id: "a" is there already, as entry 0; give each an id of its own`},
		{"a build secret in two places", image("secrets: [{id: a, env: A, file: /a}]"), `5: images[x].secrets[0].file: names a second place beside env; give one of them`},
		{"a build secret's variable", image("secrets: [{id: a, env: A-B}]"), `5: images[x].secrets[0].env: "A-B" is not a variable's name; write it like PIP_TOKEN`},
		{"a build secret's file in the repository", image("secrets: [{id: a, file: netrc}]"), `5: images[x].secrets[0].file: "netrc" is a path in the deployment directory, where a secret is in the clear for whoever reads the repository; keep it outside, and give an absolute path or one that begins with ~/`},
		{"a build secret's value", image("secrets: [{id: a, value: hunter2}]"), `5: images[x].secrets[0].value: is not a key of images[x].secrets[0]; known are id, env, file`},
		{"a secret in plain text", "  hubwright:secrets: {hub: {proxyToken: hunter2}}", `5: secrets.hub.proxyToken: is not encrypted; take it out, consider it known, and set a new one: pulumi config set --secret --path 'hubwright:secrets.<hub>.oauth.clientSecret'`},
		{"no YAML", "  hubwright:dns: {zone: [}", `5: did not find expected node content; the file is not readable as YAML`},
		{"an endless anchor", "  hubwright:dns: &a {zone: *a}", `5: dns.zone: anchor "a" contains itself`},

		// Who, and where.
		{"a name", "  hubwright:deployment: {name: Roman}", `5: deployment.name: "Roman" is not a name of lower-case letters, digits and hyphens that begins with a letter; write it like roman-sit`},
		{"a long name", "  hubwright:deployment: {name: " + long + "}", `5: deployment.name: "` + long + `-staging-cluste…" is 72 characters long as the name of an IAM role; at most 64 are allowed`},
		{"an account", `  hubwright:deployment: {accountId: "12345"}`, `5: deployment.accountId: "12345" is not an AWS account id: it has twelve digits; write it like 162808325377`},
		{"a region", "  hubwright:deployment: {region: useast1}", `5: deployment.region: "useast1" is not an AWS region; write it like us-east-1`},
		{"no owner", "  hubwright:deployment: {owner: null}", `5: deployment.owner: is missing; who answers for the deployment, such as a group's name`},
		{"a tag of ours", "  hubwright:deployment: {tags: {owner: me}}", `5: deployment.tags.owner: is set by hubwright itself; use another key`},
		{"a tag of AWS", "  hubwright:deployment: {tags: {'aws:x': y}}", `5: deployment.tags.aws:x: begins with aws:, which AWS keeps for itself; use another key`},
		{"a mode", "  hubwright:creds: {mode: creat}", `5: creds.mode: "creat" is not known; did you mean "create"? It is one of create, assume or ambient`},
		{"assume without a role", "  hubwright:creds: {mode: assume}", `5: creds.roleArn: is missing; mode assume needs the role's ARN, such as arn:aws:iam::162808325377:role/deployer`},
		{"a role without assume", "  hubwright:creds: {roleArn: arn:aws:iam::162808325377:role/x}", `5: creds.roleArn: is for mode assume; take it out, or set creds.mode to assume`},
		{"nobody trusted", "  hubwright:creds: {trustedPrincipals: []}", `5: creds.trustedPrincipals: is empty: nobody could assume the deployer role; name each user or role, such as arn:aws:iam::162808325377:user/gough`},
		{"everybody trusted", "  hubwright:creds: {trustedPrincipals: ['*']}", `5: creds.trustedPrincipals[0]: "*" trusts strangers; name each user or role, such as arn:aws:iam::162808325377:user/gough`},
		{"an account trusted", "  hubwright:creds: {trustedPrincipals: ['arn:aws:iam::162808325377:root']}", `5: creds.trustedPrincipals[0]: "arn:aws:iam::162808325377:root" trusts a whole account; name each user or role, such as arn:aws:iam::162808325377:user/gough`},
		{"a boundary", "  hubwright:creds: {permissionsBoundary: x}", `5: creds.permissionsBoundary: "x" is not the ARN of an IAM policy; write it like arn:aws:iam::162808325377:policy/boundary`},

		// Network.
		{"no CIDR", "  hubwright:network: {cidr: 172.16.0.0}", `5: network.cidr: "172.16.0.0" is not an IPv4 address range; write it like 172.16.0.0/16`},
		{"a CIDR within its block", "  hubwright:network: {cidr: 172.16.1.0/16}", `5: network.cidr: "172.16.1.0/16" begins inside its own block; is 172.16.0.0/16 meant?`},
		{"a small CIDR", "  hubwright:network: {cidr: 172.16.0.0/24}", `5: network.cidr: "172.16.0.0/24" is a /24, which the subnets do not fit into; use a /16 to /20`},
		{"a public CIDR", "  hubwright:network: {cidr: 8.8.0.0/16}", `5: network.cidr: "8.8.0.0/16" is not a range for private use; use one in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10`},
		{"one zone", "  hubwright:network: {availabilityZones: 1}", `5: network.availabilityZones: are 1; use 2 to 4 zones: EKS wants two at least`},
		{"no zone", "  hubwright:network: {availabilityZones: 0}", `5: network.availabilityZones: is 0; use 2 to 4 zones`},
		{"another region's zone", "  hubwright:network: {availabilityZones: [us-east-1a, us-west-2a]}", `5: network.availabilityZones[1]: "us-west-2a" is not a zone of region us-east-1; write it like us-east-1a`},
		{"NAT for nothing", "  hubwright:network: {nat: single}", `5: network.nat: is single, but there are no private subnets; set network.private to true, or take nat out`},
		{"no way out", "  hubwright:network: {private: true, nat: none, endpoints: [s3, ecr.api, ecr.dkr, sts]}", `5: network.nat: is none, and there is no endpoint for ec2: nodes could not join the cluster; add it to network.endpoints, or use nat single: https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html`},
		{"two names of a VPC", "  hubwright:network: {vpcId: vpc-0123456789abcdef0, vpcName: x}", `5: network.vpcName: names a VPC that vpcId names already; give one of them`},
		{"a VPC id", "  hubwright:network: {vpcId: vpc-x}", `5: network.vpcId: "vpc-x" is not the id of a VPC; write it like vpc-0123456789abcdef0`},
		{"a range for an existing VPC", "  hubwright:network: {vpcName: x, cidr: 10.0.0.0/16}", `5: network.cidr: is for a new VPC, but an existing one is named; take one of them out; null takes a default of Pulumi.yaml out`},
		{"subnets of no VPC", "  hubwright:network: {publicSubnetIds: [subnet-01234567]}", `5: network.publicSubnetIds: are subnets of an existing VPC, but none is named; set network.vpcId or network.vpcName`},

		// Where the secrets are.
		{"a program for a repository", "  hubwright:secretstore: {files: {git: 'ext::sh'}}", `5: secretstore.files.git: would make git start a program, ext; use one of https, ssh, http, file`},
		{"credentials in a URL", "  hubwright:secretstore: {files: {git: 'https://me:hunter2@example.org/x'}}", `5: secretstore.files.git: has credentials in it, which everybody who reads the configuration then knows; take them out, consider them known, and give new ones to git's credential helper: git-scm.com/docs/gitcredentials`},
		{"an option for a branch", "  hubwright:secretstore: {files: {git: 'https://example.org/x', branch: --x}}", `5: secretstore.files.branch: "--x" is not the name of a branch; write it like main, without refs/heads/`},
		{"half a commit", "  hubwright:secretstore: {files: {git: 'https://example.org/x', commit: abc1234}}", `5: secretstore.files.commit: "abc1234" is not a commit's whole name; write all its 40 hexadecimal digits in lower case, as git rev-parse prints them`},
		{"a folder outside", "  hubwright:secretstore: {files: {git: 'https://example.org/x', folder: ../x}}", `5: secretstore.files.folder: "../x" is not a path in a repository; write it like hubs/hub/secrets, without ./ and ../`},
		{"a branch of nothing", "  hubwright:secretstore: {files: {branch: main}}", `5: secretstore.files.branch: is for a repository, but none is named; name it with git or codecommit, or take this out`},
		{"no CodeCommit", "  hubwright:secretstore: {files: {codecommit: true}}", `5: secretstore.files.codecommit: takes the stack's CodeCommit repository, but none is made; set secretstore.codecommit.enabled to true, or name another repository with git`},
		{"two repositories", "  hubwright:secretstore: {codecommit: {enabled: true}, files: {codecommit: true, git: 'https://example.org/x'}}", `5: secretstore.files.codecommit: names a repository besides that of git; give one of them`},

		// Cluster.
		{"a version of Kubernetes", `  hubwright:cluster: {version: "1.35.1"}`, `5: cluster.version: "1.35.1" is not a Kubernetes version; write it like "1.35"`},
		{"its own cluster", "  hubwright:cluster: {from: staging}", `5: cluster.from: is this environment itself; name another one, or take it out`},
		{"nobody's cluster", "  hubwright:cluster: {from: prod}", `5: cluster.from: there is no environment "prod"; there are staging`},
		{"everybody, unsaid", "  hubwright:cluster: {endpoint: {publicCidrs: []}}", `5: cluster.endpoint.publicCidrs: is missing, which would open the API server to everybody; say so with ["0.0.0.0/0"], or list the ranges that may reach it`},
		{"no endpoint", "  hubwright:cluster: {endpoint: {public: false, private: false, publicCidrs: []}}", `5: cluster.endpoint: is neither public nor private, so nobody could reach the API server; set one of them to true`},
		{"nodes shut out", "  hubwright:cluster: {endpoint: {private: false, publicCidrs: [203.0.113.0/24]}}", `5: cluster.endpoint.private: is false, so the nodes could not reach the API server; set it to true`},
		{"an add-on's version", "  hubwright:cluster: {addons: {coredns: {version: latest}}}", `5: cluster.addons.coredns.version: "latest" is not the version of an EKS add-on; write it like v1.21.1-eksbuild.5`},
		{"a newer kube-proxy", "  hubwright:cluster: {addons: {kubeProxy: {version: v1.36.0-eksbuild.1}}}", `5: cluster.addons.kubeProxy.version: v1.36.0-eksbuild.1 does not go with Kubernetes 1.35; use a build of the cluster's own version`},
		{"a log", "  hubwright:cluster: {logTypes: [audits]}", `5: cluster.logTypes[0]: "audits" is not known; did you mean "audit"? It is one of api, audit, authenticator, controllerManager or scheduler`},
		{"a policy", "  hubwright:cluster: {access: [{principal: 'arn:aws:iam::162808325377:role/x', policy: view}]}", `5: cluster.access[0].policy: "view" is not known; use AmazonEKSViewPolicy, AmazonEKSEditPolicy, AmazonEKSAdminPolicy, AmazonEKSAdminViewPolicy or AmazonEKSClusterAdminPolicy`},
		{"min above max", "  hubwright:cluster: {nodeGroups: [{name: user, min: 11}]}", `5: cluster.nodeGroups[user].min: is 11, more than max, which is 10; min ≤ desired ≤ max`},
		{"desired above max", "  hubwright:cluster: {nodeGroups: [{name: user, desired: 11}]}", `5: cluster.nodeGroups[user].desired: is 11, outside min and max, 0 and 10; min ≤ desired ≤ max`},
		{"no max", "  hubwright:cluster: {nodeGroups: [{name: gpu, instanceTypes: [g5.xlarge]}]}", `5: cluster.nodeGroups[gpu].max: is missing; use 1 to 450`},
		{"an instance type", "  hubwright:cluster: {nodeGroups: [{name: user, instanceTypes: [t3-xlarge]}]}", `5: cluster.nodeGroups[user].instanceTypes[0]: "t3-xlarge" is not an EC2 instance type; write it like t3.xlarge`},
		{"a disk", "  hubwright:cluster: {nodeGroups: [{name: user, diskGiB: 10}]}", `5: cluster.nodeGroups[user].diskGiB: is 10; use 20 to 65536`},
		{"a purpose", "  hubwright:cluster: {nodeGroups: [{name: user, purpose: users}]}", `5: cluster.nodeGroups[user].purpose: "users" is not known; did you mean "user"? It is one of core or user`},
		{"nowhere for users", "  hubwright:cluster: {nodeGroups: [{name: user, purpose: core}]}", `5: cluster.nodeGroups: have none with purpose user, so single-user servers would have nowhere to run; give one that purpose, or give none a purpose`},
		{"nowhere for the system", "  hubwright:cluster: {nodeGroups: [{name: core, min: 0}]}", `5: cluster.nodeGroups: have none that is never empty and without taints, so the cluster's own pods would have nowhere to run; give one min 1 or more and no taints`},
		{"a label", "  hubwright:cluster: {nodeGroups: [{name: user, labels: {a b: c}}]}", `5: cluster.nodeGroups[user].labels.a b: "a b" is not a key of at most 63 letters, digits, -, _ and . that begins and ends with a letter or digit`},
		{"a taint", "  hubwright:cluster: {nodeGroups: [{name: user, taints: [{key: a, effect: NoScheduled}]}]}", `5: cluster.nodeGroups[user].taints[0].effect: "NoScheduled" is not known; did you mean "NoSchedule"? It is one of NoSchedule, PreferNoSchedule or NoExecute`},
		{"an image type", "  hubwright:cluster: {nodeGroups: [{name: user, amiType: AL2_x86_64}]}", `5: cluster.nodeGroups[user].amiType: "AL2_x86_64" is not known; use AL2023_x86_64_STANDARD`},
		{"a zone of a group", "  hubwright:cluster: {nodeGroups: [{name: user, zones: [us-east-2a]}]}", `5: cluster.nodeGroups[user].zones[0]: "us-east-2a" is not a zone of region us-east-1; write it like us-east-1a`},
		{"no autoscaler chart", "  hubwright:cluster: {autoscaler: {chartVersion: null}}", `5: cluster.autoscaler.chartVersion: is missing; an exact version, such as 9.56.0`},

		// What holds data.
		{"a file system", "  hubwright:storage: {fileSystemId: efs-1}", `5: storage.fileSystemId: "efs-1" is not the id of an EFS file system; write it like fs-0123456789abcdef0`},
		{"a secrets' key that is an alias", "  hubwright:secretstore: {keyArn: alias/x}", `5: secretstore.keyArn: "alias/x" is not the ARN of a KMS key; write it like arn:aws:kms:us-east-1:162808325377:key/…`},
		{"a key of another region", "  hubwright:storage: {kmsKeyArn: 'arn:aws:kms:eu-west-1:162808325377:key/a-b'}", `5: storage.kmsKeyArn: is a key of region eu-west-1, but the deployment is in us-east-1; use a key of that region`},
		{"an account that pulls", `  hubwright:registry: {pullAccounts: ["1"]}`, `5: registry.pullAccounts[0]: "1" is not an AWS account id: it has twelve digits; write it like 162808325377`},
		{"a repository", "  hubwright:registry: {repositories: [User]}", `5: registry.repositories[0]: "User" is not the name of an ECR repository; write it like user-image`},
		{"an alias", "  hubwright:secretstore: {keyAlias: alias/x}", `5: secretstore.keyAlias: "alias/x" begins with alias/, which is added; write x`},
		{"a repository's .git", "  hubwright:secretstore: {codecommit: {enabled: true, name: x.git}}", `5: secretstore.codecommit.name: ends in .git, which CodeCommit refuses; leave that out`},
		{"a window", "  hubwright:secretstore: {deletionWindowDays: 3}", `5: secretstore.deletionWindowDays: is 3; use 7 to 30`},

		// Images, DNS, pins.
		{"no context", "  hubwright:images: [{name: user-image, context: images}]", `5: images[user-image].context: "images" does not exist; give a folder relative to the deployment directory`},
		{"no Dockerfile", "  hubwright:images: [{name: user-image, dockerfile: Dockerfile.x}]", `5: images[user-image].dockerfile: "image/Dockerfile.x" does not exist; give a file relative to the deployment directory`},
		{"two zones", "  hubwright:dns: {zoneId: Z0123456789}", `5: dns.zoneId: names a zone that dns.zone names already; give one of them`},
		{"another zone", "  hubwright:dns: {zone: example.com}", `4: hubs[hub].domain: "hub.example.org" is not in the zone "example.com"; use a name that ends in .example.com, or another dns.zone`},
		{"the zone's own name", "  hubwright:dns: {zone: hub.example.org}", `4: hubs[hub].domain: "hub.example.org" is the zone's own name, where no CNAME can stand; set dns.record to alias`},
		{"a pin without a digest", "  hubwright:pins: {images: {user-image: x:latest}}", `5: pins.images.user-image: "x:latest" is not an image by its digest; write it like <repository>@sha256: and 64 hexadecimal digits`},
		{"a pin of nothing", "  hubwright:pins: {charts: {hup: 4.4.0}}", `5: pins.charts.hup: there is no hub "hup"; did you mean "hub"?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, staging(t, test.lines+"\n"), file+test.want)
		})
	}
}

// check wants exactly one problem, or one that begins so where only its beginning is given.
func check(t *testing.T, dir, want string) {
	t.Helper()
	_, err := config.Load(dir, "staging", nil, config.Options{})
	var problems config.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want problems", err)
	}
	if got := err.Error(); got != want && !(len(problems) == 1 && strings.Contains(want, "use AL2023") && strings.HasPrefix(got, want)) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWrongHubs(t *testing.T) {
	const hub = "config:\n  aws:region: us-east-1\n  hubwright:hubs:\n"
	tests := []struct {
		name, lines, want string
	}{
		{"no domain", "    - {name: hub}", `4: hubs[hub].domain: is missing; the name users type, such as hub.example.org`},
		{"a domain", "    - {name: hub, domain: Hub}", `4: hubs[hub].domain: "Hub" is not a domain name; write it like hub.example.org`},
		{"no such image", "    - {name: hub, domain: hub.example.org, image: user-imag}", `4: hubs[hub].image: there is no image "user-imag"; did you mean "user-image"?`},
		{"no such values", "    - {name: hub, domain: hub.example.org, values: [a.yaml]}", `4: hubs[hub].values[0]: "a.yaml" does not exist; give a file relative to the deployment directory`},
		{"values of no file", "    - {name: hub, domain: hub.example.org, values: [{optional: true}]}", `4: hubs[hub].values[0]: is missing; the file's path, relative to the deployment directory`},
		{"secrets that are nowhere", "    - {name: hub, domain: hub.example.org, secretFiles: [{file: a.yaml}]}", `4: hubs[hub].secretFiles[0].file: "a.yaml" does not exist; give a file relative to the deployment directory`},
		{"a value of no file", "    - {name: hub, domain: hub.example.org, valuesFromFiles: {hub.a: a.py}}", `4: hubs[hub].valuesFromFiles.hub.a: "a.py" does not exist; give a file relative to the deployment directory`},
		{"a key of no wrapper", "    - {name: hub, domain: hub.example.org, chart: {valuesKey: jupyterhub}}", `4: hubs[hub].chart.valuesKey: is for a wrapper chart in a folder; name the folder with chart.path, or take it out`},
		{"values from one machine", "    - {name: hub, domain: hub.example.org, values: [/a.yaml]}", `4: hubs[hub].values[0]: "/a.yaml" is absolute, so it holds on one machine only; write it relative to the deployment directory`},
		{"no templates", "    - {name: hub, domain: hub.example.org, templates: image/Dockerfile}", `4: hubs[hub].templates: "image/Dockerfile" is a file; a folder is wanted`},
		{"a range of charts", "    - {name: hub, domain: hub.example.org, chart: {version: ^4}}", `4: hubs[hub].chart.version: "^4" is not an exact version; write it like 4.4.0`},
		{"no chart there", "    - {name: hub, domain: hub.example.org, chart: {path: charts/x}}", `4: hubs[hub].chart.path: "charts/x/Chart.yaml" does not exist; give a file relative to the deployment directory`},
		{"offload without a certificate", "    - {name: hub, domain: hub.example.org, https: {type: offload}}", `4: hubs[hub].https.certificateArn: is missing; offload needs an ACM certificate: give its ARN, such as arn:aws:acm:us-east-1:162808325377:certificate/…, or its domain name as certificateDomain, or have one made with requestCertificate: true`},
		{"a certificate twice", "    - {name: hub, domain: hub.example.org, https: {type: offload, certificateDomain: '*.example.org', requestCertificate: true}}", `4: hubs[hub].https.requestCertificate: names a certificate that certificateDomain names already; give one of them`},
		{"a certificate without a zone", "    - {name: hub, domain: hub.example.org, https: {type: offload, requestCertificate: true}}\n  hubwright:dns: {zone: ''}", `4: hubs[hub].https.requestCertificate: is asked for without a hosted zone; name the zone at dns.zone, where a record proves the domain to ACM; or request it by hand and give certificateArn`},
		{"a certificate of another domain", "    - {name: hub, domain: a.hub.example.org, https: {type: offload, certificateDomain: '*.example.org'}}", `4: hubs[hub].https.certificateDomain: "*.example.org" does not cover the hub's domain "a.hub.example.org"; use the certificate's domain name that does: a.hub.example.org or *.hub.example.org`},
		{"a certificate of elsewhere", "    - {name: hub, domain: hub.example.org, https: {type: offload, certificateArn: 'arn:aws:acm:us-west-2:162808325377:certificate/a'}}", `4: hubs[hub].https.certificateArn: is a certificate of region us-west-2, but the load balancer is in us-east-1; use a certificate of that region`},
		{"what is no certificate", "    - {name: hub, domain: hub.example.org, https: {type: offload, certificateArn: 'arn:aws:acm:us-east-1:1628:certificate/a'}}", `4: hubs[hub].https.certificateArn: "arn:aws:acm:us-east-1:1628:certificate/a" is not the ARN of an ACM certificate; write it like arn:aws:acm:us-east-1:162808325377:certificate/…`},
		{"a certificate for nothing", "    - {name: hub, domain: hub.example.org, https: {certificateArn: 'arn:aws:acm:us-east-1:162808325377:certificate/a'}}", `4: hubs[hub].https.certificateArn: is for type offload; take it out, or set the type to offload`},
		{"letsencrypt without an address", "    - {name: hub, domain: hub.example.org, https: {type: letsencrypt}}", `4: hubs[hub].https.contactEmail: is missing; Let's Encrypt wants an address to write to`},
		{"no TLS", "    - {name: hub, domain: hub.example.org, https: {type: off}}", `4: hubs[hub].https.type: is off, which sends passwords in the clear; only the sandbox permits it: use manual, offload or letsencrypt`},
		{"dummy", "    - {name: hub, domain: hub.example.org, auth: {type: dummy}}", `4: hubs[hub].auth.type: is dummy, which lets anybody in with any password; only the sandbox permits it: use mast, oauth, cognito, github, google, cilogon or values`},
		{"oauth without a URL", "    - {name: hub, domain: hub.example.org, auth: {type: oauth, authorizeUrl: 'https://a.org/x', tokenUrl: 'https://a.org/y', usernameClaim: sub}}", `4: hubs[hub].auth.userdataUrl: is missing; the provider's documentation names it, such as https://auth.example.org/oauth/authorize`},
		{"oauth in the clear", "    - {name: hub, domain: hub.example.org, auth: {tokenUrl: 'http://a.org/y'}}", `4: hubs[hub].auth.tokenUrl: "http://a.org/y" is not an https URL; write it like https://auth.example.org/oauth/authorize`},
		{"a secret beside an authenticator", "    - {name: hub, domain: hub.example.org, auth: {config: {client_secret: x}}}", `4: hubs[hub].auth.config.client_secret: is set by hubwright; it is a secret of the hub: hubwright secrets set staging oauth.clientSecret`},
		{"a secret deep in an authenticator", "    - {name: hub, domain: hub.example.org, auth: {config: {deep: {apiToken: x}}}}", `4: hubs[hub].auth.config.deep.apiToken: looks like a secret, in a file that is not encrypted; put it into the hub's file of secrets, below hub.config, and consider this one known`},
		{"everybody let in by the way", "    - {name: hub, domain: hub.example.org, auth: {config: {allow_all: true}}}", `4: hubs[hub].auth.config.allow_all: is set by hubwright; say it at auth.allowAll`},
		{"nobody let in", "    - {name: hub, domain: hub.example.org, auth: {adminUsers: []}}", `4: hubs[hub].auth: lets nobody in; list allowedUsers or adminUsers, or set allowAll`},
		{"a pool without a domain", "    - {name: hub, domain: hub.example.org, auth: {type: cognito}}", `4: hubs[hub].auth.domain: is missing; the user pool's domain, such as hubs.auth.us-east-1.amazoncognito.com`},
		{"identity providers not named", "    - {name: hub, domain: hub.example.org, auth: {type: cilogon}}", `4: hubs[hub].auth.allowedIdps: is missing; name the identity providers, such as https://github.com/login/oauth/authorize: preferred_username`},
		{"no organization", "    - {name: hub, domain: hub.example.org, auth: {type: github, allowedOrganizations: ['stsci:roman:sit']}}", `4: hubs[hub].auth.allowedOrganizations[0]: "stsci:roman:sit" is not a GitHub organization, or a team of one; write it like institute or institute:team, as they stand in GitHub's addresses`},
		{"an organization's address", "    - {name: hub, domain: hub.example.org, auth: {type: github, allowedOrganizations: [spacetelescope, 'https://github.com/stsci']}}", `4: hubs[hub].auth.allowedOrganizations[1]: "https://github.com/stsci" is not a GitHub organization, or a team of one; write it like institute or institute:team, as they stand in GitHub's addresses`},
		{"an organization twice", "    - {name: hub, domain: hub.example.org, auth: {type: github, allowedOrganizations: [a, 'a:b', a]}}", `4: hubs[hub].auth.allowedOrganizations[2]: "a" is there already, as entry 0; name each once`},
		{"an administrator twice", "    - {name: hub, domain: hub.example.org, auth: {type: github, adminUsers: [dmd, gough, dmd]}}", `4: hubs[hub].auth.adminUsers[2]: "dmd" is there already, as entry 0; name each once`},
		{"Google without a domain", "    - {name: hub, domain: hub.example.org, auth: {type: google, adminUsers: [dmd]}}", `4: hubs[hub].auth.adminUsers[0]: "dmd" is nobody's name: without one hosted domain users are called by their e-mail addresses; write the whole address, such as ops@example.org, or name their one domain at hostedDomains`},
		{"Google with one domain", "    - {name: hub, domain: hub.example.org, auth: {type: google, hostedDomains: [stsci.edu], adminUsers: [dmd@stsci.edu]}}", `4: hubs[hub].auth.adminUsers[0]: "dmd@stsci.edu" is an address, but with one hosted domain users are called by what is before the @; write it as dmd`},
		{"Google with another domain", "    - {name: hub, domain: hub.example.org, auth: {type: google, hostedDomains: [stsci.edu], adminUsers: [dmd], allowedUsers: [x@gmail.com]}}", `4: hubs[hub].auth.allowedUsers[0]: "x@gmail.com" is not of the hosted domain stsci.edu; take it out, or name its domain at hostedDomains: of several domains users are called by their whole addresses`},
		{"Google with several domains", "    - {name: hub, domain: hub.example.org, auth: {type: google, hostedDomains: [stsci.edu, aura.edu], adminUsers: [dmd@stsci.edu, x@gmail.com]}}", `4: hubs[hub].auth.adminUsers[1]: "x@gmail.com" is of none of the hosted domains; use stsci.edu or aura.edu, or name its domain at hostedDomains`},
		{"an identity provider without a claim", "    - {name: hub, domain: hub.example.org, auth: {type: cilogon, allowedIdps: {'https://github.com/login/oauth/authorize': ''}}}", `4: hubs[hub].auth.allowedIdps.https://github.com/login/oauth/authorize: names no claim; name the one that becomes the user's name, such as https://github.com/login/oauth/authorize: preferred_username`},
		{"no claim", "    - {name: hub, domain: hub.example.org, auth: {type: cilogon, allowedIdps: {'urn:mace:incommon:stsci.edu': 'e mail'}}}", `4: hubs[hub].auth.allowedIdps.urn:mace:incommon:stsci.edu: "e mail" is not a claim; write it like preferred_username`},
		{"no identity provider", "    - {name: hub, domain: hub.example.org, auth: {type: cilogon, allowedIdps: {stsci: email}}}", `4: hubs[hub].auth.allowedIdps.stsci: "stsci" is not the entity id of an identity provider; take it from https://cilogon.org/idplist/, such as https://github.com/login/oauth/authorize`},
		{"organizations of another", "    - {name: hub, domain: hub.example.org, auth: {type: google, allowedOrganizations: [stsci]}}", `4: hubs[hub].auth.allowedOrganizations: is for type github; take it out, or set the type to github`},
		{"homes that are no path", "    - {name: hub, domain: hub.example.org, homes: {directory: ../homes}}", `4: hubs[hub].homes.directory: "../homes" is not a path of up to four names; write it like /hubs/roman-sit-staging`},
		{"homes of root", "    - {name: hub, domain: hub.example.org, homes: {uid: 0}}", `4: hubs[hub].homes.uid: is 0; use 1 to 4294967295`},
		{"a timeout", "    - {name: hub, domain: hub.example.org, timeoutSeconds: 5}", `4: hubs[hub].timeoutSeconds: is 5; use 60 to 86400`},
		{
			"two of a name", "    - {name: hub, domain: hub.example.org}\n    - {name: hub, domain: b.example.org, namespace: b, chart: {version: 4.4.0}, auth: {type: values}}",
			`5: hubs[1].name: "hub" is there already, as entry 0; give each a name of its own`,
		},
		{
			"two of a domain", "    - {name: hub, domain: hub.example.org}\n    - {name: b, domain: hub.example.org, values: [], chart: {version: 4.4.0}, auth: {type: values}}",
			`5: hubs[b].domain: "hub.example.org" is the domain of hub "hub"; give each hub its own`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, deployment(t, map[string]string{"Pulumi.staging.yaml": hub + test.lines + "\n"}), "Pulumi.staging.yaml:"+test.want)
		})
	}
}

func TestWrongProject(t *testing.T) {
	tests := []struct {
		name, project, want string
	}{
		{"no default", strings.Replace(base, "    type: object\n    default: {zone: example.org}", "    zone: example.org", 1), `Pulumi.yaml:29: dns.zone: is not understood by the engine in a project's file; write the value under default:, beside type: object`},
		{"a problem of a default", strings.Replace(base, "zone: example.org", "zone: Example", 1), `Pulumi.yaml:30: dns.zone: "Example" is not a domain name; write it like hub.example.org`},
		{"a list", "- a\n", "Pulumi.yaml:1: is a list, but an object is wanted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := deployment(t, map[string]string{"Pulumi.yaml": test.project, "Pulumi.staging.yaml": head})
			_, err := config.Load(dir, "staging", nil, config.Options{})
			if err == nil || !strings.Contains(err.Error()+"\n", test.want+"\n") {
				t.Errorf("got\n%v\nwant\n%s", err, test.want)
			}
		})
	}
}

func TestSandboxPermits(t *testing.T) {
	dir := deployment(t, map[string]string{
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:hubs: [{name: hub, domain: hub.example.org, https: {type: off}, auth: {type: dummy, allowAll: true}}]\n",
	})
	// YAML 1.1 would read off as false; the parser here keeps it as text, and this holds it to that.
	s, err := config.Load(dir, "staging", nil, config.Options{Sandbox: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.URL(s.Hub("hub")); got != "http://hub.example.org" {
		t.Errorf("URL %q", got)
	}
}
