import { z } from 'zod';

/**
 * What the chart takes beside the gateway's own configuration (`config`). values.yaml, values.schema.json and the table in
 * the chart's README are made from it.
 */

const labels = (what: string) => z.record(z.string(), z.string()).default({}).describe(what);
/** Parts of Kubernetes objects that are passed on as they are; Kubernetes checks them. */
const passed = (what: string) => z.record(z.string(), z.unknown()).default({}).describe(what);
const list = (what: string) => z.array(z.record(z.string(), z.unknown())).default([]).describe(what);
const isOn = (standard: boolean, what: string) => z.boolean().default(standard).describe(what);
const text = (standard: string, what: string) => z.string().default(standard).describe(what);

const image = z
  .strictObject({
    repository: text(
      'ghcr.io/fhir-consent-gateway/fhir-consent-gateway',
      'Where the image is. Build your own: Dockerfile.',
    ),
    tag: text('', "Tag; without one, the chart's appVersion."),
    digest: text('', 'Digest (`sha256:...`); goes before the tag.'),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('Always').describe('When it is pulled.'),
  })
  .prefault({})
  .describe('The image.');

const persistence = z
  .strictObject({
    size: text('4Gi', 'Size; above `config.audit.maximumBytes`, with room for what the database needs beside it.'),
    storageClass: text(
      '',
      "Storage class; without one, the cluster's default. Encrypted, and on disks that keep what was synced.",
    ),
    accessModes: z.array(z.string()).default(['ReadWriteOnce']).describe('Access modes.'),
    annotations: labels('Annotations of the claims.'),
  })
  .prefault({})
  .describe(
    'Volume of the outbox, one for each pod: records that are not delivered yet. It is kept when a pod goes. Not made where `config.audit.redis` is set.',
  );

const service = z
  .strictObject({
    type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).default('ClusterIP').describe('Type.'),
    port: z.int().min(1).max(65_535).default(80).describe('Port; 443 is usual with `tls`.'),
    annotations: labels('Annotations.'),
    loadBalancerSourceRanges: z.array(z.string()).default([]).describe('Addresses that may reach a load balancer.'),
    sessionAffinity: z
      .enum(['None', 'ClientIP'])
      .default('None')
      .describe(
        'ClientIP keeps a client on one pod; needed by nothing but next links of searches that read very much.',
      ),
  })
  .prefault({})
  .describe('Service of the FHIR API.');

const tls = z
  .strictObject({
    existingSecret: text(
      '',
      'Secret of type kubernetes.io/tls: the gateway ends TLS itself. Rotated without a restart.',
    ),
    clientCaSecret: text(
      '',
      'Secret with `ca.crt`: clients must present a certificate of these authorities (mutual TLS).',
    ),
  })
  .prefault({})
  .describe('TLS of the FHIR API.');

const ingress = z
  .strictObject({
    enabled: isOn(false, 'Make an Ingress.'),
    className: text('', 'Class.'),
    annotations: labels('Annotations. The controller must pass path and query unchanged and must not cache.'),
    hosts: z
      .array(z.string())
      .default([])
      .describe('Host names; without any, the one of `config.listener.publicBaseUrl`.'),
    tls: list('Its TLS section.'),
  })
  .prefault({})
  .describe('Ingress.');

const httpRoute = z
  .strictObject({
    enabled: isOn(false, 'Make an HTTPRoute (Gateway API).'),
    annotations: labels('Annotations.'),
    parentRefs: list('Gateways it belongs to.'),
    hostnames: z
      .array(z.string())
      .default([])
      .describe('Host names; without any, the one of `config.listener.publicBaseUrl`.'),
  })
  .prefault({})
  .describe('Route of the Gateway API.');

const services = z
  .strictObject({
    service: z
      .strictObject({
        type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).default('ClusterIP').describe('Type.'),
        port: z.int().min(1).max(65_535).default(80).describe('Port; 443 is usual with `tls`.'),
        annotations: labels('Annotations.'),
        loadBalancerSourceRanges: z.array(z.string()).default([]).describe('Addresses that may reach a load balancer.'),
      })
      .prefault({})
      .describe('Their Service.'),
    ingress: ingress.describe(
      'Ingress that leads to them; without `hosts`, the one of `config.services.publicBaseUrl`.',
    ),
    httpRoute: httpRoute.describe(
      'Route of the Gateway API that leads to them; without `hostnames`, the one of `config.services.publicBaseUrl`.',
    ),
    clients: list(
      'Who reaches them (NetworkPolicyPeers); without any, only pods of the same namespace, and through a route only whom you name here.',
    ),
  })
  .prefault({})
  .describe(
    'Listener of the services beside FHIR (decisions for other systems). It is opened, on all addresses and with the certificate of `tls`, where `config.services` is set.',
  );

const probe = (what: string, standard: Record<string, number>) =>
  z.record(z.string(), z.number()).default(standard).describe(what);

const networkPolicy = z
  .strictObject({
    enabled: isOn(
      true,
      'Make a NetworkPolicy: only the FHIR API is reached from outside, only what is configured is reached from inside.',
    ),
    clients: list(
      'Who reaches the FHIR API (NetworkPolicyPeers); without any, everybody: tokens are asked for all the same.',
    ),
    monitoring: list('Who reaches metrics (NetworkPolicyPeers); without any, only pods of the same namespace.'),
    egress: list(
      'What the gateway reaches (egress rules), instead of any address on the ports of the URLs in `config`. Name the FHIR server, the issuers, the audit repositories and Redis.',
    ),
  })
  .prefault({})
  .describe('Network policy.');

