// Where the boxes and lines of a graph stand: in layers, after Sugiyama. Each step is in the layer behind the last
// that leads to it; lines across several layers bend at places that are kept free for them.

export interface Edge {
  from: string
  to: string
}

export interface Point {
  x: number
  y: number
}

export interface Layout {
  width: number
  height: number
  /** Left upper corners. */
  nodes: Map<string, Point>
  /** The points that a line goes through, from box to box; in the order of the edges. */
  lines: Point[][]
}

export interface Sizes {
  width: number
  height: number
  /** Between layers, and between boxes of one layer. */
  gap: number
  space: number
  direction: 'right' | 'down'
}

interface Place {
  id: string
  isReal: boolean
  layer: number
  /** Along the layer; the middle of the box. */
  at: number
}

export function layoutOf(ids: readonly string[], edges: readonly Edge[], sizes: Sizes): Layout {
  const forward = withoutCycles(ids, edges)
  const layers = layersOf(ids, forward)
  const { places, chains, links } = placed(ids, forward, layers)
  order(places, links)
  const isDown = sizes.direction === 'down'
  const across = isDown ? sizes.width : sizes.height
  const along = isDown ? sizes.height : sizes.width
  const extent = spread(places, links, across, sizes.space)
  const start = (layer: number) => layer * (along + sizes.gap)
  const point = (main: number, cross: number): Point =>
    isDown ? { x: cross, y: main } : { x: main, y: cross }
  const at = new Map(places.flat().map((place) => [place.id, place]))
  const nodes = new Map<string, Point>()
  for (const place of places.flat()) {
    if (place.isReal) nodes.set(place.id, point(start(place.layer), place.at - across / 2))
  }
  const lines = edges.map((edge, index) => {
    const chain = (chains[index] ?? []).flatMap((id) => at.get(id) ?? [])
    const isTurned = forward[index]?.from !== edge.from
    const points = chain.flatMap((place, n) => {
      const main = start(place.layer)
      // lines leave boxes behind and enter them in front; a free place is crossed
      if (n === 0) return [point(main + along, place.at)]
      if (n === chain.length - 1) return [point(main, place.at)]
      return [point(main, place.at), point(main + along, place.at)]
    })
    return isTurned ? points.reverse() : points
  })
  const length = Math.max(0, places.length * (along + sizes.gap) - sizes.gap)
  const { x: width, y: height } = point(length, extent)
  return { width, height, nodes, lines }
}

/** The edges with those turned round that lead back. */
function withoutCycles(ids: readonly string[], edges: readonly Edge[]): Edge[] {
  const targets = new Map<string, string[]>(ids.map((id) => [id, []]))
  for (const { from, to } of edges) targets.get(from)?.push(to)
  const state = new Map<string, 'open' | 'done'>()
  const back = new Set<string>()
  // without recursion, as a playbook may have 2,000 steps in a row
  for (const root of ids) {
    if (state.has(root)) continue
    const stack: [string, number][] = [[root, 0]]
    state.set(root, 'open')
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const [id, next] = top
      const to = targets.get(id)?.[next]
      top[1] += 1
      if (to === undefined) {
        state.set(id, 'done')
        stack.pop()
      } else if (state.get(to) === 'open') back.add(JSON.stringify([id, to]))
      else if (!state.has(to)) {
        state.set(to, 'open')
        stack.push([to, 0])
      }
    }
  }
  return edges.map(({ from, to }) =>
    back.has(JSON.stringify([from, to])) ? { from: to, to: from } : { from, to },
  )
}

function layersOf(ids: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const layer = new Map(ids.map((id) => [id, 0]))
  const open = new Map(ids.map((id) => [id, 0]))
  const targets = new Map<string, string[]>(ids.map((id) => [id, []]))
  for (const { from, to } of edges) {
    if (from === to) continue
    targets.get(from)?.push(to)
    open.set(to, (open.get(to) ?? 0) + 1)
  }
  const ready = ids.filter((id) => open.get(id) === 0)
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    for (const to of targets.get(id) ?? []) {
      layer.set(to, Math.max(layer.get(to) ?? 0, (layer.get(id) ?? 0) + 1))
      open.set(to, (open.get(to) ?? 0) - 1)
      if (open.get(to) === 0) ready.push(to)
    }
  }
  return layer
}

