package render

import (
	"bytes"

	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// makesUp are the template functions that give something else each time that they are called:
// https://helm.sh/docs/chart_template_guide/function_list/ (cryptographic and security, date, UUID functions).
var makesUp = [][]byte{
	[]byte("rand"), []byte("genCA"), []byte("genSelfSigned"), []byte("genSigned"), []byte("genPrivateKey"), []byte("uuidv4"), []byte("now"), []byte("htpasswd"),
	[]byte("bcrypt"), []byte("encryptAES"),
}

// Random says whether two renderings of the chart with the same values may differ: whether a template of it, or of a chart that it depends on, calls a
// function that makes something up.
func (f *Found) Random() bool { return random(f.Chart) }

func random(ch *chart.Chart) bool {
	for _, t := range ch.Templates {
		for _, name := range makesUp {
			if bytes.Contains(t.Data, name) {
				return true
			}
		}
	}
	for _, dep := range ch.Dependencies() {
		if random(dep) {
			return true
		}
	}
	return false
}
