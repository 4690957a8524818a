// How docs/language.md tells the events of an execution.

/** What is often seen together, and what it is called. */
const WORDS: Record<string, string> = {
  'step_started, action_started, action_completed, step_result, step_completed': 'step',
  'iteration_started, action_started, action_completed, iteration_completed': 'item',
  'save_started, action_started, action_completed': 'save',
  'step_started, step_completed': 'route',
  step_skipped: 'skipped',
}
/** Says that the order between nodes varies from run to run. */
const SIDE_BY_SIDE = 'side by side: '

interface Part {
  nodes: string[]
  events: string
}

/**
 * A log (`type:node` each), node by node: `a, b: step; c: step_started, ...`. Told as another one that begins with
 * "side by side", all events of a node stand together where its first one stood.
 */
export function told(log: readonly string[], as = ''): string {
  const isApart = as.startsWith(SIDE_BY_SIDE)
  const groups: { node: string; types: string[] }[] = []
  for (const line of log) {
    const [type = '', ...rest] = line.split(':')
    // the execution's own events need no name
    const node = type.startsWith('execution_') ? '' : rest.join(':')
    const last = isApart ? groups.find((group) => group.node === node) : groups.at(-1)
    if (last?.node === node && node !== '') last.types.push(type)
    else groups.push({ node, types: [type] })
  }
  const parts: Part[] = []
  for (const { node, types } of groups) {
    const events = types.join(', ')
    const last = parts.at(-1)
    if (last?.events === events) last.nodes.push(node)
    else parts.push({ nodes: [node], events })
  }
  const words = parts.map(({ nodes, events }) => {
    const names = nodes.filter(Boolean).join(', ')
    return `${names === '' ? '' : `${names}: `}${WORDS[events] ?? events}`
  })
  return `${isApart ? SIDE_BY_SIDE : ''}${words.join('; ')}`
}
