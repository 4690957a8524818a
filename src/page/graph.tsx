// The graph of a playbook's steps; of an execution with how far each has come.

import { useMemo } from 'preact/hooks'
import { cut } from './format.ts'
import { useWidth } from './hooks.ts'
import { toJson } from './json.ts'
import { type Edge, layoutOf, type Point } from './layout.ts'
import { Empty, Shape } from './parts.tsx'
import type { ToldGraph } from './spans.ts'

/** Boxes side by side are narrower than those behind one another. */
const WIDTHS = { right: 168, down: 136 }
const HEIGHT = 46
const PAD = 12
/** Larger ones cannot be read, and take long to lay out. */
const MOST = 400

export function Graph({
  graph,
  running = false,
  chosen,
  onChoose,
}: {
  graph: ToldGraph
  /** Whether it is an execution's. */
  running?: boolean
  chosen?: string | null
  onChoose?: (name: string | null) => void
}) {
  const [ref, room] = useWidth()
  // what an execution changes of it does not move it
  const shape = JSON.stringify([
    graph.nodes.map(({ step }) => step),
    graph.edges.map(({ from, to }) => ({ from, to })),
  ])
  const layouts = useMemo(() => {
    const [ids, edges] = JSON.parse(shape) as [string[], Edge[]]
    if (ids.length > MOST) return null
    const of = (direction: 'right' | 'down') =>
      layoutOf(ids, edges, {
        width: WIDTHS[direction],
        height: HEIGHT,
        gap: direction === 'right' ? 56 : 38,
        space: 18,
        direction,
      })
    return { right: of('right'), down: of('down') }
  }, [shape])
  const count = graph.nodes.length
  if (count === 0) return <Empty>It has no steps yet.</Empty>
  if (layouts === null) return <Empty>{count} steps are too many for a picture.</Empty>
  const isDown = layouts.right.width + 2 * PAD > room * 1.4
  const box = WIDTHS[isDown ? 'down' : 'right']
  const layout = isDown ? layouts.down : layouts.right
  const width = layout.width + 2 * PAD
  const height = layout.height + 2 * PAD
  return (
    <div class="graph scroll" ref={ref}>
      {room > 0 && (
        <svg
          width={Math.round(width * Math.max(0.62, Math.min(1, room / width)))}
          viewBox={`${-PAD} ${-PAD} ${width} ${height}`}
          aria-label={`Graph of ${count} steps`}
        >
          <defs>
            <marker
              id="tip"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0.5L7.5 4L0 7.5z" class="tip" />
            </marker>
          </defs>
          {graph.edges.map((edge, n) => {
            const label = conditionOf(edge)
            return (
              <path
                key={`${edge.from} ${edge.to} ${label}`}
                class={`edge ${running && !edge.fired ? 'idle' : ''} ${label ? 'if' : ''}`}
                d={curve(layout.lines[n] ?? [], isDown)}
                marker-end="url(#tip)"
              >
                <title>{`${edge.from} → ${edge.to}${label && `, ${label}`}`}</title>
              </path>
            )
          })}
          {graph.nodes.map((node) => {
            const at = layout.nodes.get(node.step)
            if (!at) return null
            const isPoint = ['start', 'end', 'route'].includes(node.type)
            const state = running ? node.status : 'none'
            const kind = node.iterations
              ? `${node.type} ${node.iterations.done}/${node.iterations.total}`
              : node.type
            // its title, which is its name, too
            const isSaid = kind === node.step
            const says = `${node.step}${isSaid ? '' : ` ${kind}`}${running ? `, ${state}` : ''}`
            const act = onChoose && {
              tabindex: 0,
              role: 'button' as const,
              'aria-pressed': chosen === node.step,
              onClick: () => onChoose(chosen === node.step ? null : node.step),
              onKeyDown: (event: KeyboardEvent) => {
                if (event.key !== 'Enter' && event.key !== ' ') return
                event.preventDefault()
                onChoose(chosen === node.step ? null : node.step)
              },
            }
            return (
              <g
                key={node.step}
                class={`node s-${state} ${chosen === node.step ? 'chosen' : ''}`}
                transform={`translate(${at.x} ${at.y})`}
                {...act}
              >
                <title>{says}</title>
                <rect width={box} height={HEIGHT} rx={isPoint ? HEIGHT / 2 : 7} />
                {running && (
                  <g transform="translate(12 16)">
                    <Shape state={state} />
                  </g>
                )}
                <text x={running ? 34 : 14} y={isSaid ? 28 : 20} class="title">
                  {cut(node.step, Math.floor((box - (running ? 40 : 20)) / 7.4))}
                </text>
                {!isSaid && (
                  <text x={running ? 34 : 14} y={36} class="kind">
                    {kind}
                  </text>
                )}
              </g>
            )
          })}
        </svg>
      )}
    </div>
  )
}

function conditionOf({ when, else: isElse }: ToldGraph['edges'][number]): string {
  if (when === null) return isElse ? 'when nothing before it holds' : ''
  return `when ${typeof when === 'string' ? when : toJson(when)}`
}

/** A smooth line through points; between layers it leaves and arrives straight. */
function curve(points: readonly Point[], isDown: boolean): string {
  const [first, ...rest] = points
  if (!first) return ''
  let path = `M${first.x} ${first.y}`
  let last = first
  for (const [n, point] of rest.entries()) {
    const isCrossing = n % 2 === 1
    if (isCrossing) path += `L${point.x} ${point.y}`
    else if (isDown) {
      const middle = (last.y + point.y) / 2
      path += `C${last.x} ${middle} ${point.x} ${middle} ${point.x} ${point.y}`
    } else {
      const middle = (last.x + point.x) / 2
      path += `C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`
    }
    last = point
  }
  return path
}
