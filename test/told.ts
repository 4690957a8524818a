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

/** What a node has left in one go; where it begins and ends in the log. */
interface Group {
  nodes: string[]
  types: string[]
  from: number
  to: number
}

/**
 * A log (`type:node` each), node by node: `a, b: step; c: step_started, ...`. Told as another one that begins with
 * "side by side", all events of a node stand where its first one stood, and only nodes that ran at once are told together.
 */
export function told(log: readonly string[], as = ''): string {
  const isApart = as.startsWith(SIDE_BY_SIDE)
  const parts: Group[] = []
  for (const group of groupsOf(log, isApart)) {
    const last = parts.at(-1)
    const isAlike = last?.types.join() === group.types.join()
    if (last && isAlike && (!isApart || group.from < last.to)) {
      last.nodes.push(...group.nodes)
      last.to = Math.max(last.to, group.to)
    } else parts.push(group)
  }
  const words = parts.map(({ nodes, types }) => {
    const events = types.join(', ')
    // the execution's own events need no name
    const names = nodes.filter(Boolean).join(', ')
    return `${names === '' ? '' : `${names}: `}${WORDS[events] ?? events}`
  })
  return `${isApart ? SIDE_BY_SIDE : ''}${words.join('; ')}`
}

function groupsOf(log: readonly string[], isApart: boolean): Group[] {
  const groups: Group[] = []
  for (const [place, line] of log.entries()) {
    const colon = line.indexOf(':')
    const type = line.slice(0, colon)
    const node = type.startsWith('execution_') ? '' : line.slice(colon + 1)
    const isSame = ({ nodes }: Group) => node !== '' && nodes[0] === node
    const same = (isApart ? groups : groups.slice(-1)).find(isSame)
    if (same) {
      same.types.push(type)
      same.to = place
    } else groups.push({ nodes: [node], types: [type], from: place, to: place })
  }
  return groups
}
