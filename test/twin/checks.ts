import { configured } from './configured.ts';
import { aboutNever, requestOf, sections } from './leak-channels.ts';
import {
  fullWorld,
  guardianFull,
  guardianPlain,
  neverId,
  partnerFull,
  partnerPlain,
  plainWorld,
  visibleKeys,
  withheldId,
} from './leak-world.ts';
import type { World } from './messages.ts';
import { Random } from './random.ts';
import { randomRequest, type TwinRequest } from './requests.ts';
import { answerDifferences, type Bench, entriesOf, nextLink, printed, report, type Twins } from './twins.ts';
import { blindness, sensitive, twinWorlds } from './world.ts';

/** One look at a running gateway; says what is wrong, or nothing. */
export interface Check {
  readonly name: string;
  readonly worlds: readonly World[];
  run(twins: Twins): Promise<string | undefined>;
}

const get = (path: string): TwinRequest => ({ method: 'GET', path });
const leakWorlds = [plainWorld, fullWorld];

/** Equal over the worlds, and for a withheld id what it is for one that never was. */
async function toldApart(twins: Twins, asker: string, requests: readonly TwinRequest[]): Promise<string | undefined> {
  for (const request of requests) {
    const found = await twins.compare(asker, request);
    if (found.length > 0) return report(found, 1);
    const never = aboutNever(request);
    if (never === undefined) continue;
    const [about, absent] = [await twins.ask(1, asker, request), await twins.ask(1, asker, never)];
    const [difference] = answerDifferences(about, { ...absent, body: absent.body.replaceAll(neverId, withheldId) });
    if (difference !== undefined) return `${printed(request)} and ${printed(never)} differ in ${difference.what}`;
  }
  return undefined;
}

const channelChecks: readonly Check[] = sections.flatMap(({ channels }) =>
  channels.map((channel): Check => {
    const { id, claim, requests, status } = channel;
    return {
      name: `${id} ${claim}`,
      worlds: leakWorlds,
      async run(twins) {
        const asked = requests.map(requestOf);
        const told = await toldApart(twins, 'dr-grey', asked);
        if (told !== undefined || status === undefined) return told;
        for (const request of asked) {
          const answer = await twins.ask(1, 'dr-grey', request);
          if (answer.status !== status) return `${printed(request)} is answered ${answer.status}, not ${status}`;
        }
        return undefined;
      },
    };
  }),
);