function placed(
  ids: readonly string[],
  edges: readonly Edge[],
  layers: ReadonlyMap<string, number>,
) {
  const places: Place[][] = []
  const put = (id: string, layer: number, isReal: boolean) => {
    while (places.length <= layer) places.push([])
    places[layer]?.push({ id, isReal, layer, at: 0 })
  }
  for (const id of ids) put(id, layers.get(id) ?? 0, true)
  const links: Edge[] = []
  const chains = edges.map(({ from, to }, index) => {
    const chain = [from]
    for (let layer = (layers.get(from) ?? 0) + 1; layer < (layers.get(to) ?? 0); layer++) {
      const id = `\0${index}.${layer}`
      put(id, layer, false)
      chain.push(id)
    }
    chain.push(to)
    for (let n = 1; n < chain.length; n++) {
      links.push({ from: chain[n - 1] ?? from, to: chain[n] ?? to })
    }
    return chain
  })
  return { places, chains, links }
}

function neighbours(links: readonly Edge[]) {
  const before = new Map<string, string[]>()
  const behind = new Map<string, string[]>()
  const add = (map: Map<string, string[]>, key: string, value: string) => {
    const known = map.get(key)
    if (known) known.push(value)
    else map.set(key, [value])
  }
  for (const { from, to } of links) {
    add(before, to, from)
    add(behind, from, to)
  }
  return { before, behind }
}

/** Orders each layer by where its neighbours stand, to and fro, so that few lines cross. */
function order(places: Place[][], links: readonly Edge[]): void {
  const { before, behind } = neighbours(links)
  const rank = new Map<string, number>()
  const note = (layer: readonly Place[]) =>
    layer.forEach(({ id }, n) => {
      rank.set(id, n)
    })
  places.forEach(note)
  for (let round = 0; round < 8; round++) {
    const isForth = round % 2 === 0
    for (const layer of isForth ? places : places.toReversed()) {
      const near = isForth ? before : behind
      const weight = new Map(
        layer.map(({ id }) => {
          const ranks = (near.get(id) ?? []).map((other) => rank.get(other) ?? 0)
          const mean = ranks.reduce((sum, value) => sum + value, 0) / ranks.length
          return [id, ranks.length > 0 ? mean : (rank.get(id) ?? 0)]
        }),
      )
      layer.sort((a, b) => (weight.get(a.id) ?? 0) - (weight.get(b.id) ?? 0))
      note(layer)
    }
  }
}

/** Moves boxes towards their neighbours as far as the order and the space between them allow. */
function spread(places: Place[][], links: readonly Edge[], across: number, space: number): number {
  const { before, behind } = neighbours(links)
  const at = new Map<string, Place>(places.flat().map((place) => [place.id, place]))
  const size = (place: Place) => (place.isReal ? across : Math.min(across, 16))
  const apart = (a: Place, b: Place) => (size(a) + size(b)) / 2 + space
  for (const layer of places) {
    layer.forEach((place, n) => {
      const last = layer[n - 1]
      place.at = last ? last.at + apart(last, place) : size(place) / 2
    })
  }
  for (let round = 0; round < 12; round++) {
    const isForth = round % 2 === 0
    for (const layer of isForth ? places : places.toReversed()) {
      const wanted = layer.map((place) => {
        const near = (isForth ? before : behind).get(place.id) ?? []
        const found = near.flatMap((id) => at.get(id)?.at ?? [])
        return found.length > 0
          ? found.reduce((sum, value) => sum + value, 0) / found.length
          : place.at
      })
      settle(layer, wanted, apart)
    }
  }
  const all = places.flat()
  const least = Math.min(...all.map((place) => place.at - size(place) / 2))
  for (const place of all) place.at -= least
  return Math.max(0, ...all.map((place) => place.at + size(place) / 2))
}

/** The places nearest to those wanted that keep the order and the distances: neighbours that collide share a block. */
function settle(
  layer: readonly Place[],
  wanted: readonly number[],
  apart: (a: Place, b: Place) => number,
): void {
  const blocks: { first: number; offsets: number[]; sum: number }[] = []
  const middle = (block: { offsets: number[]; sum: number }) => block.sum / block.offsets.length
  layer.forEach((_, n) => {
    blocks.push({ first: n, offsets: [0], sum: wanted[n] ?? 0 })
    for (;;) {
      const block = blocks.at(-1)
      const last = blocks.at(-2)
      if (!block || !last) return
      const a = layer[block.first - 1]
      const b = layer[block.first]
      if (!a || !b) return
      const end = middle(last) + (last.offsets.at(-1) ?? 0)
      if (end + apart(a, b) <= middle(block)) return
      const shift = (last.offsets.at(-1) ?? 0) + apart(a, b)
      last.sum += block.sum - shift * block.offsets.length
      last.offsets.push(...block.offsets.map((offset) => offset + shift))
      blocks.pop()
    }
  })
  for (const block of blocks) {
    block.offsets.forEach((offset, n) => {
      const place = layer[block.first + n]
      if (place) place.at = middle(block) + offset
    })
  }
}
