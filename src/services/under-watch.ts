import type { AdministerEdges } from '../administer/administer.ts';
import type { ConsentSource } from '../consent/source.ts';
import type { Watch } from '../telemetry/watch.ts';
import { watched } from '../upstream/upstream.ts';

/** What administration reaches of the house, for one request that is told where its time goes. */
export function edgesUnder(watch: Watch, edges: AdministerEdges): AdministerEdges {
  return {
    ...edges,
    consents: consentsUnder(watch, edges.consents),
    upstream: watched(edges.upstream, watch),
    planFor: (request) => watch.busy('plan', () => edges.planFor(request)),
    worldFor: (context, request, signal, interaction) =>
      edges.worldFor(context, request, signal, interaction, { watch }),
  };
}

/** Consents, with each reading of them told. */
export function consentsUnder(watch: Watch, consents: ConsentSource): ConsentSource {
  return {
    of: (patients, errand) => watch.timed('consent', () => consents.of(patients, errand)),
    ofNobody: (errand) => watch.timed('consent', () => consents.ofNobody(errand)),
    stillHold: (established, errand) => watch.timed('consent', () => consents.stillHold(established, errand)),
    heard: (store, news) => consents.heard(store, news),
    failed: (store, error) => consents.failed(store, error),
  };
}
