import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { createMetrics, watchClock, watchProbe, watchRecorder, watchShadow } from '../../src/telemetry/metrics.ts';
import { type KubernetesObject, lint, mountsOf, objectsOf, one, type Pod, run, template } from './rendered.ts';

const examples = fileURLToPath(new URL('../../helm/examples/', import.meta.url));
const minimalValues = join(examples, 'one-machine.yaml');
const names = readdirSync(examples).filter((name) => name.endsWith('.yaml'));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consent-gateway-chart-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Text values of a configuration that name files. */
function filesIn(value: unknown): string[] {
  if (typeof value === 'string') return /^\/[^/]/.test(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(filesIn) : [];
}

describe.each(names)('the chart with the values of %s', (name) => {
  let text: string;
  let objects: readonly KubernetesObject[];
  let pod: Pod;

  const isWithoutVolume = name === 'no-volume.yaml';
  beforeAll(() => {
    const rendered = template('-f', join(examples, name));
    expect(rendered).toMatchObject({ status: 0 });
    text = rendered.text;
    objects = objectsOf(text);
    pod = one(objects, 'StatefulSet').spec.template.spec;
  });

  it('passes helm lint', () => {
    expect(lint('-f', join(examples, name))).toEqual({ status: 0, text: '' });
  });

  it('is what Kubernetes takes, strictly, and what kube-score finds nothing critical in', () => {
    const file = join(folder, basename(name));
    // Objects of the Prometheus Operator and of the Gateway API are no part of Kubernetes' own schemas.
    const own = objects.filter(({ apiVersion }) => !/monitoring\.coreos|gateway\.networking/.test(apiVersion));
    writeFileSync(file, own.map((object) => JSON.stringify(object)).join('\n---\n'));
    const said = run('kubernetes-validate', '-k', '1.37', '--strict', file);
    expect(said.text.match(/passed for resource/g)).toHaveLength(own.length);
    expect(said.status).toBe(0);
    expect(run('kube-score', 'score', file)).toMatchObject({ status: 0 });
  });

  it('gives the gateway no rights: nobody, read-only root, no capabilities, no token, nothing of the host', () => {
    const [container] = pod.containers;
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(pod)).not.toMatch(/hostPath|hostNetwork|hostPID|hostIPC|hostPort/);
    expect(container.resources.limits).toEqual(expect.objectContaining({ memory: expect.any(String) }));
  });

  it('holds no secret: no value of the environment, no key of the configuration, only names of files', () => {
    expect(pod.containers[0].env ?? []).toEqual([]);
    expect(objects.map(({ kind }) => kind)).not.toContain('Secret');
    expect(text).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|Bearer |password: /i);
  });

  it('has a configuration that the gateway takes, whose files all lie in something that is mounted', () => {
    const { data } = one(objects, 'ConfigMap', /^demo-fhir-consent-gateway$/);
    const config = loadConfig(data['gateway.yaml'] ?? '', {});
    const mounts = mountsOf(one(objects, 'StatefulSet'));
    const files = filesIn(config).filter((file) => !(isWithoutVolume && file === config.audit.outboxFile)); // not used then
    expect(files.length).toBeGreaterThan(2);
    expect(files.filter((file) => !mounts.some(({ path }) => file.startsWith(`${path}/`)))).toEqual([]);
    expect(config.audit.outboxFile).toMatch(/^\/var\/lib\/consent-gateway\//);
    expect(config.audit.redis !== undefined).toBe(isWithoutVolume);
  });

  it('keeps the outbox on a volume of its own that outlives the pod, or in Redis', () => {
    const { spec } = one(objects, 'StatefulSet');
    if (isWithoutVolume) {
      expect(spec.volumeClaimTemplates).toBeUndefined();
      expect(text).not.toMatch(/PersistentVolumeClaim|emptyDir|name: outbox/);
      const ports = one(objects, 'NetworkPolicy', /gateway$/).spec.egress.flatMap(({ ports }) => ports);
      expect(ports.map(({ port }) => port)).toEqual(expect.arrayContaining([6380, 6381]));
      return;
    }
    expect(spec.volumeClaimTemplates).toHaveLength(1);
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
    expect(mountsOf(one(objects, 'StatefulSet'))).toContainEqual({
      path: '/var/lib/consent-gateway',
      volume: 'outbox',
    });
  });

  it('asks for life and readiness on the admin port, which no route leads to', () => {
    const [container] = pod.containers;
    expect(container.livenessProbe.httpGet).toEqual({ path: '/live', port: 'admin' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/ready', port: 'admin' });
    const routes = objects.filter(({ kind }) => kind === 'Ingress' || kind === 'HTTPRoute' || kind === 'Service');
    const open = routes.filter(({ metadata }) => !/-(admin|pods)$/.test(metadata.name));
    expect(JSON.stringify(open)).not.toMatch(/"admin"|9090/);
    expect(one(objects, 'Service', /-admin$/).spec.type).toBe('ClusterIP');
  });

  it('lets nothing but the FHIR API in, and nothing out but to what is configured', () => {
    const { spec } = one(objects, 'NetworkPolicy', /gateway$/);
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.ingress.map(({ ports }) => ports[0].port)).toEqual(
      name === 'decisions.yaml' ? ['fhir', 'services', 'admin'] : ['fhir', 'admin'],
    );
    for (const { ports } of spec.egress) expect(ports.length).toBeGreaterThan(0);
  });
});

describe('the chart', () => {
  const minimal = minimalValues;

  it.each([
    ['replicaCont=3', 'replicaCont'],
    ['config.upstream.baseUrll=x', 'baseUrll'],
    ['config.audit.primari.kind=file', 'primari'],
    ['image.pullpolicy=Always', 'pullpolicy'],
    ['networkPolicy.enabeld=false', 'enabeld'],
    ['config.identity.issuers[0].rolse.x=clinician', 'rolse'],
  ])('refuses %s with the name of the key', (value, key) => {
    const said = template('-f', minimal, '--set', value);
    expect(said.status).not.toBe(0);
    expect(said.text).toContain(`'${key}'`);
    expect(said.text).toContain('not allowed');
  });

  it('without values says which are needed', () => {
    const { status, text } = template();
    expect(status).not.toBe(0);
    for (const key of ['existingSecret', 'upstream', 'identity', 'publicBaseUrl']) expect(text).toContain(key);
  });

  it('starts the pods anew when the configuration changes, and only then', () => {
    const sum = (...args: string[]): unknown =>
      one(objectsOf(template('-f', minimal, ...args).text), 'StatefulSet').spec.template.metadata.annotations?.[
        'checksum/config'
      ];
    expect(sum()).toBe(sum('--set', 'replicaCount=3'));
    expect(sum()).not.toBe(sum('--set', 'config.search.totals=none'));
  });

  it('keeps numbers whole on their way to the gateway', () => {
    const { data } = one(
      objectsOf(template('-f', minimal, '--set', 'config.audit.maximumBytes=34359738368').text),
      'ConfigMap',
    );
    expect(loadConfig(data['gateway.yaml'] ?? '', {}).audit.maximumBytes).toBe(34_359_738_368);
  });

  it('tells after the installation what stands in front of the data', () => {
    const notes = run('helm', 'install', 'demo', 'helm', '--dry-run=client', '-f', minimal, '--set', 'replicaCount=3');
    expect(notes.status).toBe(0);
    expect(notes.text).toContain('the gateway is its only guard');
    expect(notes.text).toContain('Several pods without config.redis');
  });
});

describe('the listener of the services', () => {
  const decisions = join(examples, 'decisions.yaml');
  const rendered = (...args: string[]): readonly KubernetesObject[] =>
    objectsOf(template('-f', decisions, ...args).text);
  const configOf = (objects: readonly KubernetesObject[]): Config =>
    loadConfig(one(objects, 'ConfigMap', /^demo-fhir-consent-gateway$/).data['gateway.yaml'] ?? '', {});

  it('is nowhere where no services are configured', () => {
    const text = template('-f', minimalValues).text;
    expect(text).not.toMatch(/name: services|gateway-services/);
  });

  it('is bound to all addresses, on the port that pod, Service and network policy name', () => {
    const objects = rendered();
    expect(configOf(objects).services).toMatchObject({ host: '0.0.0.0', port: 8081, behindTls: true });
    const [container] = one(objects, 'StatefulSet').spec.template.spec.containers;
    expect(container.ports).toContainEqual({ name: 'services', containerPort: 8081 });
    const service = one(objects, 'Service', /-services$/);
    expect(service.spec).toMatchObject({ type: 'ClusterIP', ports: [{ targetPort: 'services', appProtocol: 'http' }] });
    const rule = one(objects, 'NetworkPolicy', /gateway$/).spec.ingress.find(
      ({ ports }) => ports[0].port === 'services',
    );
    expect(JSON.stringify(rule?.from)).toContain('documents');
  });

  it('is open to pods of its own namespace alone where nobody is named', () => {
    const objects = rendered('--set', 'services.clients=null');
    const rule = one(objects, 'NetworkPolicy', /gateway$/).spec.ingress.find(
      ({ ports }) => ports[0].port === 'services',
    );
    expect(rule?.from).toEqual([{ podSelector: {} }]);
  });

  it('has an Ingress of its own, for its base and for the metadata before it', () => {
    const [rule] = one(rendered(), 'Ingress', /-services$/).spec.rules;
    expect(rule?.host).toBe('decisions.example.org');
    expect(rule?.http.paths.map(({ path }) => path)).toEqual([
      '/services',
      '/.well-known/authzen-configuration/services',
    ]);
    expect(rule?.http.paths.map(({ backend }) => backend.service.name)).toEqual([
      'demo-fhir-consent-gateway-services',
      'demo-fhir-consent-gateway-services',
    ]);
  });

  it('has a route of its own', () => {
    const route = one(
      rendered('--set', 'services.httpRoute.enabled=true', '--set', 'services.httpRoute.parentRefs[0].name=public'),
      'HTTPRoute',
    );
    expect(route.spec.hostnames).toEqual(['decisions.example.org']);
    expect(route.spec.rules[0]?.backendRefs).toEqual([{ name: 'demo-fhir-consent-gateway-services', port: 80 }]);
  });

  it('ends TLS with the certificate of the FHIR API', () => {
    const objects = rendered('--set', 'tls.existingSecret=fhir-example-org');
    expect(configOf(objects).services?.tls).toEqual(configOf(objects).listener.tls);
    expect(configOf(objects).services?.tls?.certificateFile).toBe('/run/secrets/tls/tls.crt');
    expect(one(objects, 'Service', /-services$/).spec.ports[0]?.appProtocol).toBe('https');
  });

  it.each(['ingress', 'httpRoute'])('refuses %s to services that there are not', (route) => {
    const said = template('-f', minimalValues, '--set', `services.${route}.enabled=true`);
    expect(said.status).not.toBe(0);
    expect(said.text).toContain('config.services is not set');
  });

  it('leads out to the ports of collectors and consent stores too', () => {
    const store = ['name=registry', 'baseUrl=https://consents.example:9443/fhir', 'patients.by=id'].map(
      (value) => `config.consent.stores[0].${value}`,
    );
    const { egress } = one(rendered(...store.flatMap((value) => ['--set', value])), 'NetworkPolicy', /gateway$/).spec;
    expect(egress.flatMap(({ ports }) => ports.map(({ port }) => port)).sort()).toEqual([4318, 443, 53, 53, 9443]);
  });
});

describe('alerts and dashboard', () => {
  const told = createMetrics();
  watchRecorder(told, () => {
    throw new Error('not asked');
  });
  watchShadow(told, [], Date.now);
  watchProbe(told, () => true);
  watchClock(told, () => undefined);
  const known = new Set(told.registry.getMetricsAsArray().map(({ name }) => name));
  const named = (text: string): string[] =>
    [...text.matchAll(/\bgateway_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));

  it.each(['alerts.yaml', 'dashboard.json'])('%s names metrics that the gateway tells', (file) => {
    const metrics = named(readFileSync(new URL(`../../helm/files/${file}`, import.meta.url), 'utf8'));
    expect(metrics.length).toBeGreaterThan(7);
    expect(metrics.filter((name) => !known.has(name))).toEqual([]);
  });

  it('show decisions, latencies by stage, the consent cache, revocations, the outbox, label coverage and break-glass', () => {
    const dashboard = named(readFileSync(new URL('../../helm/files/dashboard.json', import.meta.url), 'utf8'));
    for (const name of [
      'gateway_requests_total',
      'gateway_released_resources_total',
      'gateway_withheld_resources_total',
      'gateway_stage_duration_seconds',
      'gateway_consent_cache_total',
      'gateway_consent_change_delay_seconds',
      'gateway_outbox_bytes',
      'gateway_outbox_behind_seconds',
      'gateway_candidates_total',
      'gateway_emergency_answers_total',
    ])
      expect(dashboard).toContain(name);
  });

  it('are each told what to do about, and no others', () => {
    const names = (text: string, shape: RegExp): string[] => [...text.matchAll(shape)].map(([, name]) => name ?? '');
    const rules = readFileSync(new URL('../../helm/files/alerts.yaml', import.meta.url), 'utf8');
    const guide = readFileSync(new URL('../../docs/running.md', import.meta.url), 'utf8');
    const rows = guide.match(/^\| `ConsentGateway.*$/gm)?.join('\n') ?? '';
    const told = names(rows.replace(/(?<=^\|[^|]*\|).*$/gm, ''), /`(ConsentGateway\w+)`/g);
    expect(told.sort()).toEqual(names(rules, /alert: (\w+)/g).sort());
  });

  it('are rendered whole', () => {
    const on = ['prometheusRule', 'dashboard', 'serviceMonitor'].flatMap((name) => ['--set', `${name}.enabled=true`]);
    const objects = objectsOf(template('-f', join(examples, 'one-machine.yaml'), ...on).text);
    const { groups } = one(objects, 'PrometheusRule').spec;
    for (const { alert, expr, annotations } of groups.flatMap(({ rules }) => rules))
      expect([alert, expr, annotations.summary, annotations.description]).not.toContain(undefined);
    expect(
      JSON.parse(one(objects, 'ConfigMap', /-dashboard$/).data['consent-gateway.json'] ?? '').panels.length,
    ).toBeGreaterThan(7);
    expect(one(objects, 'ServiceMonitor').spec.endpoints).toEqual([{ port: 'admin', path: '/metrics' }]);
  });
});
