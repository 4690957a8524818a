// What all isolates of the javascript tool have in common.

import { toBase64 } from '../../base64.ts'

/** What one call may use, where the platform counts it; workerd by itself does not. */
const LIMITS = { cpuMs: 10_000, subRequests: 50 }
const COMPATIBILITY_DATE = '2026-10-01'

/** What two isolates must have in common to be one, as part of their id. */
export const COMMON = [LIMITS, COMPATIBILITY_DATE]

/** The worker that these modules are, the first of them its main one; it has no bindings and no variables. */
export function workerOf(
  modules: Record<string, string>,
  globalOutbound: Fetcher | null,
): WorkerLoaderWorkerCode {
  return {
    compatibilityDate: COMPATIBILITY_DATE,
    mainModule: Object.keys(modules)[0] ?? '',
    modules,
    env: {},
    globalOutbound,
    limits: LIMITS,
  }
}

/** A text that stands for this one. */
export async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return toBase64(new Uint8Array(digest))
}
