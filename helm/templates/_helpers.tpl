{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "gateway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "gateway.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The configuration as the gateway reads it: the values, and the files of the Secrets that the chart mounts. */}}
{{- define "gateway.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.tls.existingSecret -}}
{{- $tls := dict "certificateFile" "/run/secrets/tls/tls.crt" "keyFile" "/run/secrets/tls/tls.key" -}}
{{- if .Values.tls.clientCaSecret -}}
{{- $_ := set $tls "clientCaFile" "/run/secrets/client-ca/ca.crt" -}}
{{- end -}}
{{- $_ := set $config.listener "tls" (mergeOverwrite (default dict $config.listener.tls) $tls) -}}
{{- else if .Values.tls.clientCaSecret -}}
{{- fail "tls.clientCaSecret needs tls.existingSecret: without TLS at the gateway no client can present a certificate to it" -}}
{{- end -}}
{{- with $config.services -}}
{{- $_ := set . "host" (default "0.0.0.0" .host) -}}
{{- $_ := set . "port" (include "gateway.servicesPort" $ | int) -}}
{{- if and $.Values.tls.existingSecret (not .tls) -}}
{{- $_ := set . "tls" $config.listener.tls -}}
{{- end -}}
{{- if and $config.listener.behindTls (not (hasKey . "behindTls")) -}}
{{- $_ := set . "behindTls" true -}}
{{- end -}}
{{- end -}}
{{ toYaml $config }}
{{- end -}}

{{- define "gateway.servicesPort" -}}
{{- default 8081 .Values.config.services.port -}}
{{- end -}}

{{/* Paths that lead to the services: theirs, and the one of the metadata of AuthZEN, which stands before it. */}}
{{- define "gateway.servicesPaths" -}}
{{- $base := trimSuffix "/" (urlParse .Values.config.services.publicBaseUrl).path -}}
{{- $paths := list (default "/" $base) -}}
{{- if and .Values.config.services.authzen $base -}}
{{- $paths = append $paths (printf "/.well-known/authzen-configuration%s" $base) -}}
{{- end -}}
{{- toJson $paths -}}
{{- end -}}

{{- define "gateway.servicesHostname" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .Values.config.services.publicBaseUrl).host "" -}}
{{- end -}}

{{- define "gateway.hostname" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .Values.config.listener.publicBaseUrl).host "" -}}
{{- end -}}

{{- define "gateway.path" -}}
{{- default "/" (trimSuffix "/" (urlParse .Values.config.listener.publicBaseUrl).path) -}}
{{- end -}}

{{/* Port of a URL. */}}
{{- define "gateway.portOf" -}}
{{- $url := urlParse . -}}
{{- $stated := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- if $stated -}}{{ $stated }}{{- else if eq $url.scheme "https" -}}443{{- else -}}80{{- end -}}
{{- end -}}

{{/* Every port that the configuration leads to, as a JSON list. */}}
{{- define "gateway.egressPorts" -}}
{{- $ports := list (include "gateway.portOf" .Values.config.upstream.baseUrl) -}}
{{- range .Values.config.identity.issuers -}}
{{- $ports = append $ports (include "gateway.portOf" .issuer) -}}
{{- if .jwksUri -}}{{- $ports = append $ports (include "gateway.portOf" .jwksUri) -}}{{- end -}}
{{- end -}}
{{- range $name := list "primary" "part2" "securityOffice" -}}
{{- with get $.Values.config.audit $name -}}
{{- if .baseUrl -}}{{- $ports = append $ports (include "gateway.portOf" .baseUrl) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- range list (dig "redis" "servers" dict .Values.config) (dig "redis" "servers" dict .Values.config.audit) -}}
{{- if eq .kind "single" -}}{{- $ports = append $ports (toString (default 6379 .port)) -}}{{- end -}}
{{- if eq .kind "sentinel" -}}
{{- range .sentinels -}}{{- $ports = append $ports (toString (default 26379 .port)) -}}{{- end -}}
{{- $ports = append $ports "6379" -}}
{{- end -}}
{{- range .nodes -}}{{- $ports = append $ports (toString (default 6379 .port)) -}}{{- end -}}
{{- end -}}
{{- range $url := list (dig "traces" "endpoint" "" .Values.config) (dig "audit" "alerts" "webhook" "url" "" .Values.config) -}}
{{- if $url -}}{{- $ports = append $ports (include "gateway.portOf" $url) -}}{{- end -}}
{{- end -}}
{{- range (dig "consent" "stores" list .Values.config) -}}
{{- $ports = append $ports (include "gateway.portOf" .baseUrl) -}}
{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end -}}
