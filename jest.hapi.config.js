/** The tests against real parts (HAPI FHIR JPA, HAPI's validator): one suite at a time, each starts its own server. */
import base from './jest.config.js';

export default {
  ...base,
  roots: ['<rootDir>/test/hapi'],
  testPathIgnorePatterns: ['/node_modules/', '/target/'],
  modulePathIgnorePatterns: ['/target/'],
  testTimeout: 600_000,
  maxWorkers: 1,
};