const otherChecks: readonly Check[] = [
  {
    name: 'what a Consent does not open to a partner makes no difference to it',
    worlds: [partnerPlain, partnerFull],
    run: (twins) =>
      toldApart(
        twins,
        'harbor',
        [
          'Patient',
          'Observation',
          'Observation?_count=1',
          'Condition',
          'Consent',
          'Patient?_revinclude=Observation:patient',
        ].map(get),
      ),
  },
  {
    name: 'what a ward keeps to herself makes no difference to her guardian',
    worlds: [guardianPlain, guardianFull],
    run: (twins) =>
      toldApart(twins, 'cy-guardian', ['Observation', 'Patient', 'Observation/adol', 'Observation?_count=1'].map(get)),
  },
  {
    name: 'LC-54 a token for one patient brings nobody else',
    worlds: leakWorlds,
    async run(twins) {
      for (const asker of ['ada', 'dr-grey-of-ada']) {
        for (const path of [
          'Observation?_id=o1,x-o1',
          'Patient?family=sample',
          'Encounter?_id=v1,x1',
          'Patient?_revinclude=Observation:patient',
          'Group?_include=Group:member',
        ]) {
          const pages = await twins.pages(1, asker, get(path));
          const others = entriesOf(pages).filter(({ key }) => /\/(cy|eve|x)/.test(key));
          if (others.length > 0) return `${path} brings ${others.map(({ key }) => key).join()} to ${asker}`;
        }
        const about = await twins.ask(1, asker, get('Observation/x-o1'));
        if (about.status !== 404) return `Observation/x-o1 is answered ${about.status} to ${asker}`;
      }
      return undefined;
    },
  },
  {
    name: 'a chain that finds nothing matches nothing',
    worlds: leakWorlds,
    async run(twins) {
      for (const path of [
        'Patient?_has:Condition:patient:code=F11.20',
        'Patient?_has:Encounter:patient:type=SUD',
        'Encounter?part-of:Encounter.identifier=VN-77',
        'Observation?encounter:Encounter.type=SUD',
        'Patient?link:Patient.given=Eve',
      ]) {
        const found = entriesOf(await twins.pages(1, 'dr-grey', get(path))).map(({ key }) => key);
        if (found.length > 0) return `${path} brings ${found.join()}`;
      }
      return undefined;
    },
  },
  {
    name: 'LC-25 somebody else’s page is a made-up page',
    worlds: leakWorlds,
    async run(twins) {
      const [first] = await twins.pages(1, 'steward', get('Encounter?_count=1'));
      const link = first === undefined ? undefined : nextLink(first);
      if (link === undefined) return 'no next link';
      for (const asker of ['dr-grey', 'sam-nwosu', 'harbor']) {
        const { status } = await twins.ask(1, asker, get(link));
        if (status !== 404) return `the steward's page is answered ${status} to ${asker}`;
      }
      return undefined;
    },
  },
  {
    name: 'a narrower scope of the same person opens no page of the wider one',
    worlds: leakWorlds,
    async run(twins) {
      const [first] = await twins.pages(1, 'ada', get('Observation?_count=1'));
      const link = first === undefined ? undefined : nextLink(first);
      if (link === undefined) return 'no next link';
      const { status } = await twins.ask(1, 'ada-observations', get(link));
      return status === 404 ? undefined : `answered ${status}`;
    },
  },
  {
    name: 'LC-151 a granular scope brings what it names',
    worlds: leakWorlds,
    async run(twins) {
      const found = entriesOf(await twins.pages(1, 'dr-grey-vitals', get('Observation?_count=2'))).map(
        ({ key }) => key,
      );
      if (found.join() !== 'Observation/o4') return `Observation brings ${found.join()}`;
      const included = entriesOf(
        await twins.pages(1, 'dr-grey-vitals', get('Observation?_include=Observation:derived-from')),
      );
      if (included.length !== 1) return `an include brings ${included.map(({ key }) => key).join()}`;
      const { status } = await twins.ask(1, 'dr-grey-vitals', get('Observation/o1'));
      return status === 404 ? undefined : `Observation/o1 is answered ${status}`;
    },
  },
  {
    name: 'LC-151 what no scope names is not served, included or led through',
    worlds: leakWorlds,
    async run(twins) {
      for (const path of [
        'Encounter/v1',
        'Encounter',
        'Observation?encounter.class=AMB',
        'Patient?_has:Encounter:patient:class=AMB',
      ]) {
        const { status } = await twins.ask(1, 'dr-grey-no-encounters', get(path));
        if (status !== 403) return `${path} is answered ${status}`;
      }
      for (const path of ['Observation?_include=Observation:encounter', 'Patient?_revinclude=Encounter:patient']) {
        const found = entriesOf(await twins.pages(1, 'dr-grey-no-encounters', get(path)));
        if (found.some(({ key }) => key.startsWith('Encounter/'))) return `${path} brings Encounters`;
      }
      return undefined;
    },
  },
  {
    name: 'a role is refused the kinds of data it has no part in',
    worlds: leakWorlds,
    async run(twins) {
      for (const [asker, path] of [
        ['front-desk', 'Observation'],
        ['front-desk', 'Encounter/v1'],
        ['biller', 'Condition'],
        ['biller', 'Condition/c1/_history'],
      ] as const) {
        const { status } = await twins.ask(1, asker, get(path));
        if (status !== 403) return `${path} is answered ${status} to ${asker}`;
      }
      return undefined;
    },
  },
  {
    name: 'LC-149 a header adds no purpose',
    worlds: leakWorlds,
    async run(twins) {
      for (const purpose of ['RECORDMGT', 'ETREAT', 'HPAYMT']) {
        const { status } = await twins.ask(1, 'dr-grey', {
          ...get('Encounter/v1'),
          headers: { 'x-purpose-of-use': purpose },
        });
        if (status !== 403) return `${purpose} is answered ${status}`;
      }
      return undefined;
    },
  },
  {
    name: 'LC-08 what is refused by shape reads nothing',
    worlds: leakWorlds,
    async run(twins) {
      const before = await twins.looks();
      for (const path of [
        'Observation?_content=x',
        'Encounter?_offset=2',
        'Encounter?_sort=diagnosis',
        'Encounter/$meta',
        'Binary/sud-b',
      ])
        await twins.ask(1, 'dr-grey', get(path));
      return (await twins.looks()).join() === before.join() ? undefined : 'something was read';
    },
  },
  {
    name: 'every visible resource comes exactly once, on full pages',
    worlds: leakWorlds,
    async run(twins) {
      for (const type of ['Observation', 'Encounter', 'Patient', 'Condition', 'Provenance']) {
        const expected = visibleKeys.filter((key) => key.startsWith(`${type}/`)).sort();
        for (const count of [2, 1000]) {
          const pages = await twins.pages(1, 'dr-grey', get(`${type}?_count=${count}`));
          const found = entriesOf(pages).map(({ key }) => key);
          if (found.toSorted().join() !== expected.join()) return `${type}?_count=${count} brings ${found.join()}`;
          if (pages.slice(0, -1).some((page) => entriesOf([page]).length !== count)) return `${type} has a short page`;
        }
      }
      return undefined;
    },
  },
  {
    name: 'negation finds what it should',
    worlds: leakWorlds,
    async run(twins) {
      for (const [path, expected] of [
        ['Observation?patient=ada&code:not=4548-4', 'o3,o4'],
        ['Observation?focus:missing=false', ''],
        ['Encounter?part-of:missing=false', 'v3'],
        ['Condition?code:not=I10', 'c2'],
      ] as const) {
        const found = entriesOf(await twins.pages(1, 'dr-grey', get(path))).map(({ resource }) => resource.id);
        if (found.toSorted().join() !== expected) return `${path} brings ${found.join()}`;
      }
      return undefined;
    },
  },
];

