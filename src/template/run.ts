import { limitError, type Span } from './error.ts'

export type Context = Readonly<Record<string, unknown>>

export interface Limits {
  /** Nodes evaluated, loop rounds, elements walked over. */
  readonly steps: number
  /** Characters of text built in all, intermediate texts included. */
  readonly output: number
  /** Nesting of values and of macro calls. */
  readonly depth: number
  /** Characters of source. */
  readonly source: number
}

export const DEFAULT_LIMITS: Limits = {
  steps: 100_000,
  output: 1_048_576,
  depth: 64,
  source: 262_144,
}

/** What one evaluation has at hand, and what it has used up. */
export interface Run {
  context: Context
  readonly limits: Limits
  steps: number
  output: number
  /** Nested evaluations, which are nested JavaScript calls. */
  depth: number
  macroDepth: number
  /** The expression or tag at work, for the position of an error. */
  at: Span | null
}

export function newRun(context: Context, limits: Partial<Limits> = {}): Run {
  return {
    context,
    limits: { ...DEFAULT_LIMITS, ...limits },
    steps: 0,
    output: 0,
    depth: 0,
    macroDepth: 0,
    at: null,
  }
}

export function spend(run: Run, steps = 1): void {
  run.steps += steps
  if (run.steps > run.limits.steps) {
    limitError(`template takes more than ${run.limits.steps} steps`)
  }
}

/** Call before the text is made, so that a text too long is never allocated. */
export function spendText(run: Run, characters: number): void {
  reserveText(run, characters)
  run.output += characters
}

/** Refuses a text that would not fit, without counting it: whoever returns it does. */
export function reserveText(run: Run, characters: number): void {
  if (run.output + characters > run.limits.output) {
    limitError(`template builds more than ${run.limits.output} characters of text`)
  }
}

/** Reading a long text is work too: a step for each KiB. */
export function scan(run: Run, text: string): void {
  if (text.length >= 1024) spend(run, text.length >> 10)
}

/** Searching may cost haystack times needle in the worst case. */
export function scanFor(run: Run, haystack: string, needle: string): void {
  scan(run, haystack)
  spend(run, Math.floor((haystack.length * needle.length) / 16_384))
}

// Each level of a chain such as 1+1+1 is a level of the JavaScript stack, so this stays far
// below what overflows it (see the limits test).
const EVALUATIONS_PER_LEVEL = 8

export function descend(run: Run): void {
  run.depth += 1
  if (run.depth > run.limits.depth * EVALUATIONS_PER_LEVEL) {
    limitError('expression is nested too deeply')
  }
}

export function checkDepth(run: Run, depth: number): void {
  if (depth > run.limits.depth) {
    limitError(`value is nested more than ${run.limits.depth} levels deep`)
  }
}
