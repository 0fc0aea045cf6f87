import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tour } from '../../examples/demo/tour.ts';
import { startWorld, type World } from '../../examples/demo/world.ts';
import { keepEventsOf } from '../support/keep-events.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld({ anyPorts: true });
});

afterAll(async () => {
  keepEventsOf('tour', world.audit);
  await world.close();
});

it('gives every requester what expected.yaml states, recorded, before the embedded server', async () => {
  const said: string[] = [];
  expect(await tour(world, (text) => said.push(text))).toEqual([]);
  expect(said.at(-1)).toMatch(/^\n\d{3} answers to 10 requesters; 0 not as stated\.$/);
});
