import base from './jest.config.js';

/** What `npm run prove` alone runs: it needs root, debootstrap and buildah, or many minutes. */
export default {
  ...base,
  testMatch: ['<rootDir>/test/prove/**/*.test.ts', '<rootDir>/test/mutation/mutation.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 1_200_000,
};