const monitoring = (what: string) =>
  z.strictObject({ enabled: isOn(false, what), labels: labels('Labels, by which Prometheus finds it.') }).prefault({});

/** Names of keys are those that users know from other charts. */
export const chartValues = z.strictObject({
  nameOverride: text('', "Instead of the chart's name."),
  fullnameOverride: text('', 'Name of everything.'),
  commonLabels: labels('Labels of everything.'),
  image,
  imagePullSecrets: list('Secrets to pull it with.'),
  replicaCount: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe('Pods, where there is no autoscaling. More than one want `config.redis`.'),
  existingSecret: z
    .string()
    .min(1)
    .describe(
      'Secret that is mounted at /run/secrets/consent-gateway. It needs `sealing.key` (32 bytes or more) and `outbox.key` (32 bytes as base64 or hex); credentials that `config` names as files go there too.',
    ),
  persistence,
  service,
  tls,
  ingress,
  httpRoute,
  services,
  serviceAccount: z
    .strictObject({
      create: isOn(true, 'Make one.'),
      name: text('', 'Its name.'),
      annotations: labels('Annotations.'),
    })
    .prefault({})
    .describe('Service account. Its token is never mounted: the gateway does not talk to Kubernetes.'),
  resources: z
    .record(z.string(), z.unknown())
    .default({
      requests: { cpu: '500m', memory: '512Mi', 'ephemeral-storage': '64Mi' },
      limits: { cpu: '2', memory: '1Gi', 'ephemeral-storage': '256Mi' },
    })
    .describe('Resources of the gateway. Its heap takes up to 70 % of the memory limit.'),
  podSecurityContext: z
    .record(z.string(), z.unknown())
    .default({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    })
    .describe('Security context of the pod.'),
  securityContext: z
    .record(z.string(), z.unknown())
    .default({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    })
    .describe('Security context of the container.'),
  livenessProbe: probe('Numbers of the liveness probe.', { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
  readinessProbe: probe('Numbers of the readiness probe.', {
    periodSeconds: 5,
    timeoutSeconds: 3,
    failureThreshold: 2,
  }),
  startupProbe: probe('Numbers of the startup probe.', { periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 60 }),
  terminationGracePeriodSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(60)
    .describe(
      'Time for requests under way to end: 5 s until nobody sends new ones, 25 s for those, and for the record to close.',
    ),
  autoscaling: z
    .strictObject({
      enabled: isOn(false, 'Make a HorizontalPodAutoscaler.'),
      minReplicas: z.int().min(1).max(100).default(3).describe('Least pods.'),
      maxReplicas: z
        .int()
        .min(1)
        .max(100)
        .default(10)
        .describe('Most pods. The volume of a pod that goes is kept, with what it had not delivered yet.'),
      targetCPUUtilizationPercentage: z.int().min(1).max(100).default(70).describe('Use of CPU that it aims at.'),
    })
    .prefault({})
    .describe('Autoscaling.'),
  podDisruptionBudget: z
    .strictObject({
      enabled: isOn(true, 'Make a PodDisruptionBudget.'),
      maxUnavailable: z.int().min(1).max(100).default(1).describe('Pods that may be away at once.'),
    })
    .prefault({})
    .describe('Disruption budget.'),
  topologySpreadConstraints: list('Instead of spreading over zones and hosts where possible.'),
  affinity: passed('Affinity; without one, pods keep off hosts that have one already, where possible.'),
  nodeSelector: labels('Node selector.'),
  tolerations: list('Tolerations.'),
  priorityClassName: text('', 'Priority class.'),
  podAnnotations: labels('Annotations of pods.'),
  podLabels: labels('Labels of pods.'),
  networkPolicy,
  serviceMonitor: monitoring('Make a ServiceMonitor (Prometheus Operator).').describe(
    'Scraping by the Prometheus Operator.',
  ),
  prometheusRule: monitoring('Make a PrometheusRule with the alerts of docs/running.md.').describe('Alert rules.'),
  dashboard: monitoring('Make a ConfigMap with the Grafana dashboard.').describe('Dashboard.'),
  extraArgs: z.array(z.string()).default([]).describe('More arguments of the gateway.'),
  extraEnv: list('More environment variables. Never a secret: keys of `config` name files.'),
  extraVolumes: list('More volumes.'),
  extraVolumeMounts: list('More mounts.'),
  extraInitContainers: list('More init containers.'),
  extraContainers: list('More containers.'),
  extraObjects: list('More Kubernetes objects.'),
});

/** Where the chart's own keys of `config` point. */
export const chartConfig = {
  listener: { host: '0.0.0.0', port: 8080 },
  admin: { host: '0.0.0.0', port: 9090 },
  policy: {},
  audit: {
    outboxFile: '/var/lib/consent-gateway/outbox.db',
    key: { kind: 'file', currentFile: '/run/secrets/consent-gateway/outbox.key' },
  },
  sealing: { keyFile: '/run/secrets/consent-gateway/sealing.key', createKeyFile: false },
} as const;
