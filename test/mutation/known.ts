/** Mutants that nothing catches, and why. */
export interface Known {
  readonly why: string;
  /** As `operators.ts` names them: `file rule: before -> after`. */
  readonly mutants: readonly string[];
}

/** No behaviour changes. */
export const equivalent: readonly Known[] = [
  {
    why: 'A residual rule of a token is matched alone: of the Consent that stands for it nothing but `isPart2` and `basicNormalCeiling` is read.',
    mutants: [
      'decide/residual.ts nobody: false -> true #8',
      'decide/residual.ts nobody: isGrantedRestriction: false, -> nothing',
    ],
  },
  {
    why: 'A placeholder for what is filled in when the provisions below have been collected.',
    mutants: ['decide/answer.ts collect: 0 -> 1 #2', 'decide/answer.ts collect: , end: 0 -> nothing'],
  },
  {
    why: 'A set: nothing reads the order in which the purposes of a Consent stand.',
    mutants: ['consent/parse-r5.ts read: [...this.#purposes].sort() -> [...this.#purposes]'],
  },
  {
    why: 'What is not stated stands at place -1 of the order of levels, below every level.',
    mutants: ['label/effective.ts level: this.stated === undefined -> false'],
  },
  {
    why: 'A separator in a key: topics and caveats hold neither a space nor a tilde.',
    mutants: ["label/effective.ts interned: ' ' -> '~'"],
  },
];

/** Behaviour may change, and no test says so yet. */
export const open: readonly Known[] = [
  {
    why: 'Payment and operations without a Consent, for data that the patient paid for herself: no case asks for operations.',
    mutants: ["decide/decide.ts isForPaymentOrOperations: purposeCovers('HOPERAT', purpose) -> false"],
  },
  {
    why: 'A consent to an intermediary and a requester with a treating relationship: no case has both.',
    mutants: ['decide/match.ts isThroughIntermediary: false -> true'],
  },
  {
    why: 'What stands above a Consent in its family, told to who asks why: the tests of that are over HTTP alone.',
    mutants: ['decide/families.ts fateOf: , ...(by === undefined ? {} : { by }) -> nothing'],
  },
  {
    why: 'Whether what an emergency opens may be remembered by labels alone: no case has two resources that differ otherwise.',
    mutants: ['decide/decide.ts establish: , ...(emergency === undefined ? [] : [emergency]) -> nothing'],
  },
  {
    why: 'Who belongs to a Group, has a role or stands elsewhere: the tests of that go through a FHIR server, which this run does not.',
    mutants: [
      'decide/membership.ts hasTrait: === -> !== #2',
      'decide/membership.ts hasTrait: unknown -> false',
      'decide/actors.ts hasRole: === -> !== #5',
      "decide/actors.ts isAnothers: 'Device/' -> '~'",
    ],
  },
  {
    why: 'Labels that ask for a consent naming the recipient, where nothing but a nested provision names him.',
    mutants: ['decide/decide.ts isNamedIn: live.some(({ provision }) => namesRecipient(provision.elements)) -> false'],
  },
  {
    why: 'An agreement that lists Patients: no test asks for the Patient’s own resource under one.',
    mutants: ["decide/agreements.ts registered: 'Patient' -> '~'"],
  },
  {
    why: 'Which construct of an R5 Consent is named as not understood: the outcome is the same, what is told of it is not looked at.',
    mutants: ["consent/parse-r5.ts read: this.#findings.add('Consent.category'); -> ; #2"],
  },
  {
    why: 'A treating relationship on record: no case has several, some of them an intermediary’s.',
    mutants: ['decide/decide.ts establish: some -> every'],
  },
  {
    why: 'The tests’ table of role rules knows no type `*`; the shipped policies are asked over HTTP alone.',
    mutants: ["decide/decide.ts forbid: '*' -> '~'"],
  },
  {
    why: 'The step that the reason of an emergency’s permit names: outcomes are compared, not this.',
    mutants: ['decide/emergency.ts inEmergency: 6 -> 5 #2'],
  },
  {
    why: 'How many specific topics make a generic one redundant: the tests of labels that this run uses have no such pair.',
    mutants: ['label/effective.ts reduce: 2 -> 1'],
  },
  {
    why: 'A label on one element of a resource: the tests of those are not among the tests that this run uses.',
    mutants: ['label/effective.ts withLabel: readOwn(label, gathered, settings); -> ;'],
  },
];
