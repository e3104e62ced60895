{{- define "gatepost.labels" -}}
app.kubernetes.io/name: gatepost
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Of one process: (list . "ingest") */}}
{{- define "gatepost.selector" -}}
app.kubernetes.io/name: gatepost
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "gatepost.secret" -}}
{{ .Values.existingSecret | default (printf "%s-gatepost" .Release.Name) }}
{{- end }}

{{/* What every pod is: (list . "ingest") */}}
{{- define "gatepost.pod" -}}
automountServiceAccountToken: false
# Longer than GATEPOST_DRAIN_TIMEOUT.
terminationGracePeriodSeconds: 45
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with (index . 0).Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: { {{- include "gatepost.selector" . | replace "\n" ", " -}} } }
{{- end }}

{{/* What every container is: (list . "ingest"), a process with its variables and the private listener */}}
{{- define "gatepost.container" -}}
{{- $root := index . 0 -}}
image: {{ printf "%s:%s" $root.Values.image.repository ($root.Values.image.tag | toString) | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
envFrom:
  - configMapRef: { name: {{ $root.Release.Name }}-gatepost }
  - secretRef: { name: {{ include "gatepost.secret" $root }} }
{{- end }}

{{/* As long as the supervisor lives, and whether it is ready. A start may have to migrate tables. */}}
{{- define "gatepost.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 15
  timeoutSeconds: 5
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}
