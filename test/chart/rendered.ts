import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import type { ConfigInput } from '../../src/config/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const chart = join(root, 'helm');

/** One Kubernetes object, as far as all of them are alike. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: { readonly limits: Readonly<Record<string, string>> };
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Pod {
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken: boolean;
  readonly containers: readonly [Container, ...Container[]];
  readonly volumes: readonly {
    readonly name: string;
    readonly configMap?: { readonly name: string };
    readonly secret?: { readonly secretName: string };
  }[];
}

export interface StatefulSet extends KubernetesObject {
  readonly spec: {
    readonly template: { readonly metadata: KubernetesObject['metadata']; readonly spec: Pod };
    readonly volumeClaimTemplates?: readonly KubernetesObject[];
    readonly persistentVolumeClaimRetentionPolicy: Readonly<Record<string, string>>;
  };
}

export interface ConfigMap extends KubernetesObject {
  readonly data: Readonly<Record<string, string>>;
}

interface Port {
  readonly port: string | number;
}

interface NetworkPolicy extends KubernetesObject {
  readonly spec: {
    readonly policyTypes: readonly string[];
    readonly ingress: readonly { readonly ports: readonly [Port, ...Port[]]; readonly from?: readonly unknown[] }[];
    readonly egress: readonly { readonly ports: readonly Port[] }[];
  };
}

interface Service extends KubernetesObject {
  readonly spec: {
    readonly type: string;
    readonly ports: readonly { readonly name: string; readonly targetPort: string; readonly appProtocol?: string }[];
  };
}

interface Backend {
  readonly service: { readonly name: string };
}

interface Ingress extends KubernetesObject {
  readonly spec: {
    readonly rules: readonly {
      readonly host: string;
      readonly http: { readonly paths: readonly { readonly path: string; readonly backend: Backend }[] };
    }[];
  };
}

interface HttpRoute extends KubernetesObject {
  readonly spec: {
    readonly hostnames: readonly string[];
    readonly rules: readonly {
      readonly matches: readonly { readonly path: { readonly value: string } }[];
      readonly backendRefs: readonly { readonly name: string; readonly port: number }[];
    }[];
  };
}

interface PrometheusRule extends KubernetesObject {
  readonly spec: {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly alert: string;
        readonly expr: string;
        readonly annotations: Readonly<Record<string, string>>;
      }[];
    }[];
  };
}

interface ServiceMonitor extends KubernetesObject {
  readonly spec: { readonly endpoints: readonly unknown[] };
}

/** The kinds that these tests look into. */
interface Kinds {
  readonly StatefulSet: StatefulSet;
  readonly ConfigMap: ConfigMap;
  readonly NetworkPolicy: NetworkPolicy;
  readonly Service: Service;
  readonly Ingress: Ingress;
  readonly HTTPRoute: HttpRoute;
  readonly PrometheusRule: PrometheusRule;
  readonly ServiceMonitor: ServiceMonitor;
}

/** A Secret as it lies in the cluster: file names and contents. */
export type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Said {
  readonly status: number | null;
  readonly text: string;
}

export function run(tool: string, ...args: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { status, text: `${stdout}${stderr}` };
}

/** `helm template` with values files and values; its text, or what it refused. */
export function template(...args: readonly string[]): Said {
  return run('helm', 'template', 'demo', chart, '--namespace', 'consent', ...args);
}

export function lint(...args: readonly string[]): Said {
  return run('helm', 'lint', chart, '--quiet', '--strict', ...args);
}

export function objectsOf(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

/** The only object of its kind with such a name. */
export function one<Kind extends keyof Kinds>(
  objects: readonly KubernetesObject[],
  kind: Kind,
  name = /./,
): Kinds[Kind] {
  const found = objects.filter((object) => object.kind === kind && name.test(object.metadata.name));
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} with a name like ${name}`);
  return found[0] as Kinds[Kind]; // Kubernetes' own schemas have checked its shape
}

/** What a kubelet would start for the gateway's container, with folders of this machine in place of its mounts. */
export interface StartedAs {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where the volumes lie. */
  readonly machine: string;
}

/** Every folder that a container sees, by the volume that is mounted there. */
export function mountsOf(workload: StatefulSet): readonly { readonly path: string; readonly volume: string }[] {
  const [container] = workload.spec.template.spec.containers;
  return container.volumeMounts.map(({ mountPath, name }) => ({ path: mountPath, volume: name }));
}

/**
 * Lays the pod's volumes out as folders, and turns every path of arguments, environment and configuration to them.
 * @param readdressed puts addresses of this machine in place of those of the configuration
 * @throws {Error} for a volume or a Secret that is not there
 */
export function asProcess(
  objects: readonly KubernetesObject[],
  secrets: Secrets,
  readdressed: (config: ConfigInput) => unknown,
): StartedAs {
  const workload = one(objects, 'StatefulSet');
  const { spec } = workload.spec.template;
  const claims = (workload.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name);
  const machine = mkdtempSync(join(tmpdir(), 'consent-gateway-pod-'));
  const mounts = mountsOf(workload);
  const local = (text: string): string =>
    mounts.reduce((done, { path }) => done.replaceAll(`${path}/`, `${join(machine, path)}/`), text);
  const place = (path: string, content: string): void => {
    mkdirSync(dirname(join(machine, path)), { recursive: true });
    writeFileSync(join(machine, path), content, { mode: 0o600 });
  };
  for (const { path, volume } of mounts) {
    mkdirSync(join(machine, path), { recursive: true });
    if (claims.includes(volume)) continue;
    const source = spec.volumes.find(({ name }) => name === volume);
    if (source === undefined) throw new Error(`no volume ${volume}`);
    const files: Readonly<Record<string, string>> | undefined =
      source.configMap !== undefined
        ? one(objects, 'ConfigMap', new RegExp(`^${source.configMap.name}$`)).data
        : secrets[source.secret?.secretName ?? ''];
    if (files === undefined) throw new Error(`no Secret ${source.secret?.secretName}`);
    for (const [name, content] of Object.entries(files))
      place(
        join(path, name),
        source.configMap === undefined ? content : local(JSON.stringify(readdressed(parse(content) as ConfigInput))),
      );
  }
  const [container] = spec.containers;
  const environment = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, local(value)]));
  return { args: container.args.map(local), environment, machine };
}
