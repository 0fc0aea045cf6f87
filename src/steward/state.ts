import { z } from 'zod';

const counts = z.record(z.string(), z.int());

const tally = z.strictObject({
  /** Resources looked at. */
  read: z.int(),
  /** Those with a topic, by themselves. */
  sensitive: z.int(),
  /** Those that lack a label which they should bear. */
  lacking: z.int(),
  /** Those that were given it. */
  written: z.int(),
  /** Keys of those that could not be written. */
  failed: z.array(z.string()),
  /** `TOPIC by code, table@version`: how many resources lack it. */
  rules: counts,
  /** Topics and levels that a resource states itself, and nothing supports: by label. */
  unexplained: counts,
  /** The server does not search this type. */
  unsearchable: z.boolean(),
});
export type Tally = z.infer<typeof tally>;

/** What a scan has done, so that it can go on where it ended. */
export const scanState = z.strictObject({
  /** FHIR instant: resources that changed later are not looked at. */
  startedAt: z.string(),
  /** Table versions in use, and whether labels are written: a scan goes on as it began. */
  terms: z.string(),
  done: z.array(z.string()),
  cursors: z.record(z.string(), z.string().optional()),
  tallies: z.record(z.string(), tally),
});
export type ScanState = z.infer<typeof scanState>;

export function emptyTally(): Tally {
  return {
    read: 0,
    sensitive: 0,
    lacking: 0,
    written: 0,
    failed: [],
    rules: {},
    unexplained: {},
    unsearchable: false,
  };
}

/** The report, for reading. */
export function reportOf({ tallies }: ScanState, write: boolean): string {
  const rows = Object.entries(tallies).filter(([, { read }]) => read > 0);
  const sum = (of: (tally: Tally) => number): number => rows.reduce((total, [, one]) => total + of(one), 0);
  const share = (part: number, whole: number): string => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`);
  const covered = ({ sensitive, lacking }: Tally): string => share(sensitive - lacking, sensitive);
  const lines = [
    'type: read, sensitive by itself, coverage (of those, bearing their labels), lacking a label' +
      (write ? ', written, failed' : ''),
    ...rows.map(
      ([type, one]) =>
        `${type}: ${one.read}, ${one.sensitive}, ${covered(one)}, ${one.lacking}` +
        (write ? `, ${one.written}, ${one.failed.length}` : ''),
    ),
    `all: ${sum(({ read }) => read)}, ${sum(({ sensitive }) => sensitive)}, ${share(
      sum(({ sensitive }) => sensitive) - sum(({ lacking }) => lacking),
      sum(({ sensitive }) => sensitive),
    )}, ${sum(({ lacking }) => lacking)}`,
    '',
    'labels that are lacking, by what shows them:',
    ...added(rows.map(([, { rules }]) => rules)),
    '',
    'labels that resources state and nothing supports, in them or in what they inherit from (over-labelling, or what only people know):',
    ...added(rows.map(([, { unexplained }]) => unexplained)),
  ];
  const unsearchable = Object.entries(tallies).flatMap(([type, one]) => (one.unsearchable ? [type] : []));
  if (unsearchable.length > 0) lines.push('', `not searched by this server: ${unsearchable.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

function added(all: readonly Readonly<Record<string, number>>[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const one of all) for (const [name, count] of Object.entries(one)) sums.set(name, (sums.get(name) ?? 0) + count);
  if (sums.size === 0) return ['  none'];
  return [...sums].sort(([, one], [, other]) => other - one).map(([name, count]) => `  ${count}  ${name}`);
}
