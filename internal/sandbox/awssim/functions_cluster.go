package awssim

import (
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func clusterFunctions() map[string]function {
	return map[string]function{
		"aws:eks/getCluster:getCluster": {answer: func(c *call) (map[string]any, error) {
			o, err := c.cluster(text(c.In, "name"))
			if err != nil {
				return nil, err
			}
			if err := c.me.rights(c.tx).allow(request{action: "eks:DescribeCluster", resource: o.String("arn"), context: map[string]string{"aws:requestedregion": c.me.region}}); err != nil {
				return nil, err
			}
			out := copied(o, "arn", "name", "endpoint", "roleArn", "status", "version", "platformVersion", "createdAt", "identities", "certificateAuthorities", "vpcConfig", "tags")
			out["enabledClusterLogTypes"] = anyList(texts(o.Props, "enabledClusterLogTypes"))
			out["accessConfigs"] = []any{object(o.Props, "accessConfig")}
			out["kubernetesNetworkConfigs"] = []any{object(o.Props, "kubernetesNetworkConfig")}
			return out, nil
		}},
		"aws:eks/getNodeGroup:getNodeGroup": {needs: "eks:DescribeNodegroup@clusterName", answer: func(c *call) (map[string]any, error) {
			id := text(c.In, "clusterName") + ":" + text(c.In, "nodeGroupName")
			o := c.tx.Get(nodeGroupToken, id)
			if o == nil {
				return nil, apiError("ResourceNotFoundException", "No node group found for name: %s.", text(c.In, "nodeGroupName"))
			}
			out := copied(o, "arn", "amiType", "capacityType", "clusterName", "nodeGroupName", "nodeRoleArn", "instanceTypes", "resources", "status", "version", "tags")
			out["subnetIds"], out["scalingConfigs"] = anyList(texts(o.Props, "subnetIds")), []any{object(o.Props, "scalingConfig")}
			out["labels"] = object(o.Props, "labels")
			return out, nil
		}},
		"aws:eks/getAddonVersion:getAddonVersion": {needs: "eks:DescribeAddonVersions@*", answer: getAddonVersion},
		"aws:efs/getFileSystem:getFileSystem":     {needs: "elasticfilesystem:DescribeFileSystems@fileSystemId", answer: getFileSystem},
		"aws:efs/getAccessPoints:getAccessPoints": {needs: "elasticfilesystem:DescribeAccessPoints@fileSystemId", answer: func(c *call) (map[string]any, error) {
			ids := []any{}
			for _, o := range c.tx.List(accessPointToken) {
				if o.String("fileSystemId") == text(c.In, "fileSystemId") {
					ids = append(ids, o.ID)
				}
			}
			return map[string]any{"id": text(c.In, "fileSystemId"), "fileSystemId": text(c.In, "fileSystemId"), "ids": ids}, nil
		}},
		"aws:efs/getAccessPoint:getAccessPoint": {needs: "elasticfilesystem:DescribeAccessPoints@*", answer: func(c *call) (map[string]any, error) {
			o := c.tx.Get(accessPointToken, text(c.In, "accessPointId"))
			if o == nil {
				return nil, apiError("AccessPointNotFound", "Access point '%s' does not exist.", text(c.In, "accessPointId"))
			}
			out := copied(o, "arn", "fileSystemArn", "fileSystemId", "ownerId", "tags")
			out["posixUsers"], out["rootDirectories"] = []any{object(o.Props, "posixUser")}, []any{object(o.Props, "rootDirectory")}
			return out, nil
		}},
	}
}

var minorInVersion = lazyregexp.New(`^v1\.\d+\.`)

func getAddonVersion(c *call) (map[string]any, error) {
	name, kubernetes := text(c.In, "addonName"), text(c.In, "kubernetesVersion")
	version := addonVersions[name]
	if version == "" {
		return nil, apiError("InvalidParameterException", "Addon %s specified is not supported", name)
	}
	if err := c.checkVersion(kubernetes); err != nil {
		return nil, err
	}
	if name == "kube-proxy" { // its versions are those of Kubernetes
		version = minorInVersion.ReplaceAllString(version, "v"+kubernetes+".")
	}
	return map[string]any{"id": name, "addonName": name, "kubernetesVersion": kubernetes, "version": version}, nil
}

func getFileSystem(c *call) (map[string]any, error) {
	id, token := text(c.In, "fileSystemId"), text(c.In, "creationToken")
	o := c.tx.Find(fileSystemToken, func(o *world.Object) bool {
		if (id != "" && o.ID != id) || (token != "" && o.String("creationToken") != token) {
			return false
		}
		for key, v := range object(c.In, "tags") {
			if tagsOf(o)[key] != v {
				return false
			}
		}
		return true
	})
	if o == nil {
		return nil, apiError("FileSystemNotFound", "File system '%s' does not exist.", strings.TrimSpace(fmt.Sprint(id, " ", token)))
	}
	out := copied(o, "arn", "creationToken", "dnsName", "encrypted", "kmsKeyId", "performanceMode", "throughputMode", "availabilityZoneName", "name", "tags")
	out["fileSystemId"], out["sizeInBytes"] = o.ID, 6144
	return out, nil
}
