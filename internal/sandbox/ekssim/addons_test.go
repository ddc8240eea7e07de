package ekssim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The configuration of the network add-on follows its options and lies under what configurationValues say themselves.
func TestCniConfiguration(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options map[string]any
		want    string
	}{
		{
			"all options",
			map[string]any{
				"nodePortSupport": true, "warmEniTarget": 2, "warmIpTarget": 3, "warmPrefixTarget": 4, "enablePrefixDelegation": true,
				"logLevel": "INFO", "logFile": "/custom/log/file", "vethPrefix": "customPrefix", "eniMtu": 1500, "eniConfigLabelDef": "customLabel",
				"enablePodEni": true, "disableTcpEarlyDemux": true, "cniConfigureRpfilter": true, "cniCustomNetworkCfg": true, "cniExternalSnat": true,
				"enableNetworkPolicy": true,
			},
			`{"enableNetworkPolicy":"true","env":{"AWS_VPC_CNI_NODE_PORT_SUPPORT":"true","AWS_VPC_ENI_MTU":"1500","AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER":"true",` +
				`"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG":"true","AWS_VPC_K8S_CNI_EXTERNALSNAT":"true","AWS_VPC_K8S_CNI_LOGLEVEL":"INFO",` +
				`"AWS_VPC_K8S_CNI_LOG_FILE":"/custom/log/file","AWS_VPC_K8S_CNI_VETHPREFIX":"customPrefix",` +
				`"AWS_VPC_K8S_PLUGIN_LOG_FILE":"/var/log/aws-routed-eni/plugin.log","AWS_VPC_K8S_PLUGIN_LOG_LEVEL":"DEBUG","ENABLE_POD_ENI":"true",` +
				`"ENABLE_PREFIX_DELEGATION":"true","ENI_CONFIG_LABEL_DEF":"customLabel","WARM_ENI_TARGET":"2","WARM_IP_TARGET":"3","WARM_PREFIX_TARGET":"4"},` +
				`"init":{"env":{"DISABLE_TCP_EARLY_DEMUX":"true"}}}`,
		},
		{
			"zeros and values of one's own",
			map[string]any{
				"warmEniTarget": 0, "warmIpTarget": 0,
				"configurationValues": map[string]any{
					"env": map[string]any{"AWS_VPC_ENI_MTU": "1300", "X": "<&>"}, "init": map[string]any{"image": "i"}, "livenessProbeTimeoutSeconds": 10,
				},
			},
			`{"env":{"AWS_VPC_ENI_MTU":"1300","AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG":"false","AWS_VPC_K8S_CNI_EXTERNALSNAT":"false",` +
				`"AWS_VPC_K8S_CNI_LOGLEVEL":"DEBUG","AWS_VPC_K8S_CNI_LOG_FILE":"/host/var/log/aws-routed-eni/ipamd.log","AWS_VPC_K8S_CNI_VETHPREFIX":"eni",` +
				`"AWS_VPC_K8S_PLUGIN_LOG_FILE":"/var/log/aws-routed-eni/plugin.log","AWS_VPC_K8S_PLUGIN_LOG_LEVEL":"DEBUG","ENABLE_POD_ENI":"false",` +
				`"WARM_ENI_TARGET":"0","X":"<&>"},"init":{"env":{"DISABLE_TCP_EARLY_DEMUX":"false"},"image":"i"},"livenessProbeTimeoutSeconds":10}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMonitor(t)
			m.must(clusterType, "hub", clusterInputs(map[string]any{"vpcCniOptions": tc.options}))
			got := m.named("aws:eks/addon:Addon", "hub-vpc-cni").plainIn()["configurationValues"]
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("configurationValues (-pulumi-eks +sandbox):\n%s", diff)
			}
		})
	}
}
