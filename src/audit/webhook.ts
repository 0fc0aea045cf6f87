import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import type { AlertsConfig } from '../config/alerts.ts';
import type { Alert } from './alerts.ts';

const attempts = 5;
const firstPauseMs = 1_000;

/**
 * Tells of an alert: which rule, how many, which record. Who and whose is in the record, for those who may read it there.
 * @returns Whether it was taken; never throws.
 */
export async function tellWebhook(
  { rule, count, windowMinutes, sequence, at }: Alert,
  device: string,
  { url, authorizationFile, timeoutMs }: NonNullable<AlertsConfig['webhook']>,
): Promise<boolean> {
  const told = { gateway: device, rule, count, windowMinutes, record: sequence, at: new Date(at).toISOString() };
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      const authorization = authorizationFile && readFileSync(authorizationFile, 'utf8').trim();
      const { statusCode, body } = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
        body: JSON.stringify(told),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      await body.dump();
      if (statusCode < 300) return true;
    } catch {
      // unreachable or too slow: again
    }
    if (attempt < attempts) await pause(firstPauseMs * 2 ** (attempt - 1), undefined, { ref: false });
  }
  return false;
}
