// The steps of a playbook and what leads where, out of its parsed content.

import { isObject, type Json } from './json.ts'

interface FlowNode {
  id: string
  type: string
  desc: string | null
}

interface FlowEdge {
  from: string
  to: string
  /** The condition under which it fires. */
  label: string | null
}

export interface Flow {
  nodes: FlowNode[]
  edges: FlowEdge[]
}

const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null)
const bare = (condition: string) => condition.replace(/^\s*\{\{\s*|\s*\}\}\s*$/g, '')

/** The graph of a playbook's content. What is not understood is left out: the catalog has checked it. */
export function flowOf(payload: { [key: string]: Json }): Flow {
  const steps = [payload.workflow, payload.steps].find(Array.isArray) ?? []
  const nodes: FlowNode[] = []
  const edges: FlowEdge[] = []
  for (const step of steps) {
    if (!isObject(step)) continue
    const id = text(step.step) ?? text(step.name)
    if (id === null) continue
    const type =
      step.loop !== undefined && step.type !== 'iterator' ? 'loop' : (text(step.type) ?? '')
    nodes.push({
      id,
      type: type || (/^(start|end)$/.test(id) ? id : 'route'),
      desc: text(step.desc) ?? text(step.description),
    })
    for (const edge of waysOf(step.next ?? null, null)) edges.push({ from: id, ...edge })
  }
  const known = new Set(nodes.map(({ id }) => id))
  return { nodes, edges: merged(edges.filter(({ to }) => known.has(to))) }
}

function waysOf(next: Json, label: string | null): { to: string; label: string | null }[] {
  if (typeof next === 'string') return [{ to: next, label }]
  if (Array.isArray(next)) return next.flatMap((item) => waysOf(item, label))
  if (!isObject(next)) return []
  const condition = text(next.when) ?? text(next.condition)
  const both = (own: string | null) =>
    [label, own].filter((part) => part !== null).join(' and ') || null
  const holds = condition === null ? label : both(bare(condition))
  const not = condition === null ? both('else') : both(`not (${bare(condition)})`)
  const name = text(next.step)
  return [
    ...(name === null ? [] : [{ to: name, label: holds }]),
    ...waysOf(next.then ?? null, holds),
    ...waysOf(next.else ?? null, not),
  ]
}

/** Several ways from one step to another are one edge. */
function merged(edges: readonly FlowEdge[]): FlowEdge[] {
  const found = new Map<string, FlowEdge>()
  for (const edge of edges) {
    const key = JSON.stringify([edge.from, edge.to])
    const same = found.get(key)
    if (!same) found.set(key, { ...edge })
    else same.label = same.label && edge.label ? `${same.label} or ${edge.label}` : null
  }
  return [...found.values()]
}
