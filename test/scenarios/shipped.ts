import { timeReader } from '../../src/fhir/dates.ts';
import { createPolicy, readPolicySet } from '../../src/policy/policy.ts';

/** What scenarios take from the product as it is shipped: role rules, time zone. */
export const policy = createPolicy(readPolicySet({ set: 'us-part2', rememberedAnswers: 1_000 }), 1_000);
export const time = timeReader('UTC');
