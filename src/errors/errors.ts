/**
 * Everything that can go wrong, in one catalogue. Titles are constant texts: an answer never holds a byte of data.
 * `docs/errors.md` is generated from it.
 */
export const errorKinds = {
  'not-found': { status: 404, issue: 'not-found', title: 'There is no such resource.' },
  'unknown-route': {
    status: 404,
    issue: 'not-supported',
    title: 'This gateway has no such route. GET metadata lists what it serves.',
  },
  'method-not-allowed': {
    status: 405,
    issue: 'not-supported',
    title: 'This gateway serves GET, HEAD and POST _search only.',
  },
  'not-acceptable': {
    status: 406,
    issue: 'not-supported',
    title: 'Answers are application/fhir+json only, of the version of FHIR that GET /metadata states.',
  },
  'unsupported-media-type': {
    status: 415,
    issue: 'not-supported',
    title: 'POST _search takes an unencoded application/x-www-form-urlencoded body.',
  },
  'payload-too-large': { status: 413, issue: 'too-long', title: 'The request body is larger than this gateway reads.' },
  'uri-too-long': {
    status: 414,
    issue: 'too-long',
    title: 'The request line is longer than this gateway reads. Use POST _search.',
  },
  'invalid-request': { status: 400, issue: 'invalid', title: 'The request could not be read.' },
  'parameter-not-supported': {
    status: 400,
    issue: 'not-supported',
    title: 'A search parameter, modifier or value form is not supported. GET metadata lists those that are.',
  },
  'too-costly': {
    status: 400,
    issue: 'too-costly',
    title: 'The search reads too much. Narrow it, for example to one patient.',
  },
  'page-not-found': { status: 404, issue: 'not-found', title: 'There is no such page. Start the search again.' },
  'token-missing': { status: 401, issue: 'login', title: 'An access token is needed.' },
  'token-invalid': { status: 401, issue: 'login', title: 'The access token is not valid here.' },
  'token-ambiguous': {
    status: 400,
    issue: 'invalid',
    title: 'Send one access token, in the Authorization header only.',
  },
  'scope-insufficient': { status: 403, issue: 'forbidden', title: "The token's scopes do not cover this request." },
  'policy-refused': { status: 403, issue: 'forbidden', title: "This deployment's policy does not allow this request." },
  'service-unknown': { status: 404, issue: 'not-supported', title: 'There is no such service here.' },
  'service-method-not-allowed': {
    status: 405,
    issue: 'not-supported',
    title: 'This service is not asked in this way.',
  },
  'service-media-type': {
    status: 415,
    issue: 'not-supported',
    title: 'This service takes an unencoded application/json body.',
  },
  'service-body-invalid': {
    status: 400,
    issue: 'invalid',
    title: 'The request is not what this service takes.',
  },
  'service-not-granted': {
    status: 403,
    issue: 'forbidden',
    title: 'This service is not granted to the roles of the caller.',
  },
  'downgrade-needs-another': {
    status: 403,
    issue: 'forbidden',
    title: 'Who proposed that a label be taken away cannot confirm it: another person has to.',
  },
  'downgrade-not-possible': {
    status: 409,
    issue: 'conflict',
    title:
      'The resource does not bear the label, or has changed since, or the FHIR server keeps the label: read it again.',
  },
  'purpose-not-accepted': { status: 403, issue: 'forbidden', title: 'The purpose of use is not accepted here.' },
  'emergency-not-accepted': {
    status: 403,
    issue: 'forbidden',
    title:
      'Emergency access needs a role that may, a recent strong sign-in, one patient, a reason, and no other purpose.',
  },
  'rate-limited': { status: 429, issue: 'throttled', title: 'Too many requests. Try again later.' },
  'request-too-slow': { status: 408, issue: 'timeout', title: 'The request did not arrive in time.' },
  overloaded: { status: 503, issue: 'throttled', title: 'The gateway is at its limit. Try again later.' },
  'upstream-unavailable': { status: 503, issue: 'transient', title: 'The FHIR server could not be reached.' },
  'upstream-timeout': { status: 504, issue: 'timeout', title: 'The FHIR server did not answer in time.' },
  'upstream-invalid': {
    status: 502,
    issue: 'transient',
    title: 'The FHIR server gave an answer that could not be used.',
  },
  'issuer-unavailable': {
    status: 503,
    issue: 'transient',
    title: 'The authorization server could not be reached.',
  },
  'consent-unavailable': { status: 503, issue: 'transient', title: 'Consent could not be established.' },
  'record-unavailable': {
    status: 503,
    issue: 'transient',
    title: 'The disclosure could not be recorded, so nothing was disclosed.',
  },
  internal: { status: 500, issue: 'exception', title: 'The gateway failed. Nothing was disclosed.' },
} as const;

export type ErrorCode = keyof typeof errorKinds;

/** An error stops us deciding; a refusal by decision is a value. The message is the catalogue's constant title, so it holds no PHI. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, options?: ErrorOptions) {
    super(errorKinds[code].title, options);
    this.name = 'GatewayError';
    this.code = code;
  }
}
