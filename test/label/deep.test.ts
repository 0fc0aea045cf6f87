import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { measured } from '../../scripts/measure-labels.ts';
import { Content } from '../../src/document/content.ts';
import { scan } from '../../src/document/tape.ts';
import { readAttachment } from '../../src/label/attachments.ts';
import { createClassifier, type LabelTable } from '../../src/label/classify.ts';
import { DeepReader } from '../../src/label/deep.ts';
import { parseTable, shippedWords } from '../../src/label/tables.ts';
import { Words } from '../../src/label/words.ts';
import { sampleTable } from './sample.ts';

const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };
const found = (terms: readonly string[], text: string): readonly string[] => {
  const words = new Words<string>();
  for (const term of terms) words.add(term, term);
  const all = new Set<string>();
  words.find(text, (term) => all.add(term));
  return [...all];
};

describe('words', () => {
  it.each([
    ['in any case', 'HIV', 'hiv'],
    ['between punctuation', '(HIV-1)', 'hiv'],
    ['without accents', 'Héroïn', 'heroin'],
    ['over line breaks', 'opioid\n   use\tdisorder', 'opioid use disorder'],
    ['with hyphens', 'Opioid-use-disorder', 'opioid use disorder'],
    ['by their beginning', 'Schizophrenic', 'schizophren*'],
    ['by the beginning of the last', 'alcohol dependence', 'alcohol dependen*'],
    ['in full width', 'ＨＩＶ', 'hiv'],
    ['where a line may break within', 'metha\u00addone', 'methadone'],
    ['with joiners that nobody sees', 'her\u200c\u2060oin', 'heroin'],
  ])('are found %s', (_how, text, term) => {
    expect(found([term], `Pt: ${text}.`)).toEqual([term]);
  });

  it.each([
    ['inside another', 'archive', 'hiv'],
    ['in another order', 'disorder of use, opioid', 'opioid use disorder'],
    ['with another between', 'opioid or drug use disorder', 'opioid use disorder'],
    ['that only begin alike', 'hivelike', 'hiv'],
  ])('are not found %s', (_how, text, term) => {
    expect(found([term], text)).toEqual([]);
  });

  it('are found wherever they stand in a text', () => {
    const filler = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 20 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(
        filler,
        filler,
        fc.constantFrom(...Object.values(shippedWords().words ?? {}).flat()),
        (before, after, term) => {
          expect(found([term], `${before} ${term.replace('*', 'xyz')} ${after}`)).toEqual([term]);
        },
      ),
    );
  });
});

describe('attachments', () => {
  const read = (type: string, text: string) => readAttachment(type, Buffer.from(text));

  it('of unknown kinds are not read, and are counted', () => {
    for (const type of ['application/pdf', 'image/png', 'application/msword', 'application/octet-stream'])
      expect(read(type, 'HIV')).toBeUndefined();
  });

  it('of any bytes under any type end in a reading or none', () => {
    const types = ['text/plain', 'text/html', 'text/rtf', 'text/xml', 'application/json', 'application/fhir+json', ''];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 400 }), (type, bytes) => {
        expect(typeof readAttachment(type, Buffer.from(bytes))?.text).toBe('string');
      }),
    );
  });

  const text = 'Uses heroin daily';
  const utf16be = Buffer.from(text, 'utf16le').swap16();
  const file = (contentType: string, bytes: Buffer) => ({ contentType, data: bytes.toString('base64') });
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  it.each<[string, string, Buffer]>([
    ['in UTF-16 of the other order', 'text/plain', Buffer.concat([Buffer.from([0xfe, 0xff]), utf16be])],
    ['in UTF-16 without a mark', 'text/plain; charset=utf-16', utf16be],
    ['behind letters that grow in lower case', 'text/html', Buffer.from(`${'İ'.repeat(40)}<p>${text}</p>`)],
    ['between less and greater', 'text/html', Buffer.from(`eGFR < 60. ${text}. HDL > 40`)],
    ['between less and greater, in JSON', 'application/json', json({ note: `eGFR <60. ${text}, <b>x</b> HDL > 40` })],
    ['in what a browser takes for a tag', 'text/html', Buffer.from(`<p>age <b and ${text}, weight c> d</p>`)],
    ['in what a browser takes for a tag, in XML', 'text/xml', Buffer.from(`<p>age <b and ${text}, weight c> d</p>`)],
    ['in a comment', 'text/html', Buffer.from(`<p>x</p><!-- ${text} -->`)],
    ['in a title', 'text/html', Buffer.from(`<p title="Uses&#32;heroin daily">x</p>`)],
    ['in what is not styled', 'text/xml', Buffer.from(`<styles>${text}</styles><style>x</style>`)],
    [
      'in a file in a file',
      'application/fhir+json',
      json({ content: [{ attachment: file('text/plain', Buffer.from(text)) }] }),
    ],
    [
      'in a file in a file in a file',
      'application/json',
      json(file('application/json', json(file('text/html', Buffer.from(text))))),
    ],
    ['behind a long list', 'application/json', json([...Array.from({ length: 200_000 }, () => 1), text])],
  ])('are read %s', (_how, contentType, bytes) => {
    expect(found(['heroin'], readAttachment(contentType, bytes)?.text ?? '')).toEqual(['heroin']);
  });

  it('of RTF are read as people see them', () => {
    const rtf = String.raw`{\rtf1\ansi{\fonttbl{\f0\fswiss Heroin;}}\f0 H\'e9r\u243?in \b bo\b0 ld\par next}`;
    const text = read('application/rtf', rtf)?.text ?? '';
    expect(text).toContain('Hérói');
    expect(text).toContain('bold');
    expect(text).not.toContain('Heroin');
  });

  it('take time that grows with their length alone', () => {
    const hostile = [
      '<'.repeat(200_000),
      '{\\fonttbl'.repeat(20_000),
      '&#'.repeat(100_000),
      '<a codeSystem='.repeat(20_000),
    ];
    for (const text of hostile)
      for (const type of ['text/html', 'text/rtf', 'text/xml']) {
        const start = performance.now();
        read(type, text);
        expect(performance.now() - start).toBeLessThan(2_000);
      }
  }, 60_000);
});

