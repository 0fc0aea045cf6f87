import { describe, expect, it } from '@jest/globals';
import { parseRequest, type RawRequest } from '../../src/http/parse.ts';

const raw = (target: string, rest: Partial<RawRequest> = {}): RawRequest => ({
  id: 'r1',
  method: 'GET',
  target,
  rawHeaders: [],
  body: '',
  receivedAt: 0,
  remoteAddress: '127.0.0.1',
  ...rest,
});
const parse = (target: string, rest?: Partial<RawRequest>) => parseRequest(raw(target, rest), '/fhir');

describe('a request is read as it stands', () => {
  it('splits path and parameters, in order, with duplicates', () => {
    const request = parse('/fhir/Observation?code=a%7Cb&code=c+d&_count=5&flag');
    expect(request.path).toEqual(['Observation']);
    expect(request.query).toEqual([
      ['code', 'a|b'],
      ['code', 'c d'],
      ['_count', '5'],
      ['flag', ''],
    ]);
  });

  it.each([
    '/fhir/Patient/../Encounter/sud-1',
    '/fhir/Patient/%2e%2e/Encounter',
    '/fhir/Encounter%2fsud-1',
    '/fhir/Encounter/%252e',
    '/fhir//Encounter',
    '/fhir/Encounter/..;/x',
    '/fhir/Encounter;x=1/sud-1',
    '/fhir/Encounter\\sud-1',
    '/fhir/Encounter/sud-1#x',
    '/fhir/Encounter/sud-1/',
    '/fhir/Encounter/%00',
    '/fhir/Encounter/é',
    'http://upstream/fhir/Encounter/1',
    '//fhir/Encounter',
    '/fhirx/Encounter',
    '/other',
    '*',
    '/fhir/./Encounter',
    '/fhir/../fhir/Encounter',
  ])('has no route for %s', (target) => {
    expect(() => parse(target)).toThrow(expect.objectContaining({ code: 'unknown-route' }));
  });

  it.each([
    '/fhir/Observation?code=%',
    '/fhir/Observation?code=%ff',
    '/fhir/Observation?%zz=1',
    '/fhir/Observation?code=%00',
  ])('refuses the escapes of %s', (target) => {
    expect(() => parse(target)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
  });

  it('refuses two Authorization headers, and any other header given twice', () => {
    expect(() =>
      parse('/fhir/Patient', { rawHeaders: ['Authorization', 'Bearer a', 'AUTHORIZATION', 'Bearer b'] }),
    ).toThrow(expect.objectContaining({ code: 'token-ambiguous' }));
    expect(() => parse('/fhir/Patient', { rawHeaders: ['Accept', 'a', 'accept', 'b'] })).toThrow(
      expect.objectContaining({ code: 'invalid-request' }),
    );
  });

  it('takes over no header but those it reads', () => {
    const rawHeaders = [
      'X-Forwarded-Host',
      'evil',
      'X-HTTP-Method-Override',
      'DELETE',
      'Range',
      'bytes=0-1',
      'Accept',
      'application/json',
      '__proto__',
      'x',
    ];
    expect(parse('/fhir/Patient', { rawHeaders }).headers).toEqual({ accept: 'application/json' });
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'TRACE', 'CONNECT', 'get'])('refuses the method %s', (method) => {
    expect(() => parse('/fhir/Patient/1', { method })).toThrow(expect.objectContaining({ code: 'method-not-allowed' }));
  });
});
