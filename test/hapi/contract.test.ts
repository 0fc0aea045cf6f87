import { describeUpstreamContract } from '../contract/upstream-contract.ts';
import { startHapi } from './hapi.ts';

describeUpstreamContract({ name: 'HAPI FHIR JPA', start: startHapi, paging: 'link', history: true });