/** Deployments that are configured otherwise. */
export const configuredChecks: readonly Check[] = configured.map(({ name, asker, worlds, requests, told = [] }) => ({
  name,
  worlds,
  async run(twins) {
    for (const request of requests) {
      const found = await twins.compare(asker, request);
      if (found.length > 0) return report(found, 1);
    }
    for (const [request, text] of told) {
      const { status, body } = await twins.ask(0, asker, request);
      if (status !== 200 || !body.includes(text)) return `${printed(request)} is answered ${status}, without ${text}`;
    }
    return undefined;
  },
}));

/** Random worlds, a few requests each. */
const randomChecks: readonly Check[] = ['dr-grey', 'harbor', 'ada', 'cy-guardian'].map((asker, index) => {
  const random = new Random(77 + index);
  const worlds = twinWorlds(random, blindness[asker] ?? sensitive);
  return {
    name: `random requests of ${asker}`,
    worlds: [worlds.plain, worlds.full, worlds.changed],
    async run(twins) {
      const own = new Random(7 + index);
      for (let n = 0; n < 60; n++) {
        const found = await twins.compare(asker, randomRequest(worlds, own));
        if (found.length > 0) return report(found, 1);
      }
      return undefined;
    },
  };
});

/** All of them, those that tell the most for the least first. */
export const checks: readonly Check[] = [...otherChecks, ...configuredChecks, ...channelChecks, ...randomChecks];

/**
 * The first check that finds something wrong with a gateway; undefined when none does.
 * @param source the gateway's source folder
 * @param by how the names of those checks begin that are tried first
 */
export async function firstCaught(
  bench: Bench,
  source: string,
  by: string,
): Promise<{ readonly check: string; readonly found: string } | undefined> {
  const started = new Map<readonly World[], Twins>();
  try {
    const first = checks.filter(({ name }) => name.startsWith(by));
    for (const check of [...first, ...checks.filter((one) => !first.includes(one))]) {
      const twins = started.get(check.worlds) ?? (await bench.start(check.worlds, { source, shared: true }));
      started.set(check.worlds, twins);
      const found = await check.run(twins);
      if (found !== undefined) return { check: check.name, found };
    }
    return undefined;
  } finally {
    for (const twins of started.values()) await twins.close();
  }
}
