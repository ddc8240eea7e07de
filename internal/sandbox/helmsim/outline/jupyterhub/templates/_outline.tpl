{{- /* The name of an object: the release's name goes before it when fullnameOverride asks for one of its own. */}}
{{- define "outline.name" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.fullnameOverride }}{{ . }}-{{ end }}{{ index . 1 }}
{{- end }}

{{- define "outline.labels" -}}
{{- $root := index . 0 -}}
app: jupyterhub
release: {{ $root.Release.Name }}
component: {{ index . 1 }}
{{- end }}

{{- /* Affinity of a purpose's pods: none, a preference or a requirement. */}}
{{- define "outline.affinity" -}}
{{- $match := index . 0 -}}
{{- if eq $match "require" }}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [{{ index . 1 }}]}
{{- else if eq $match "prefer" }}
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference:
          matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [{{ index . 1 }}]}
{{- end }}
{{- end }}

{{- /* A secret that is given, or the one in the cluster, or a new one. */}}
{{- define "outline.secret" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $live := lookup "v1" "Secret" $root.Release.Namespace (include "outline.name" (list $root "hub")) | default dict -}}
{{- $data := dig "data" dict $live -}}
{{- if index . 2 }}{{ index . 2 }}
{{- else if hasKey $data $key }}{{ index $data $key | b64dec }}
{{- else }}{{ randAlphaNum 64 }}
{{- end }}
{{- end }}

{{- /* Environment variables, from a mapping or a list. */}}
{{- define "outline.env" -}}
{{- if kindIs "slice" . }}{{ toYaml . }}
{{- else }}
{{- range $name, $value := . }}
{{- if kindIs "map" $value }}
- {{ merge (dict "name" (get $value "name" | default $name)) $value | toYaml | nindent 2 | trim }}
{{- else if not (kindIs "invalid" $value) }}
- name: {{ $name | quote }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The pods that pull the images users need, on the nodes where users' pods go. */}}
{{- define "outline.puller" -}}
{{- $root := index . 0 -}}
metadata:
  labels:
    {{- include "outline.labels" . | nindent 4 }}
spec:
  tolerations:
    {{- concat $root.Values.scheduling.userPods.tolerations $root.Values.singleuser.extraTolerations $root.Values.prePuller.extraTolerations | toYaml | nindent 4 }}
  {{- with $root.Values.singleuser.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq $root.Values.scheduling.userPods.nodeAffinity.matchNodePurpose "require" }}
  {{- include "outline.affinity" (list "require" "user") | nindent 2 }}
  {{- end }}
  initContainers:
    - name: image-pull-singleuser
      image: "{{ $root.Values.singleuser.image.name }}:{{ $root.Values.singleuser.image.tag }}"
      command: [/bin/sh, -c, "echo pulled"]
    {{- range $name, $image := $root.Values.prePuller.extraImages }}
    - name: image-pull-{{ $name | lower }}
      image: "{{ $image.name }}:{{ $image.tag }}"
      command: [/bin/sh, -c, "echo pulled"]
    {{- end }}
  containers:
    - name: pause
      image: "{{ $root.Values.prePuller.pause.image.name }}:{{ $root.Values.prePuller.pause.image.tag }}"
{{- end }}
