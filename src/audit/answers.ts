/** What the kept record answers; nothing here writes to it. */
export { checkpointsIn, lastCheckpoint, publicKeys, verifyRecord } from './verify-record.ts';
