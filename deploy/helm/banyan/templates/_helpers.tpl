{{- define "banyan.name" -}}
{{- if contains "banyan" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-banyan" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "banyan.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/name: banyan
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "banyan.selector" -}}
app.kubernetes.io/name: banyan
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "banyan.image" -}}
{{ required "image.repository: the image that deploy/Dockerfile builds, in a registry of yours" .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* The name of the ConfigMap with the city; empty: the city is in the image. */ -}}
{{- define "banyan.cityMap" -}}
{{- if .Values.city.existingConfigMap }}{{ .Values.city.existingConfigMap }}{{ else if .Files.Get "city/city.yaml" }}{{ include "banyan.name" . }}-city{{ end }}
{{- end }}

{{- define "banyan.cityFolder" -}}
{{- if include "banyan.cityMap" . }}/etc/banyan/city{{ else }}{{ .Values.city.folder }}{{ end }}
{{- end }}

{{- define "banyan.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
# Not at every start: files that only their owner may read stay so.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "banyan.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "banyan.probes" -}}
# A long journal is read before the first answer: ten minutes are allowed for it.
startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5, failureThreshold: 120}
livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 3, timeoutSeconds: 3, failureThreshold: 2}
{{- end }}

{{- define "banyan.settings" -}}
{{- with .Values.origins }}
- {name: BANYAN_ORIGINS, value: {{ join "," . | quote }}}
{{- end }}
{{- with .Values.proxies }}
- {name: BANYAN_PROXIES, value: {{ join "," . | quote }}}
{{- end }}
- {name: BANYAN_LOG_FORMAT, value: json}
{{- end }}

{{- define "banyan.cityVolume" -}}
{{- if include "banyan.cityMap" . }}
- name: city
  configMap:
    name: {{ include "banyan.cityMap" . }}
    {{- if not .Values.city.existingConfigMap }}
    items:
      {{- range $path, $_ := .Files.Glob "city/**" }}
      {{- $file := trimPrefix "city/" $path }}
      - {key: {{ $file | replace "/" "__" | quote }}, path: {{ $file | quote }}}
      {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "banyan.spread" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "banyan.selector" .root | nindent 12 }}
            app.kubernetes.io/component: {{ .component }}
{{- end }}
