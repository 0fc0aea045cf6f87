import { grantFor } from '../context/context.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { GatewayError } from '../errors/errors.ts';
import { typeOf } from '../fhir/ids.ts';
import type { Interaction } from '../fhir/request.ts';
import type { Policy } from '../policy/policy.ts';
import type { Hop, Plan, SearchPlan } from './plan.ts';

/**
 * Step 1 of the composition table: scopes and role rules on the shape of the request, for every type that it searches.
 * What only comes along (included) is left out instead where they do not allow it.
 * @throws {GatewayError} `scope-insufficient`, `policy-refused`
 */
export function authorize(plan: Plan, context: RequesterContext, policy: Policy): void {
  const need = (interaction: Interaction, type: string): void => {
    if (!grantFor(context, interaction, type).granted) throw new GatewayError('scope-insufficient');
    if (!policy.permitsRequest(context, interaction, type).allowed) throw new GatewayError('policy-refused');
  };
  switch (plan.outcome) {
    case 'read':
      need('read', plan.type);
      return;
    case 'vread':
      need('vread', plan.type);
      return;
    case 'history':
      need('history-instance', plan.type);
      return;
    case 'search':
      authorizeSearch(plan, need);
      return;
    case 'capabilities':
    case 'page':
      return;
    default:
      plan satisfies never;
  }
}

function authorizeSearch(plan: SearchPlan, need: (interaction: Interaction, type: string) => void): void {
  need('search-type', plan.type);
  if (plan.compartment !== undefined) need('search-type', typeOf(plan.compartment.root));
  for (const hop of plan.hops) {
    const attempts = searchesOf(hop).map((search) => () => authorizeSearch(search, need));
    if (!attempts.some(succeeds)) attempts[0]?.(); // the first one's refusal stands for all
  }
}

function searchesOf(hop: Hop): readonly SearchPlan[] {
  return hop.kind === 'chain' ? hop.targets : [hop.source];
}

function succeeds(attempt: () => void): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}