describe('reading beyond codes', () => {
  const table: LabelTable = parseTable({
    ...sampleTable,
    words: { 'SUD core': ['addiction'], 'HIV supporting': ['viral load'] },
    canonicals: { 'SUD core': ['http://loinc.org/q/82666-9'] },
    rules: [
      {
        id: 'high',
        types: ['Observation'],
        codes: ['http://loinc.org|75624-7'],
        when: 'value >= 8',
        gives: ['ETHUD core'],
      },
      { id: 'weak', types: ['Observation'], when: 'true', gives: ['PSY ambiguous'] },
    ],
  });
  const compiled: string[] = [];
  const reader = (text: boolean, when: (resource: unknown) => readonly unknown[] = () => [true]) =>
    new DeepReader(
      [table],
      ['core'],
      { text, classifier: createClassifier([table], ['core']), maximumAttachmentBytes: 1_000, unread: ['PSY'] },
      (expression) => {
        compiled.push(expression);
        return when;
      },
    );
  const read = (one: DeepReader, resource: { resourceType: string; [name: string]: unknown }) => {
    const codings = resource.resourceType === 'Observation' ? [{ system: 'http://loinc.org', code: '75624-7' }] : [];
    return Content.received(scan(Buffer.from(JSON.stringify({ id: 'x', ...resource })), limits), 0).examine(
      (content) => ({
        of: one.read(content, resource.resourceType, codings),
      }),
    ).of;
  };

  it('is by words only where it is asked for', () => {
    const note = { resourceType: 'Communication', payload: [{ contentString: 'about addiction' }] };
    expect(read(reader(false), note)).toBeUndefined();
    expect(read(reader(true), note)?.found).toEqual([{ topic: 'SUD', rule: 'sample@1', by: 'text' }]);
  });

  it('is of no directory entry, and of no name', () => {
    expect(read(reader(true), { resourceType: 'Organization', name: 'Addiction clinic' })).toBeUndefined();
    expect(read(reader(true), { resourceType: 'Patient', name: [{ family: 'Addiction' }] })?.found).toEqual([]);
  });

  it('says by which table, version and rule', () => {
    const found = read(reader(false), { resourceType: 'Observation', valueInteger: 9 })?.found;
    expect(found).toEqual([{ topic: 'ETHUD', rule: 'sample@1#high', by: 'rule' }]);
  });

  it('evaluates no rule that would give nothing', () => {
    compiled.length = 0;
    reader(true);
    expect(compiled).toEqual(['value >= 8']);
  });

  it.each([
    ['false', () => [false], 0],
    ['nothing', () => [], 0],
    ['true', () => [true], 1],
    [
      'a failure',
      () => {
        throw new Error('cannot be evaluated');
      },
      1,
    ],
  ])('takes a rule that gives %s for what is safe', (_what, when, count) => {
    expect(read(reader(false, when), { resourceType: 'Observation' })?.found).toHaveLength(count);
  });

  it.each([
    ['base64', `data:text/plain;base64,${Buffer.from('about addiction').toString('base64')}`],
    ['percent signs', 'data:text/html,%3Cp%3Eabout%20%61ddiction%3C/p%3E'],
    ['nothing', 'DATA:,about addiction'],
  ])('reads a file in its own link, by %s (RFC 2397)', (_how, url) => {
    const linked = { resourceType: 'DocumentReference', content: [{ attachment: { url } }] };
    expect(read(reader(true), linked)?.found).toEqual([{ topic: 'SUD', rule: 'sample@1', by: 'attachment' }]);
  });

  it('counts a file in its own link that is not read', () => {
    const linked = { resourceType: 'Media', content: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
    const unread = { topic: 'PSY', rule: 'labels.unreadAttachments', by: 'attachment' };
    expect(read(reader(true), linked)).toEqual({ found: [unread], unread: 1 });
    expect(read(reader(true), { resourceType: 'Media', content: { url: 'https://x/a,b' } })?.unread).toBe(0);
  });

  it('counts files that are too large', () => {
    const large = { resourceType: 'Media', content: { contentType: 'text/plain', data: 'x'.repeat(2_000) } };
    expect(read(reader(true), large)?.unread).toBe(1);
  });

  it.each(['application/pdf', 'image/png', 'application/msword', 'text/plain'])(
    'a file that is not read (%s) tells what is configured, where files are read',
    (contentType) => {
      const data = contentType === 'text/plain' ? 'x'.repeat(2_000) : 'JVBERi0xLjcK';
      const scanned = { resourceType: 'DocumentReference', content: [{ attachment: { contentType, data } }] };
      const unread = { topic: 'PSY', rule: 'labels.unreadAttachments', by: 'attachment' };
      expect(read(reader(true), scanned)?.found).toEqual([unread]);
      expect(read(reader(false), scanned)).toBeUndefined();
    },
  );
});

describe('docs/label-measurements.md', () => {
  it('is what is measured', () => {
    expect(readFileSync(new URL('../../docs/label-measurements.md', import.meta.url), 'utf8')).toBe(measured());
  }, 120_000);
});
