import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import type { ConfigInput } from '../../src/config/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const chart = join(root, 'helm');

/** One Kubernetes object, as far as these tests look into it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: rendered YAML, whose shape Kubernetes' own schemas have checked
  readonly [field: string]: any;
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

export function one(objects: readonly KubernetesObject[], kind: string, name = /./): KubernetesObject {
  const found = objects.filter((object) => object.kind === kind && name.test(object.metadata.name));
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} with a name like ${name}`);
  return found[0] as KubernetesObject;
}

/** What a kubelet would start for the gateway's container, with folders of this machine in place of its mounts. */
export interface StartedAs {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where the volumes lie. */
  readonly machine: string;
}

/** Every folder that a container sees, by the volume that is mounted there. */
export function mountsOf(workload: KubernetesObject): readonly { readonly path: string; readonly volume: string }[] {
  const [container] = workload.spec.template.spec.containers;
  return container.volumeMounts.map(({ mountPath, name }: { mountPath: string; name: string }) => ({
    path: mountPath,
    volume: name,
  }));
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
  const claims: readonly string[] = workload.spec.volumeClaimTemplates.map(
    (claim: KubernetesObject) => claim.metadata.name,
  );
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
    const source = spec.volumes.find(({ name }: { name: string }) => name === volume);
    if (source === undefined) throw new Error(`no volume ${volume}`);
    const files: Readonly<Record<string, string>> | undefined =
      source.configMap !== undefined
        ? one(objects, 'ConfigMap', new RegExp(`^${source.configMap.name}$`)).data
        : secrets[source.secret?.secretName];
    if (files === undefined) throw new Error(`no Secret ${source.secret?.secretName}`);
    for (const [name, content] of Object.entries(files))
      place(
        join(path, name),
        source.configMap === undefined ? content : local(JSON.stringify(readdressed(parse(content) as ConfigInput))),
      );
  }
  const [container] = spec.containers;
  const environment = Object.fromEntries(
    (container.env ?? []).map(({ name, value }: { name: string; value: string }) => [name, local(value)]),
  );
  return { args: container.args.map(local), environment, machine };
}
