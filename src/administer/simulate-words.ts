import type { Explanation } from './explain.ts';
import { ConsentWords, decidedBy } from './explain-words.ts';
import type { Piece } from './in-force-text.ts';
import type { Difference, RequesterDifference, Simulation } from './simulate.ts';
import { displaySafe } from './terms.ts';
import type { Lexicon } from './words.ts';

/** A comparison for programs: counts, references and reasons; no content. */
export function simulationJson(simulation: Simulation, lexicon: Lexicon): Readonly<Record<string, unknown>> {
  const { patient, requesters, hasChanges, notRead, isSample } = simulation;
  return {
    patient,
    hasChanges,
    notRead,
    isSample,
    requesters: requesters.map((one) => {
      const tell = tellerOf(one, lexicon);
      return {
        requester: one.name,
        releasedBefore: releasedOf(one.before),
        releasedAfter: releasedOf(one.after),
        gained: one.gained.map(tell),
        lost: one.lost.map(tell),
      };
    }),
  };
}

function releasedOf({ resources }: Explanation): number {
  return resources.filter(({ verdict }) => verdict === 'released').length;
}

function tellerOf({ before, after }: RequesterDifference, lexicon: Lexicon) {
  const [then, now] = [new ConsentWords(before.consents, lexicon), new ConsentWords(after.consents, lexicon)];
  return ({ key, ...difference }: Difference) => ({
    resource: key,
    before: { reasons: difference.before.reasons, sentences: decidedBy(difference.before, then) },
    after: { reasons: difference.after.reasons, sentences: decidedBy(difference.after, now) },
  });
}

/** A comparison for people: a table of counts, then who gains and loses what, with the reasons. */
export function simulationPieces(simulation: Simulation, lexicon: Lexicon): readonly Piece[] {
  const { patient, requesters, hasChanges, notRead, isSample } = simulation;
  return [
    { kind: 'title', text: `What would change of ${patient}` },
    {
      kind: 'paragraph',
      text: hasChanges ? 'Somebody would gain or lose something.' : 'Nobody would gain or lose anything.',
    },
    ...(isSample ? [{ kind: 'paragraph', text: 'There is more in the record than was compared.' } as const] : []),
    ...(notRead.length === 0
      ? []
      : [
          {
            kind: 'paragraph',
            text: `The FHIR server did not give these kinds by patient, so they were not compared: ${notRead.join(', ')}.`,
          } as const,
        ]),
    ...tableOf([
      ['requester', 'released before', 'after', 'gained', 'lost'],
      ...requesters.map((one) => [
        displaySafe(one.name),
        String(releasedOf(one.before)),
        String(releasedOf(one.after)),
        String(one.gained.length),
        String(one.lost.length),
      ]),
    ]).map((text): Piece => ({ kind: 'paragraph', text })),
    ...requesters.flatMap((one) => [
      ...changePieces(one, 'gains', one.gained, lexicon),
      ...changePieces(one, 'loses', one.lost, lexicon),
    ]),
  ];
}

/** Resources that change for the same reasons stand together. */
function changePieces(
  one: RequesterDifference,
  verb: 'gains' | 'loses',
  differences: readonly Difference[],
  lexicon: Lexicon,
): readonly Piece[] {
  if (differences.length === 0) return [];
  const told = differences.map(tellerOf(one, lexicon));
  const groups = Map.groupBy(told, ({ before, after }) => JSON.stringify([before.sentences, after.sentences]));
  return [
    { kind: 'heading', text: `${displaySafe(one.name)} ${verb}` },
    ...[...groups.values()].flatMap((group): readonly Piece[] => [
      { kind: 'label', text: group.map(({ resource }) => resource).join(', ') },
      ...(group[0]?.before.sentences ?? []).map((text): Piece => ({ kind: 'item', text: `Before: ${text}`, depth: 0 })),
      ...(group[0]?.after.sentences ?? []).map((text): Piece => ({ kind: 'item', text: `After: ${text}`, depth: 0 })),
    ]),
  ];
}

function tableOf(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
