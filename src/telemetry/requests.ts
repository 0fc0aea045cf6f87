import type { Metrics } from './metrics.ts';
import type { TraceAttributes, Tracing } from './traces.ts';
import { RequestWatch, type Watch } from './watch.ts';

/** One request under way, as operators see it. */
export interface WatchedRequest {
  readonly watch: Watch;
  /** Once, when its answer is over. */
  end(about: TraceAttributes): void;
}

/** Begins to watch a request: its stages go to the metrics, and to a trace where it is drawn for one. */
export function watchRequest({ stages }: Metrics, tracing: Tracing): WatchedRequest {
  const trace = tracing.begin();
  const watch = new RequestWatch(() => performance.now(), {
    onStage(stage, from, to, spentMs) {
      stages.observe({ stage }, spentMs / 1000);
      trace?.stage(stage, from, to, spentMs);
    },
  });
  return {
    watch,
    end(about) {
      watch.end();
      trace?.end(about);
    },
  };
}
