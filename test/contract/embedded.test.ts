import { startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { describeUpstreamContract } from './upstream-contract.ts';

describeUpstreamContract({
  name: 'the embedded server',
  start: startEmbeddedServer,
  paging: 'offset',
  history: true,
});
