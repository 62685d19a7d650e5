{{- define "etapa.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "etapa.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "etapa.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "etapa.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "etapa.selector" -}}
app.kubernetes.io/name: {{ include "etapa.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "etapa.labels" -}}
{{ include "etapa.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "etapa.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end }}

{{- define "etapa.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "etapa.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{/* What every process is told. Secrets are files, so that they stand in no process list and can be renewed. */}}
{{- define "etapa.env" -}}
- {name: ETAPA_KAFKA_BOOTSTRAP_SERVERS, value: {{ required "kafka.bootstrapServers is required: host:port of Kafka" .Values.kafka.bootstrapServers | quote }}}
- {name: ETAPA_KAFKA_SECURITY_PROTOCOL, value: {{ .Values.kafka.securityProtocol | quote }}}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol }}
- {name: ETAPA_KAFKA_SASL_MECHANISM, value: {{ required "kafka.sasl.mechanism is required with kafka.securityProtocol SASL_…" .Values.kafka.sasl.mechanism | quote }}}
- {name: ETAPA_KAFKA_SASL_USERNAME_FILE, value: /etc/etapa/kafka-login/{{ .Values.kafka.sasl.usernameKey }}}
- {name: ETAPA_KAFKA_SASL_PASSWORD_FILE, value: /etc/etapa/kafka-login/{{ .Values.kafka.sasl.passwordKey }}}
{{- end }}
{{- if .Values.kafka.tls.existingSecret }}
- {name: ETAPA_KAFKA_SSL_CA, value: /etc/etapa/kafka-tls/{{ .Values.kafka.tls.caKey }}}
{{- if .Values.kafka.tls.certKey }}
- {name: ETAPA_KAFKA_SSL_CERT, value: /etc/etapa/kafka-tls/{{ .Values.kafka.tls.certKey }}}
- {name: ETAPA_KAFKA_SSL_KEY, value: /etc/etapa/kafka-tls/{{ required "kafka.tls.keyKey is required with kafka.tls.certKey" .Values.kafka.tls.keyKey }}}
{{- end }}
{{- end }}
{{- if .Values.redis.existingSecret }}
- {name: ETAPA_REDIS_URL_FILE, value: /etc/etapa/redis/{{ .Values.redis.urlKey }}}
{{- else }}
- {name: ETAPA_REDIS_URL, value: {{ .Values.redis.url | quote }}}
{{- end }}
- {name: ETAPA_GROUP, value: {{ .Values.group | quote }}}
- {name: ETAPA_TOPIC_TOUCHPOINTS, value: {{ .Values.topics.touchpoints | quote }}}
- {name: ETAPA_PARTITIONS, value: {{ .Values.topics.partitions | quote }}}
- {name: ETAPA_REPLICATION, value: {{ .Values.topics.replication | quote }}}
- {name: ETAPA_LOG_LEVEL, value: {{ .Values.logs.level | quote }}}
- {name: ETAPA_LOG_FORMAT, value: {{ .Values.logs.format | quote }}}
{{- if .Values.logs.existingSecret }}
- {name: ETAPA_LOG_CUSTOMER_KEY_FILE, value: /etc/etapa/logs/{{ .Values.logs.customerKey }}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "etapa.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol }}
- {name: kafka-login, mountPath: /etc/etapa/kafka-login, readOnly: true}
{{- end }}
{{- if .Values.kafka.tls.existingSecret }}
- {name: kafka-tls, mountPath: /etc/etapa/kafka-tls, readOnly: true}
{{- end }}
{{- if .Values.redis.existingSecret }}
- {name: redis, mountPath: /etc/etapa/redis, readOnly: true}
{{- end }}
{{- if .Values.logs.existingSecret }}
- {name: logs, mountPath: /etc/etapa/logs, readOnly: true}
{{- end }}
{{- end }}

{{- define "etapa.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol }}
- name: kafka-login
  secret: {secretName: {{ required "kafka.sasl.existingSecret is required with kafka.securityProtocol SASL_…" .Values.kafka.sasl.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- with .Values.kafka.tls.existingSecret }}
- name: kafka-tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.redis.existingSecret }}
- name: redis
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.logs.existingSecret }}
- name: logs
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "etapa.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "etapa.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The process is alive while its loop turns; a worker that waits for Kafka or Redis is healthy, and not ready. */}}
{{- define "etapa.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 10
  timeoutSeconds: 6
{{- end }}

{{/* As a JSON array: those that were set, else those of the addresses. */}}
{{- define "etapa.kafkaPorts" -}}
{{- if .Values.networkPolicy.kafkaPorts -}}
{{ .Values.networkPolicy.kafkaPorts | toJson }}
{{- else -}}
{{- $ports := list -}}
{{- range splitList "," .Values.kafka.bootstrapServers }}{{ $ports = append $ports (splitList ":" . | last | trim | int) }}{{ end -}}
{{ $ports | uniq | toJson }}
{{- end -}}
{{- end }}

{{/* The journey, for pods that read it. */}}
{{- define "etapa.journeyEnv" -}}
{{- if or .Values.journey.file .Values.journey.existingConfigMap -}}
- {name: ETAPA_JOURNEY, value: /etc/etapa/journey/journey.yaml}
{{- end -}}
{{- end }}

{{- define "etapa.journeyMount" -}}
{{- if or .Values.journey.file .Values.journey.existingConfigMap -}}
- {name: journey, mountPath: /etc/etapa/journey, readOnly: true}
{{- end -}}
{{- end }}

{{- define "etapa.journeyVolume" -}}
{{- if or .Values.journey.file .Values.journey.existingConfigMap -}}
- name: journey
  configMap: {name: {{ default (printf "%s-journey" (include "etapa.fullname" .)) .Values.journey.existingConfigMap }}}
{{- end -}}
{{- end }}

{{/* The delivery file, for pods that read it, and the variables that it may refer to. */}}
{{- define "etapa.deliveryVolume" -}}
- name: delivery
  configMap: {name: {{ default (printf "%s-delivery" (include "etapa.fullname" .)) .Values.delivery.existingConfigMap }}}
{{- end }}

{{- define "etapa.deliveryEnvFrom" -}}
{{- with .Values.delivery.envFromSecrets }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end }}

{{/* Spans, for pods that make some. OpenTelemetry's variables know no files, so the headers are a variable. */}}
{{- define "etapa.tracesEnv" -}}
{{- with .Values.traces }}
{{- if and .existingSecret (not .endpoint) }}{{ fail "traces.endpoint is required with traces.existingSecret: http://collector:4318" }}{{ end }}
{{- if .endpoint -}}
- {name: ETAPA_TRACES, value: otlp}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .sampleRatio | quote }}}
{{- if .existingSecret }}
- {name: OTEL_EXPORTER_OTLP_HEADERS, valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .headersKey }}}}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* As a JSON array: the port of the collector, if spans are sent. */}}
{{- define "etapa.tracesPorts" -}}
{{- if .Values.traces.endpoint -}}
{{- $url := urlParse .Values.traces.endpoint -}}
{{ list (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) | int) | toJson }}
{{- else -}}
[]
{{- end -}}
{{- end }}

{{/* Where pods of a component run. */}}
{{- define "etapa.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "etapa.selector" . | nindent 8 }}
{{- end }}
{{- end }}
