import { parseArgs } from 'node:util';
import { requesters } from './requesters.ts';
import { tour } from './tour.ts';
import { startWorld, type World } from './world.ts';

const usage = `npm run demo                                start everything, print requests to paste, stay up until Ctrl-C
npm run demo -- --tour                      run them as every requester, compare with expected.yaml, exit 1 on any difference
npm run demo -- --tour --upstream URL       the same in front of another FHIR R4 server, which is loaded first
                       --paging offset      that server takes _offset and gives no next links
`;

const { values } = parseArgs({
  options: {
    tour: { type: 'boolean', default: false },
    upstream: { type: 'string' },
    paging: { type: 'string', default: 'links' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help || (values.paging !== 'links' && values.paging !== 'offset')) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}

const print = (text: string) => process.stdout.write(`${text}\n`);
const world = await startWorld({
  paging: values.paging,
  anyPorts: values.tour,
  ...(values.upstream === undefined ? {} : { upstreamUrl: values.upstream }),
});

if (values.tour) {
  const differences = await tour(world, print);
  await world.close();
  process.exit(differences.length === 0 ? 0 : 1);
}

invite(world);
process.once('SIGINT', () => void world.close().then(() => process.exit(0)));
process.once('SIGTERM', () => void world.close().then(() => process.exit(0)));

/** What to paste, for everybody. */
function invite({ gatewayUrl, upstreamUrl, issuer, audit, tokens }: World): void {
  print(`
FHIR Consent Gateway: a demonstration with invented people.

  gateway            ${gatewayUrl}
  FHIR server        ${upstreamUrl}   (behind it; unguarded here, so that you can compare)
  OpenID provider    ${issuer}
  audit repository   ${audit.url}

The same question, asked by everybody. What differs is what each may know; nothing tells that there is more.

  Q='Observation?patient=ada'

  # everything there is
  curl -s "${upstreamUrl}/$Q"
`);
  for (const { id, title } of requesters) {
    print(`  # ${title}\n  curl -s "${gatewayUrl}/$Q" -H 'Authorization: Bearer ${tokens.get(id)}'\n`);
  }
  print(`Who saw what, and under which Consent:

  curl -s "${audit.url}/AuditEvent?_count=1&_sort=-date"

Other questions: Condition, MedicationRequest, Encounter, DocumentReference, Claim, CareTeam, CarePlan, Provenance?target=Patient/ada;
other people: ben, cy, dee, eve, fay (fixtures/people/README.md tells their stories). Tokens last an hour. Ctrl-C ends it all.
`);
}
