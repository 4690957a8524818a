// The scale of a timeline: where its marks stand, and what they say.

import { duration } from './format.ts'

export interface Mark {
  /** From 0 to 1. */
  at: number
  label: string
}

/** What people count in, in seconds. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((ms) => ms / 1000),
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 6, 12].map((hours) => hours * 3600),
  ...[1, 2, 7, 14, 30, 90].map((days) => days * 86_400),
]

/** At most so many marks along so many seconds, the first at 0. */
export function marksOf(seconds: number, most: number): Mark[] {
  if (!(seconds > 0) || most < 1) return [{ at: 0, label: '0' }]
  const step =
    STEPS.find((candidate) => seconds / candidate <= most) ??
    Math.ceil(seconds / most / 86_400) * 86_400
  const marks: Mark[] = []
  for (let n = 0; n * step <= seconds * 1.000001; n++) {
    marks.push({ at: (n * step) / seconds, label: n === 0 ? '0' : shortly(n * step) })
  }
  return marks
}

function shortly(seconds: number): string {
  if (seconds >= 1 && seconds < 60) return `${Number(seconds.toFixed(1))} s`
  if (seconds >= 60 && seconds < 3600 && seconds % 60 === 0) return `${seconds / 60} min`
  if (seconds >= 3600 && seconds < 86_400 && seconds % 3600 === 0) return `${seconds / 3600} h`
  if (seconds >= 86_400 && seconds % 86_400 === 0) return `${seconds / 86_400} d`
  return duration(seconds)
}

/** Where something stands on it, from 0 to 1; what is narrow is still to be seen. */
export function barOf(
  { start, end }: { start: number; end: number },
  { from, until }: { from: number; until: number },
  least = 0.002,
): { left: number; width: number } {
  const whole = Math.max(1, until - from)
  const within = (value: number) => Math.min(1, Math.max(0, value))
  const width = Math.min(
    1,
    Math.max(least, within((end - from) / whole) - within((start - from) / whole)),
  )
  return { left: Math.min(within((start - from) / whole), 1 - width), width }
}

/** Round values from 0 to at least `most`, so many at most. */
export function ticksOf(most: number, count: number): number[] {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most / count)))
  const step =
    [1, 2, 5, 10].map((n) => n * power).find((candidate) => candidate * count >= most) ?? most
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, n) => n * step)
}
