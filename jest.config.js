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
  testTimeout: 60_000,
};
