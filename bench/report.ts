import { cpus } from 'node:os';
import { median } from './load.ts';

/** One slice. CPU in microseconds, of the whole slice. */
export interface Measurement {
  readonly case: string;
  readonly competitor: string;
  readonly connections: number;
  readonly round: number;
  readonly requests: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly upstreamCpu: number;
}

/** What the gateway is held to: CPU per request at 16 connections, against a peer. */
const bounds = [
  { case: 'read', peer: 'pass-through', atMost: 1.5 },
  { case: '200 entries', peer: 'obvious', atMost: 1 },
  { case: '1000 entries', peer: 'obvious', atMost: 1 },
] as const;

/** The run as Markdown: medians over the rounds, with the least and the greatest. */
export function report(measurements: readonly Measurement[]): string {
  const cases = distinct(measurements.map((one) => one.case));
  const competitors = distinct(measurements.map((one) => one.competitor));
  const counts = distinct(measurements.map((one) => one.connections));
  const rounds = distinct(measurements.map((one) => one.round));
  const of = (name: string, competitor: string, connections: number): readonly Measurement[] =>
    measurements.filter((one) => one.case === name && one.competitor === competitor && one.connections === connections);
  const cost = (one: Measurement): number => one.cpu / one.requests;
  const ratios = (name: string, peer: string, connections: number, server = 'gateway'): readonly number[] => {
    const peers = of(name, peer, connections);
    return of(name, server, connections).flatMap((one) => {
      const other = peers.find(({ round }) => round === one.round);
      return other === undefined ? [] : cost(one) / cost(other);
    });
  };
  const lines = [
    '# Benchmark',
    '',
    `${new Date().toISOString().slice(0, 10)}; ${cpus().length} cores (${cpus()[0]?.model.trim()}); Node ${process.versions.node}; ${rounds.length} interleaved rounds; loopback. Ratios carry to other machines, absolute numbers do not.`,
    '',
    'Median over the rounds [least, greatest]. CPU is user and system time of all threads of the process, per request. The',
    'gateway verifies tokens (and remembers them), applies Consents and labels, checks references, and has each answer’s',
    'record on disk before it sends; it asks the FHIR server for the Encounters and the Patient too, which the upstream’s',
    'CPU shows. One entry in twenty is hidden. pass-through is http-proxy-middleware alone; obvious is its',
    '`responseInterceptor` with `JSON.parse`, a filter by label, and `JSON.stringify`: no token, no Consents, no references,',
    'no record. floor is the least that does what the guarantees oblige every design to, by the gateway’s own client, scanner and',
    'outbox: for a read it asks for the resource, then for its Encounter and its Patient, and has a record on disk, with no token,',
    'no labels, no Consents and nothing parsed; for a search it reads the page once, asks for its Encounters and its Patient and',
    'reads them, leaves out what bears a label, names a version of each entry by a hash of its bytes, and has a record of all on',
    'disk, with no token, no Consents and no references. one request is the floor of a read without those of Encounter and Patient',
    'and without a record, three requests is it without a record. Delivery of records to a repository is not included.',
    '',
    ...table(
      [
        'case',
        'server',
        ...counts.flatMap((c) => [`CPU µs, ${c} conn.`, `upstream CPU µs, ${c} conn.`, `requests/s, ${c} conn.`]),
      ],
      cases.flatMap((name) =>
        competitors
          .filter((competitor) => measurements.some((one) => one.case === name && one.competitor === competitor))
          .map((competitor) => [
            name,
            competitor,
            ...counts.flatMap((connections) => {
              const slices = of(name, competitor, connections);
              return [
                competitor === 'direct' ? '' : spread(slices.map(cost)),
                spread(slices.map((one) => one.upstreamCpu / one.requests)),
                spread(slices.map((one) => one.requests / one.seconds)),
              ];
            }),
          ]),
      ),
    ),
    '',
    'CPU per request of the gateway, as a multiple of the peer’s in the same round:',
    '',
    ...table(
      ['case', ...counts.flatMap((c) => [`÷ pass-through, ${c} conn.`, `÷ obvious, ${c} conn.`])],
      cases.map((name) => [
        name,
        ...counts.flatMap((connections) =>
          ['pass-through', 'obvious'].map((peer) => spread(ratios(name, peer, connections), 2)),
        ),
      ]),
    ),
    '',
    ...(cases.includes('read')
      ? [
          'CPU of a read by what must be done for it at least, as a multiple of pass-through in the same round, and of the gateway, of floor:',
          '',
          ...table(
            ['', ...counts.map((c) => `${c} conn.`)],
            [
              ...['one request', 'three requests', 'floor'].map((step) => [
                `${step} ÷ pass-through`,
                ...counts.map((c) => spread(ratios('read', 'pass-through', c, step), 2)),
              ]),
              ['gateway ÷ floor', ...counts.map((c) => spread(ratios('read', 'floor', c), 2))],
            ],
          ),
          '',
        ]
      : []),
    ...(cases.some((name) => name !== 'read')
      ? [
          'CPU of a search by the least that must be done for it:',
          '',
          ...table(
            ['case', ...counts.flatMap((c) => [`floor ÷ obvious, ${c} conn.`, `gateway ÷ floor, ${c} conn.`])],
            cases
              .filter((name) => name !== 'read')
              .map((name) => [
                name,
                ...counts.flatMap((c) => [
                  spread(ratios(name, 'obvious', c, 'floor'), 2),
                  spread(ratios(name, 'floor', c), 2),
                ]),
              ]),
          ),
          '',
        ]
      : []),
    ...bounds
      .filter((bound) => cases.includes(bound.case))
      .map((bound) => {
        const found = median(ratios(bound.case, bound.peer, Math.max(...counts)));
        return `- ${bound.case}: ${found.toFixed(2)} times ${bound.peer}; bound ${bound.atMost}: ${found <= bound.atMost ? 'kept' : 'NOT KEPT'}`;
      }),
    '',
  ];
  return lines.join('\n');
}

function spread(values: readonly number[], digits = 0): string {
  if (values.length === 0) return '';
  const [middle, least, greatest] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return `${middle} [${least}, ${greatest}]`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [
    `| ${head.join(' | ')} |`,
    `|${' --- |'.repeat(head.length)}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ];
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}
