// Which lines of two texts are the same (Myers, 1986).

export interface DiffLine {
  kind: 'same' | 'removed' | 'added'
  text: string
  /** Their numbers on either side. */
  left: number | null
  right: number | null
}

/** How many changes are looked for; beyond, all of the middle is shown as changed. */
const MOST = 1_000

export function diffOf(left: string, right: string): DiffLine[] {
  const a = left.split('\n')
  const b = right.split('\n')
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) {
    tail++
  }
  const kinds: DiffLine['kind'][] = [
    ...Array<DiffLine['kind']>(head).fill('same'),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...Array<DiffLine['kind']>(tail).fill('same'),
  ]
  let x = 0
  let y = 0
  return kinds.map((kind) => {
    if (kind === 'removed') return { kind, text: a[x++] ?? '', left: x, right: null }
    if (kind === 'added') return { kind, text: b[y++] ?? '', left: null, right: y }
    y++
    return { kind, text: a[x++] ?? '', left: x, right: y }
  })
}

function middle(a: readonly string[], b: readonly string[]): DiffLine['kind'][] {
  const trace: Map<number, number>[] = []
  let reach = new Map([[1, 0]])
  const get = (map: ReadonlyMap<number, number>, k: number) => map.get(k) ?? -1
  for (let d = 0; d <= Math.min(MOST, a.length + b.length); d++) {
    trace.push(reach)
    const next = new Map(reach)
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && get(reach, k - 1) < get(reach, k + 1))
      let x = isDown ? get(reach, k + 1) : get(reach, k - 1) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      next.set(k, x)
      if (x >= a.length && x - k >= b.length) return back(trace, a.length, b.length)
    }
    reach = next
  }
  return [...a.map(() => 'removed' as const), ...b.map(() => 'added' as const)]
}

function back(
  trace: readonly Map<number, number>[],
  width: number,
  height: number,
): DiffLine['kind'][] {
  const kinds: DiffLine['kind'][] = []
  let x = width
  let y = height
  for (let d = trace.length - 1; d >= 0; d--) {
    const reach = trace[d] ?? new Map<number, number>()
    const get = (k: number) => reach.get(k) ?? -1
    const k = x - y
    const isDown = k === -d || (k !== d && get(k - 1) < get(k + 1))
    const fromK = isDown ? k + 1 : k - 1
    const fromX = get(fromK)
    const fromY = fromX - fromK
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      kinds.push('same')
      x--
      y--
    }
    if (d > 0) {
      kinds.push(isDown ? 'added' : 'removed')
      x = fromX
      y = fromY
    }
  }
  return kinds.reverse()
}

/** The changes with so many lines around them; what lies between is a gap of so many lines. */
export function hunksOf(lines: readonly DiffLine[], around = 3): (DiffLine | { gap: number })[] {
  const near = new Set<number>()
  lines.forEach(({ kind }, n) => {
    if (kind === 'same') return
    for (let other = n - around; other <= n + around; other++) near.add(other)
  })
  const shown: (DiffLine | { gap: number })[] = []
  let gap = 0
  const close = () => {
    if (gap > 0) shown.push({ gap })
    gap = 0
  }
  lines.forEach((line, n) => {
    if (!near.has(n)) gap++
    else {
      close()
      shown.push(line)
    }
  })
  close()
  return shown
}
