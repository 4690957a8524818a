// Nodes: what events and jobs are about. A step's own node has its name; its iterations, the save behind it
// and the timer that limits it are `step[3]`, `step[save]`, `step[timeout]`, and so on within iterations:
// `step[3][save]`. The timer of the whole execution is `[timeout]`. Pure.

import type { Playbook } from './playbook.ts'
import type { Work } from './work.ts'

const PART = /\[(\d+|save|timeout)\]$/

export const iterationOf = (node: string, index: number) => `${node}[${index}]`
export const saveOf = (node: string) => `${node}[save]`
export const timerOf = (node: string) => `${node}[timeout]`

/** The node that a part belongs to, and which part of it this is; null for a step. */
export function partOf(node: string): { whole: string; part: number | 'save' | 'timeout' } | null {
  const found = PART.exec(node)
  if (!found) return null
  const [, part = ''] = found
  const whole = node.slice(0, found.index)
  return { whole, part: part === 'save' || part === 'timeout' ? part : Number(part) }
}

/** The step that a node belongs to. */
export function stepOf(node: string): string {
  const part = partOf(node)
  return part === null ? node : stepOf(part.whole)
}

/** What a node does; null for one that only routes, is a timer, or is not of this playbook. */
export function workOf(playbook: Playbook, node: string): Work | null {
  const part = partOf(node)
  if (part === null) return playbook.steps.get(node)?.work ?? null
  const whole = workOf(playbook, part.whole)
  if (part.part === 'timeout') return null
  return (part.part === 'save' ? whole?.save : whole?.iterator?.each) ?? null
}
