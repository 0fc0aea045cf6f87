import base from './jest.config.js';

/** Searches what all gateways of a test run told operators; TOLD_DIR names where the run kept it. */
export default {
  ...base,
  roots: ['<rootDir>/test/told'],
  setupFilesAfterEnv: [],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 600_000,
  maxWorkers: 1,
};
