import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, startGateway } from './place.ts';

const inline = (code: string) => ({
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code },
    },
  ],
});
const concept = (text: string) => ({ coding: [{ system: 'https://example.org/questions', code: text }] });
/** With an answer that is a matter of its own, one that is not for the patient, and a reference to what others may not know. */
const mixed = {
  resourceType: 'Observation',
  id: 'ada-mixed',
  status: 'final',
  code: concept('intake'),
  subject: { reference: 'Patient/ada' },
  focus: [{ reference: 'Procedure/ada-counseling-session' }],
  component: [
    { code: concept('sleep'), valueString: 'MARKED-SLEEP' },
    { ...inline('SDV'), code: concept('home'), valueString: 'MARKED-HOME' },
  ],
  note: [{ ...inline('NOPAT'), text: 'MARKED-NOTE' }],
};
const strong = 'urn:example:acr:two-factors';
const summit = {
  roles: ['system-client'],
  organization: 'Organization/summit-clinic',
  purposes: ['TREAT'],
  scope: 'system/*.rs',
  clientKind: 'system',
};
const grey = {
  roles: ['clinician'],
  user: 'Practitioner/dr-grey',
  organization: 'Organization/mercy-hospital',
  purposes: ['ETREAT'],
  acr: strong,
};

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    services: { grants: { explain: ['front-desk'] } },
    resources: [mixed],
    changes: {
      labels: { programs: ['Organization/lakeside-recovery', 'Location/lakeside-house'], inline: 'element' },
      decision: {
        withholdFromPatient: true,
        organizations: ['Organization/mercy-hospital', 'Organization/lakeside-recovery'],
      },
      emergency: { acrValues: [strong] },
    },
  });
});
afterAll(() => place.close());

interface Told {
  readonly resource: string;
  readonly verdict: string;
  readonly code?: string;
  readonly reasons: readonly { readonly code: string; readonly rule?: string }[];
  readonly accompanied?: readonly string[];
  readonly cuts?: readonly {
    readonly element: string;
    readonly because: string;
    readonly reasons?: readonly { readonly code: string; readonly label?: string }[];
    readonly sentence: string;
  }[];
}
interface Answer {
  readonly emergency?: object;
  readonly resources: readonly Told[];
}

async function explained(
  requester: object,
  resource: string,
  { as = 'front-desk', ...more }: { readonly as?: string; readonly emergency?: boolean } = {},
): Promise<{ readonly answer: Answer; readonly told: Told | undefined }> {
  const body = { requester, resources: [resource], ...more };
  const { status, text } = await place.ask('/patients/ada/explain', { as, body });
  expect(status).toBe(200);
  const answer = JSON.parse(text) as Answer;
  return { answer, told: answer.resources[0] };
}

describe('what is left out of what is released', () => {
  it('is told by element: its own label and what decided on it, or that it leads to what is hidden', async () => {
    const { told } = await explained(summit, 'Observation/ada-mixed');
    expect(told).toMatchObject({ verdict: 'released' });
    expect(told?.cuts?.map(({ element, because }) => [element, because])).toEqual([
      ['Observation.component', 'label'],
      ['Observation.focus', 'reference'],
    ]);
    const [component, focus] = told?.cuts ?? [];
    expect(component).toMatchObject({ reasons: [{ code: 'no-permit-for-topic', label: 'SDV' }] });
    expect(component?.sentence).toMatch(
      /^Without Observation\.component, for a label of its own: .* domestic violence/i,
    );
    expect(focus?.sentence).toBe(
      'Without Observation.focus: it leads to what he may not know, or to what is not there.',
    );
  });

  it('is what his own read lacks', async () => {
    const { status, text } = await place.ask(`${place.fhirUrl}/Observation/ada-mixed`, { as: 'summit' });
    expect(status).toBe(200);
    expect(text).toContain('MARKED-SLEEP');
    expect(text).toContain('MARKED-NOTE');
    expect(text).not.toMatch(/MARKED-HOME|counseling-session/);
  });

  it('stands in the text for people, without what it says', async () => {
    const body = { requester: summit, resources: ['Observation/ada-mixed'], format: 'text' };
    const { text } = await place.ask('/patients/ada/explain', { as: 'front-desk', body });
    expect(text).toContain('Would be released: Observation/ada-mixed\n');
    expect(text).toContain('- Without Observation.component, for a label of its own: ');
    expect(text).toContain('- Without Observation.focus: it leads to');
    expect(text).not.toContain('MARKED');
  });

  it('nothing is told of what is released whole', async () => {
    const { told } = await explained(summit, 'Observation/ada-a1c');
    expect(told).toMatchObject({ verdict: 'released' });
    expect(told).not.toHaveProperty('cuts');
  });

  it('the patient is told of what others are not given, but of no element that is kept from herself', async () => {
    const self = { roles: ['patient'], user: 'Patient/ada', scope: 'patient/*.rs', patient: 'ada' };
    const cutsFor = async (requester: object, as?: string) =>
      (await explained(requester, 'Observation/ada-mixed', as === undefined ? {} : { as })).told?.cuts?.map(
        ({ element }) => element,
      );
    expect(await cutsFor(self)).toEqual(['Observation.note']);
    expect(await cutsFor(self, 'ada')).toBeUndefined();
    expect(await cutsFor(summit, 'ada')).toEqual(['Observation.component', 'Observation.focus']);
  });
});

describe('what an emergency would open', () => {
  const screen = 'Observation/ada-drug-screen';

  it('is released for it, with the notice of 42 CFR 2.51', async () => {
    const { answer, told } = await explained(grey, screen, { emergency: true });
    expect(answer.emergency).toEqual({ purpose: 'ETREAT', overridesDenies: false, includesNotes: false });
    expect(told).toMatchObject({ verdict: 'released', accompanied: ['emergency'] });
    expect(told?.reasons[0]).toMatchObject({ code: 'emergency', rule: 'ETREAT' });
  });

  it('is hidden from the same requester who treats without one', async () => {
    const { answer, told } = await explained({ ...grey, purposes: ['TREAT'] }, screen, { emergency: true });
    expect(answer).not.toHaveProperty('emergency');
    expect(told).toMatchObject({ verdict: 'withheld' });
  });

  it.each([
    ['is not stated', grey, false],
    ['is stated after a weak sign-in', { ...grey, acr: 'weak' }, true],
    ['is stated by a role that may not', { ...grey, roles: ['front-desk'] }, true],
    ['is stated by a system', { ...grey, clientKind: 'system' }, true],
  ])('one that %s is refused', async (_what, requester, emergency) => {
    const { answer, told } = await explained(requester, screen, { emergency });
    expect(answer).not.toHaveProperty('emergency');
    expect(told).toMatchObject({ verdict: 'refused', code: 'emergency-not-accepted' });
  });

  it('the text says on what it rests and where it ends', async () => {
    const body = { requester: grey, resources: [screen], emergency: true, format: 'text' };
    const { text } = await place.ask('/patients/ada/explain', { as: 'front-desk', body });
    expect(text).toContain(
      'As in an emergency that was stated and accepted: it opens what would be hidden, but not what a consent denies and counseling and psychotherapy notes, unless a consent permits it for that.',
    );
    expect(text).toContain('- A medical emergency was stated, and accepted.');
  });
});
