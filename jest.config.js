export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'json', 'node'],
  transform: { '\\.ts$': '<rootDir>/test/strip-types.cjs' },
  setupFilesAfterEnv: ['<rootDir>/test/support/keep-told.cjs'],
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/hapi/',
    '<rootDir>/test/chart/',
    '<rootDir>/test/prove/',
    '<rootDir>/test/mutation/mutation.test.ts',
    '<rootDir>/test/replicas/',
    '<rootDir>/test/told/',
  ],
  // Modules of a test file stay in the process that ran it: without a worker that is begun anew, the heap of one process fills.
  workerIdleMemoryLimit: '1GB',
  testTimeout: 60_000,
};
