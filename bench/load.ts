import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/** Clock ticks of one process and its threads, from /proc (Linux): user and system time, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

export interface Slice {
  readonly requests: number;
  readonly seconds: number;
  readonly bytes: number;
}

export interface Target {
  readonly origin: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A closed loop of so many requests over so many connections, or as many as fit into `milliseconds`; every answer must
 * be a 200, and the first the expected one.
 * @throws when an answer is not what the bench is about
 */
export async function load(
  target: Target,
  connections: number,
  { requests: wanted, milliseconds }: { readonly requests: number; readonly milliseconds: number },
  check: (body: Buffer) => boolean,
): Promise<Slice> {
  const pool = new Pool(target.origin, { connections, pipelining: 1 });
  const end = performance.now() + milliseconds;
  let begun = 0;
  let requests = 0;
  let bytes = 0;
  let checked = false;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let status = 0;
      pool.dispatch(
        { method: target.method, path: target.path, headers: target.headers, body: null },
        {
          onRequestStart() {},
          onResponseStart(_controller, code) {
            status = code;
          },
          onResponseData(_controller, chunk) {
            bytes += chunk.length;
            if (!checked) chunks.push(chunk);
          },
          onResponseEnd() {
            if (status !== 200) return reject(new Error(`status ${status}`));
            if (!checked) {
              if (!check(Buffer.concat(chunks))) return reject(new Error('not the expected answer'));
              checked = true;
            }
            requests++;
            resolve();
          },
          onResponseError(_controller, error) {
            reject(error);
          },
        },
      );
    });
  const worker = async (): Promise<void> => {
    while (begun++ < wanted && performance.now() < end) await one();
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, worker));
  const seconds = (performance.now() - started) / 1000;
  await pool.close();
  return { requests, seconds, bytes };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
