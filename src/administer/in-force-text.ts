import type { ConsentReview, InForce } from './in-force.ts';
import type { Reader } from './review.ts';
import type { Lexicon } from './words.ts';

/** One piece of a readable answer: what a writer of text or HTML lays out. */
export type Piece =
  | { readonly kind: 'title' | 'heading' | 'paragraph' | 'label'; readonly text: string }
  | { readonly kind: 'item'; readonly text: string; readonly depth: number };

const strategies: Readonly<Record<InForce['strategy'], string>> = {
  'deny-overrides': 'Where consents disagree, one that denies wins.',
  'most-recent': 'Where consents disagree, the newest wins.',
  'most-specific': 'Where consents disagree, the one that speaks most precisely wins.',
};

const defaults: Readonly<Record<InForce['implicitPolicy'], string>> = {
  deny: 'Where no consent speaks, nothing is shared.',
  'break-glass-only': 'Where no consent speaks, nothing is shared but in emergencies.',
  'basic-normal':
    'Where no consent speaks, those who treat receive ordinary records for treatment, and those who bill receive what billing needs.',
  'all-normal': 'Where no consent speaks, ordinary records are shared for every purpose of this deployment.',
};

/** What is in force, for people: the same pieces for text and HTML. */
export function piecesOf(review: InForce, lexicon: Lexicon, reader: Reader): readonly Piece[] {
  const { calendar } = lexicon;
  const counting = review.consents.filter(({ counts }) => counts);
  const others = review.consents.filter(({ counts }) => !counts);
  return [
    { kind: 'title', text: `Consents of ${review.patient}` },
    { kind: 'paragraph', text: `As they stand ${calendar.from(review.at)}.` },
    ...(review.unreadable
      ? [
          {
            kind: 'paragraph',
            text: 'A consent of this patient could not be read. Until that is mended nothing is shared on the strength of any consent, nor by default.',
          } as const,
        ]
      : []),
    { kind: 'paragraph', text: `${strategies[review.strategy]} ${defaults[review.implicitPolicy]}` },
    // Whether or not there are any.
    ...(reader === 'representative'
      ? [
          {
            kind: 'paragraph',
            text: 'Consents that the patient keeps to herself, and those that other stores hold, are not shown to who stands for her.',
          } as const,
        ]
      : []),
    { kind: 'heading', text: 'What counts now' },
    ...(counting.length === 0
      ? [{ kind: 'paragraph', text: 'No consent that is shown here counts now.' } as const]
      : []),
    ...counting.flatMap((consent) => consentPieces(consent, lexicon)),
    ...(others.length === 0 ? [] : [{ kind: 'heading', text: 'What does not count, and why' } as const]),
    ...others.flatMap((consent) => consentPieces(consent, lexicon)),
  ];
}

function consentPieces(consent: ConsentReview, { calendar }: Lexicon): readonly Piece[] {
  const since = consent.since === undefined ? '' : `In effect since ${calendar.from(consent.since)}.`;
  const until = consent.until === undefined || !consent.counts ? '' : `It ends ${calendar.until(consent.until)}.`;
  const by = consent.by === undefined ? '' : `The other one: ${consent.by}.`;
  const item = (text: string, depth = 0): Piece => ({ kind: 'item', text, depth });
  return [
    { kind: 'label', text: consent.ref },
    { kind: 'paragraph', text: [consent.why, by, since, until].filter((part) => part !== '').join(' ') },
    ...consent.sentences.map(({ text, depth }) =>
      item(depth === 0 ? text : `Except: ${text.charAt(0).toLowerCase()}${text.slice(1)}`, depth),
    ),
    ...(consent.sentences.length === 0 ? [item('It states no rule.')] : []),
    ...(consent.notUnderstood.length === 0
      ? []
      : [item(`Not understood: ${[...new Set(consent.notUnderstood)].join(', ')}.`)]),
    ...part2Pieces(consent),
    ...changePieces(consent, calendar),
  ];
}

function part2Pieces({ part2 }: ConsentReview): readonly Piece[] {
  return part2.flatMap(({ provision, missing }) => [
    {
      kind: 'paragraph',
      text: `It says that it is a consent under 42 CFR Part 2, but lacks what the law asks for (${provision}), so that it allows no Part 2 records:`,
    },
    ...missing.map(({ section, message }): Piece => ({ kind: 'item', text: `${section}: ${message}`, depth: 0 })),
  ]);
}

function changePieces({ changes }: ConsentReview, calendar: Lexicon['calendar']): readonly Piece[] {
  if (changes === undefined) return [{ kind: 'paragraph', text: 'No history of it could be read.' }];
  return [
    { kind: 'paragraph', text: 'What changed, newest first:' },
    ...changes.flatMap(({ versionId, at, what }): Piece[] => {
      const when = at === undefined ? 'at a time unknown' : calendar.from(at);
      const version = versionId === undefined ? '' : `, version ${versionId}`;
      return [{ kind: 'item', text: `${when}${version}: ${what.join(' ')}`, depth: 0 }];
    }),
  ];
}
