import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { reasonTexts } from '../../src/decide/reasons.ts';
import { errorKinds } from '../../src/errors/errors.ts';
import { ruleOn } from '../scenarios/engine.ts';
import { type Resource, resourceOf } from '../scenarios/expand.ts';
import { tokenOf } from '../scenarios/requesters.ts';
import { configOf } from '../scenarios/settings.ts';

const folder = join(import.meta.dirname, '../../fixtures/consents');
const versions = ['r4', 'r5'] as const;

const ask = z.strictObject({
  who: z.string(),
  for: z.string().optional(),
  about: z.string(),
  outcome: z.enum(['released', 'withheld', 'refused']),
  reason: z.string(),
});
export type Ask = z.infer<typeof ask>;

const examplesSchema = z.record(
  z.string(),
  z.strictObject({
    level: z.enum(['basic', 'intermediate', 'advanced']).optional(),
    guide: z.string().optional().describe('What IHE PCF has the enforcement point do.'),
    differs: z.string().optional().describe('Where the gateway does otherwise, and why.'),
    says: z.string(),
    because: z.string(),
    asks: z.array(ask).min(1),
  }),
);

const expectedSchema = z.strictObject({
  requesters: z.record(
    z.string(),
    z.strictObject({
      title: z.string(),
      role: z.string(),
      user: z.string().optional(),
      organization: z.string().optional(),
    }),
  ),
  resources: z.record(z.string(), z.looseObject({ type: z.string(), id: z.string(), title: z.string() })),
  examples: examplesSchema,
});

const yaml = (version: string): unknown =>
  parse(readFileSync(join(folder, version, 'expected.yaml'), 'utf8'), { merge: true });
const r4 = expectedSchema.parse(yaml('r4'));
const r5 = z.strictObject({ examples: examplesSchema }).parse(yaml('r5'));

/** What each example Consent must come to, reasoned by hand. */
export const expected = { ...r4, examples: { ...r4.examples, ...r5.examples } };

/** The example Consents by id. */
export const examples: ReadonlyMap<string, Resource> = new Map(
  versions
    .flatMap((version) => readdirSync(join(folder, version)).map((name) => join(folder, version, name)))
    .filter((path) => basename(path).startsWith('Consent-'))
    .sort()
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as Resource)
    .map((consent) => [consent.id, consent]),
);

const config = configOf('usual', {
  publicBaseUrl: 'https://gateway.example/fhir',
  port: 0,
  upstreamUrl: 'http://example.org', // where some of the examples have their patient
  issuer: 'https://issuer.example',
  auditUrl: 'http://127.0.0.1:8082/fhir',
  folder: '.',
});
const at = Date.parse('2026-03-02T10:00:00Z');

/** One question, put to the rules with one example as the only Consent. */
export function answer(
  example: string,
  { who, for: purpose, about }: Ask,
): { outcome: Ask['outcome']; reasons: string[] } {
  const consent = examples.get(example);
  const requester = expected.requesters[who];
  if (consent === undefined || requester === undefined || expected.resources[about] === undefined)
    throw new Error(`${example}: ${who} or ${about} is unknown`);
  const patient = patientOf(consent);
  const stored = Object.values(expected.resources).map((one) =>
    one.type === 'Patient' ? { resourceType: 'Patient', id: patient } : resourceStored(one, patient),
  );
  const ruled = ruleOn({
    config,
    at,
    asker: tokenOf(who, requester, purpose ?? [], (text) => text),
    interaction: 'read',
    type: expected.resources[about].type,
    stored: [...stored, consent],
    fhirVersion: versionOf(consent),
  });
  if (ruled.refused !== undefined) return { outcome: 'refused', reasons: [ruled.refused] };
  const id = about === 'herself' ? patient : expected.resources[about].id;
  const decision = ruled.decisions.get(`${expected.resources[about].type}/${id}`);
  if (decision === undefined) throw new Error(`${about} was not decided on`);
  return {
    outcome: decision.outcome === 'release' ? 'released' : 'withheld',
    reasons: decision.reasons.map(({ code }) => code),
  };
}

function resourceStored(one: { type: string; id: string }, patient: string): Resource {
  return resourceOf(one.id, one, patient);
}

function patientOf({ patient, subject }: Resource): string {
  const { reference } = (patient ?? subject) as { reference: string };
  return reference.slice(reference.lastIndexOf('/') + 1);
}

function versionOf({ subject }: Resource): 'R4' | 'R5' {
  return subject === undefined ? 'R4' : 'R5';
}

/** Conformance and decision tables, for people to read. */
export function examplesTable(): string {
  const { requesters, resources } = expected;
  const conformance = Object.entries(expected.examples).flatMap(([id, { level, guide, differs, says }]) => {
    const version = versionOf(examples.get(id) as Resource);
    return level === undefined
      ? []
      : [`| [${id}](#${id}) | ${version} | ${level} | ${guide} | ${says} | ${differs ?? 'In nothing.'} |`];
  });
  const sections = Object.entries(expected.examples).map(([id, { says, because, asks }]) => {
    const rows = asks.map(
      ({ who, for: purpose, about, outcome, reason }) =>
        `| ${requesters[who]?.title} | ${purpose ?? 'no purpose'} | ${resources[about]?.title} | ${outcome} | ${sentence(reason)} (\`${reason}\`) |`,
    );
    return `## ${id}

${says} ${because.trim()}

| who asks | for | about | outcome | reason |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
  });
  return `# What the example Consents come to

The example Consents of IHE Privacy Consent on FHIR, in R4 and made from these in R5, and of the SHIFT task force (California AB 352), each as the
only Consent of its patient, under the policy \`us-part2\` with its defaults. Generated from \`fixtures/consents/r4/expected.yaml\` and
\`fixtures/consents/r5/expected.yaml\`, which were reasoned from the texts; \`test/consent/examples.test.ts\` puts every row to the rules.

## Beside the guide

What IHE PCF 1.1 has its enforcement point do with each of its examples (by the notes on the example), how the gateway reads the Consent, and where it
does otherwise. Two things hold for all: the guide's authorization server decides whether there is a token, while here each
resource is decided on, so *no token* is *nothing released by this Consent*; and what a permit is narrowed to and leaves out is never
opened by the implicit policy, as in the guide.

| example | FHIR | level | the guide expects | the gateway reads | and differs |
| --- | --- | --- | --- | --- | --- |
${conformance.join('\n')}

${sections.join('\n')}`;
}

function sentence(code: string): string {
  if (Object.hasOwn(reasonTexts, code)) return reasonTexts[code as keyof typeof reasonTexts];
  return errorKinds[code as keyof typeof errorKinds].title;
}
