/** Every reason a decision may give: a stable code and one plain sentence. */
export const reasonTexts = {
  unrestricted: 'The role is cleared for everything.',
  'policy-kind': 'The role rules do not allow this kind of resource.',
  'patient-unknown': 'It cannot be said whose data this is.',
  'policy-forbid': 'A role rule forbids this kind of data.',
  self: 'It is the patient’s own record.',
  representative: 'A personal representative asks for the patient’s record.',
  'withheld-from-patient': 'A provider decided that the patient does not see this for now.',
  'withheld-from-representative': 'This is not shown to representatives.',
  'consent-deny': 'A consent of the patient denies it.',
  'token-residual': 'The access token carries a restriction of the patient’s consent.',
  'no-qualifying-permit': 'The law asks for a written consent that covers it, and there is none.',
  'qualifying-permit': 'A written consent covers it.',
  'within-program': 'It stays within the program that made it.',
  'no-permit-for-topic': 'No consent permits this sensitive topic, and the role is not cleared for it.',
  'consent-permit': 'A consent of the patient permits it.',
  'consent-names-sensitive': 'A consent that names something sensitive is for the patient and those who represent her.',
  'policy-clears': 'The role is cleared for this topic.',
  'implicit-policy': 'No consent speaks of it, and the deployment’s default allows it.',
  'no-applicable-consent': 'No consent permits it, and the deployment’s default does not allow it.',
  'consent-uncovered': 'A consent of the patient limits what may be shared, and this is outside of it.',
  'consent-unreadable': 'A consent of the patient could not be read.',
  'not-about-a-patient': 'It is about nobody in particular.',
  'required-reference-hidden': 'It cannot stand without something that is withheld.',
  'too-many-references': 'It refers to more than can be checked.',
} as const;

export type ReasonCode = keyof typeof reasonTexts;
