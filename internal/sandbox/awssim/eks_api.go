package awssim

import (
	"net/http"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// eksOperation follows from method and path: https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html
func eksOperation(c *apiCall) string {
	if c.Method == http.MethodGet && c.URL.Path == "/clusters" {
		return "ListClusters"
	}
	return ""
}

func eksAnswer(tx *world.Tx, c *apiCall) (*reply, error) {
	names := []string{}
	for _, o := range c.regional(tx, clusterToken) {
		names = append(names, o.String("name"))
	}
	return jsonReply(map[string]any{"clusters": names})
}

func eksError(c *apiCall, code, message string) *reply { return jsonError(c, code, message) }
