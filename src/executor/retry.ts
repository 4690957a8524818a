// Whether a failed action is tried again, and when: a step's `retry`. Pure, but for the jitter handed in.

import { bareExpression } from '../catalog/work.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { type Context, evaluateExpression, isTruthyWhen, TemplateError } from '../template/index.ts'
import type { ToolResult } from './tools/tool.ts'

/** NoETL's defaults, in seconds where they are times. */
const DEFAULTS = { initial_delay: 1, max_delay: 60, backoff_multiplier: 2 }

export interface Attempt {
  /** Counted from 1. */
  attempt: number
  max_attempts: number
  result: Extract<ToolResult, { status: 'error' }>
  /** What the step's templates see beside the result. */
  context: Context
  /** From 0 to 1: where in the range of the jitter the delay falls. */
  random: number
}

/**
 * Seconds until the next attempt; null when there is none: the step does not ask for it, attempts are
 * spent, `stop_when` holds, or `retry_when` does not. A condition that cannot be evaluated ends it.
 */
export function retryDelay(retry: Json | undefined, attempt: Attempt): number | null {
  if (retry === undefined || retry === null || retry === false) return null
  if (attempt.attempt >= attempt.max_attempts) return null
  const policy: JsonObject = isObject(retry) ? retry : {}
  const { result } = attempt
  const data = result.data ?? null
  const context = {
    ...attempt.context,
    attempt: attempt.attempt,
    max_attempts: attempt.max_attempts,
    error: result.error,
    success: false,
    status_code: isObject(data) ? (data.status_code ?? null) : null,
    data,
    result: { ...result, success: false },
  }
  try {
    const holds = (when: Json) => isTruthyWhen(evaluateExpression(bareExpression(when), context))
    if (policy.stop_when != null && holds(policy.stop_when)) return null
    if (policy.retry_when != null && !holds(policy.retry_when)) return null
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return null
  }
  const number = (key: keyof typeof DEFAULTS) => {
    const given = Number(policy[key] ?? DEFAULTS[key])
    return Number.isFinite(given) && given >= 0 ? given : DEFAULTS[key]
  }
  const grown = number('initial_delay') * number('backoff_multiplier') ** (attempt.attempt - 1)
  const delay = Math.min(grown, number('max_delay'))
  return policy.jitter === false ? delay : delay * (0.5 + attempt.random)
}
