/** The tests of several replicas, against a real redis-server: one suite at a time, each starts its own. */
import base from './jest.config.js';

export default {
  ...base,
  roots: ['<rootDir>/test/replicas'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 300_000,
  maxWorkers: 1,
};
