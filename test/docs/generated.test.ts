import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { documents } from '../../scripts/documents/documents.ts';
import { loadConfig } from '../../src/config/config.ts';
import { reasonTexts } from '../../src/decide/reasons.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const markdownBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const written = [
  'README.md',
  'CHANGELOG.md',
  'examples/demo/README.md',
  'fhir-profiles/README.md',
  ...markdownBelow('docs'),
  ...markdownBelow('fixtures'),
];
/** Fenced blocks of one language. */
const blocks = (path: string, language: string): string[] =>
  [...read(path).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text);

describe('generated documents', () => {
  it.each([...documents()])('%s is what `npm run generate` writes', (path, text) => {
    expect(read(path)).toBe(text);
  });

  it('name every key of the configuration, with what it is', () => {
    const rows = read('docs/configuration.md').match(/^\| `.*$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(150);
    expect(rows.filter((row) => /\|\s*\|$/.test(row) && !/^\| `\S+` \| object \|/.test(row))).toEqual([]);
  });
});

describe('written documents', () => {
  it.each(written)('%s leads to files that are there', (path) => {
    const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target.replace(/#.*$/, ''));
    const relative = links.filter((target) => target !== '' && !/^[a-z]+:/.test(target));
    expect(relative.filter((target) => !existsSync(join(root, dirname(path), target)))).toEqual([]);
  });

  it.each(written)('%s names sources that are there', (path) => {
    const named = [...read(path).matchAll(/`((?:src|docs|test|scripts|examples|fixtures|fhir-profiles)\/[\w./-]*)`/g)];
    expect(named.map(([, target = '']) => target).filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });

  it('the README and the operators page name commands that npm has or package.json defines', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const own = new Set(['ci', 'cit', 'start', 'test']);
    const commands = ['README.md', 'docs/operators.md', 'examples/demo/README.md'].flatMap((path) => [
      ...read(path).matchAll(/\bnpm (run )?([a-z][a-z:]*)/g),
    ]);
    expect(commands.length).toBeGreaterThan(5);
    const unknown = commands.filter(([, run, name = '']) =>
      run === undefined ? !own.has(name) : !Object.hasOwn(scripts, name),
    );
    expect(unknown.map(([text]) => text)).toEqual([]);
    for (const name of ['start', 'test']) expect(scripts).toHaveProperty(name);
  });

  it('the reasons that the documents quote are reasons', () => {
    const quoted = ['docs/how-a-decision-is-made.md', 'docs/privacy-officers.md'].flatMap((path) => [
      ...read(path).matchAll(/`([a-z0-9-]+), step (\d)/g),
    ]);
    expect(quoted.length).toBeGreaterThan(5);
    expect(quoted.map(([, code = '']) => code).filter((code) => !Object.hasOwn(reasonTexts, code))).toEqual([]);
  });
});

describe('example configurations', () => {
  const files = readdirSync(join(root, 'examples/config')).map((name) => `examples/config/${name}`);
  const [inReadme = ''] = blocks('README.md', 'yaml');

  it.each(files)('%s is accepted', (file) => {
    expect(loadConfig(read(file), {}).policy.set).toBe('us-part2');
  });

  it('the one in the README is accepted, and the same but for its address would not be with a key misspelt', () => {
    expect(loadConfig(inReadme, {}).listener.publicBaseUrl).toBe('https://fhir.example.org/r4');
    expect(() => loadConfig(inReadme.replace('behindTls', 'behindTsl'), {})).toThrow(/behindTsl/);
  });

  it('the documented environment variables are keys', () => {
    const text = read('docs/configuration.md');
    const assignments = [...text.matchAll(/`(CONSENT_GATEWAY__\w+)=([^`]+)`/g)];
    expect(assignments).toHaveLength(2);
    for (const [, name = '', value = ''] of assignments) {
      expect(() => loadConfig(inReadme, { [name]: value })).not.toThrow();
      expect(() => loadConfig(inReadme, { [`${name}x`]: value })).toThrow(/x/);
    }
  });
});
