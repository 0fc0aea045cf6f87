/** The tests of the Helm chart: they need helm, kube-score and kubernetes-validate. */
import base from './jest.config.js';

export default {
  ...base,
  roots: ['<rootDir>/test/chart'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 300_000,
  maxWorkers: 1,
};
