// The graph of a playbook's steps; of an execution with how far each has come.

import { useMemo } from 'preact/hooks'
import type { Flow } from './flow.ts'
import { cut } from './format.ts'
import { useWidth } from './hooks.ts'
import { layoutOf, type Point } from './layout.ts'
import { Empty, Shape } from './parts.tsx'
import type { Span } from './spans.ts'

/** Boxes side by side are narrower than those behind one another. */
const WIDTHS = { right: 168, down: 136 }
const HEIGHT = 46
const PAD = 12
/** Larger ones cannot be read, and take long to lay out. */
const MOST = 400

export function Graph({
  flow,
  spans,
  ended = null,
  chosen,
  onChoose,
}: {
  flow: Flow
  spans?: ReadonlyMap<string, Span>
  /** How the execution stands, as what only says where to go has no span. */
  ended?: 'completed' | 'failed' | null
  chosen?: string | null
  onChoose?: (name: string | null) => void
}) {
  const [ref, room] = useWidth()
  const layouts = useMemo(() => {
    if (flow.nodes.length > MOST) return null
    const ids = flow.nodes.map(({ id }) => id)
    const of = (direction: 'right' | 'down') =>
      layoutOf(ids, flow.edges, {
        width: WIDTHS[direction],
        height: HEIGHT,
        gap: direction === 'right' ? 56 : 38,
        space: 18,
        direction,
      })
    return { right: of('right'), down: of('down') }
  }, [flow])
  if (flow.nodes.length === 0) return <Empty>It has no steps yet.</Empty>
  if (layouts === null) return <Empty>{flow.nodes.length} steps are too many for a picture.</Empty>
  const isDown = layouts.right.width + 2 * PAD > room * 1.4
  const box = WIDTHS[isDown ? 'down' : 'right']
  const layout = isDown ? layouts.down : layouts.right
  const width = layout.width + 2 * PAD
  const height = layout.height + 2 * PAD
  const ways = new Map(flow.edges.map((edge, n) => [edge, layout.lines[n] ?? []] as const))
  return (
    <div class="graph scroll" ref={ref}>
      {room > 0 && (
        <svg
          width={Math.round(width * Math.max(0.62, Math.min(1, room / width)))}
          viewBox={`${-PAD} ${-PAD} ${width} ${height}`}
          aria-label={`Graph of ${flow.nodes.length} steps`}
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
          {[...ways].map(([edge, points]) => (
            <path
              key={`${edge.from} ${edge.to}`}
              class={`edge ${spans && !isTaken(spans, edge.from, edge.to) ? 'idle' : ''} ${edge.label ? 'if' : ''}`}
              d={curve(points, isDown)}
              marker-end="url(#tip)"
            >
              <title>{`${edge.from} → ${edge.to}${edge.label ? ` when ${edge.label}` : ''}`}</title>
            </path>
          ))}
          {flow.nodes.map((node) => {
            const at = layout.nodes.get(node.id)
            if (!at) return null
            const span = spans?.get(node.id)
            const isPoint = node.type === 'start' || node.type === 'end' || node.type === 'route'
            const state = span?.state ?? (spans ? passed(node.id, ended) : 'none')
            const says = [node.id, node.type, spans ? state : '', node.desc ?? '']
              .filter(Boolean)
              .join(', ')
            const act = onChoose && {
              tabIndex: 0,
              role: 'button' as const,
              'aria-pressed': chosen === node.id,
              onClick: () => onChoose(chosen === node.id ? null : node.id),
              onKeyDown: (event: KeyboardEvent) => {
                if (event.key !== 'Enter' && event.key !== ' ') return
                event.preventDefault()
                onChoose(chosen === node.id ? null : node.id)
              },
            }
            return (
              <g
                key={node.id}
                class={`node s-${state} ${chosen === node.id ? 'chosen' : ''}`}
                transform={`translate(${at.x} ${at.y})`}
                aria-label={says}
                {...act}
              >
                <title>{says}</title>
                <rect width={box} height={HEIGHT} rx={isPoint ? HEIGHT / 2 : 7} />
                {spans && (
                  <g transform="translate(12 16)">
                    <Shape state={state === 'none' ? 'pending' : state} />
                  </g>
                )}
                <text x={spans ? 34 : 14} y={20} class="title">
                  {cut(node.id, Math.floor((box - (spans ? 40 : 20)) / 7.4))}
                </text>
                <text x={spans ? 34 : 14} y={36} class="kind">
                  {node.type}
                  {span?.items && ` ${span.items.done}/${span.items.total}`}
                </text>
              </g>
            )
          })}
        </svg>
      )}
    </div>
  )
}

function passed(id: string, ended: 'completed' | 'failed' | null): string {
  if (id === 'start') return 'completed'
  return id === 'end' && ended === 'completed' ? 'completed' : 'pending'
}

/** Whether a line was gone along, as far as can be told: both of its ends were there. */
function isTaken(spans: ReadonlyMap<string, Span>, from: string, to: string): boolean {
  const target = spans.get(to)
  const source = spans.get(from)
  const isSourceDone = from === 'start' || source?.state === 'completed'
  if (to === 'end' && target === undefined) return isSourceDone
  return isSourceDone && target !== undefined && target.state !== 'skipped'
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
