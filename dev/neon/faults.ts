/** The ways in which a request can go wrong on its way to the database and back. */
const KINDS = [
  'refuse',
  'reset_before',
  'reset_during',
  'reset_after',
  'http_500',
  'empty_400',
] as const
type Kind = (typeof KINDS)[number]

/** `skip` requests pass first; after `times` faults the rest pass (null: no end). */
export type FaultPlan = {
  application_name: string
  rate: number
  kinds: Kind[]
  seed: number
  skip: number
  times: number | null
}

type FaultStatus = FaultPlan & { seen: number; injected: Record<Kind, number> }

/** A fault to inject; an `empty_400` leaves the client in doubt, so it is executed in half of the cases. */
export type Fault = { kind: Kind; executed: boolean }

export type Faults = {
  set(plan: FaultPlan): void
  remove(name: string): boolean
  list(): FaultStatus[]
  /** Draws the fate of the next request of this name. */
  next(name: string): Fault | null
}

/** Faults by application name; the plan named `*` serves every name that has no plan of its own. */
export function createFaults(): Faults {
  const plans = new Map<string, { status: FaultStatus; random: () => number }>()
  return {
    set(plan) {
      plans.set(plan.application_name, {
        status: { ...plan, seen: 0, injected: noneInjected() },
        random: randomFrom(plan.seed),
      })
    },
    remove: (name) => plans.delete(name),
    list: () => [...plans.values()].map(({ status }) => status),
    next(name) {
      const plan = plans.get(name) ?? plans.get('*')
      if (plan === undefined) return null
      const { status, random } = plan
      status.seen++
      // always as many draws for a request, so that skip and times do not shift the sequence
      const [hit, which, executed] = [random(), random(), random()]
      const injected = Object.values(status.injected).reduce((sum, n) => sum + n, 0)
      const over = status.times !== null && injected >= status.times
      const kind = status.kinds[Math.floor(which * status.kinds.length)]
      if (status.seen <= status.skip || over || hit >= status.rate || kind === undefined)
        return null
      status.injected[kind]++
      const isExecuted = kind.startsWith('reset_') && kind !== 'reset_before'
      return { kind, executed: isExecuted || (kind === 'empty_400' && executed < 0.5) }
    },
  }
}

/** Reads a plan as it came over HTTP; a text says what is wrong with it. */
export function readPlan(body: unknown): FaultPlan | string {
  if (typeof body !== 'object' || body === null) return 'a fault plan is an object'
  const input: Record<string, unknown> = { ...body }
  const { application_name, rate = 1, kinds = [...KINDS], seed = 1, skip = 0, times = null } = input
  if (typeof application_name !== 'string') return 'application_name must be a text, or "*"'
  if (typeof rate !== 'number' || rate < 0 || rate > 1) return 'rate must be from 0 to 1'
  if (!Array.isArray(kinds) || kinds.length === 0 || !kinds.every(isKind)) {
    return `kinds must be some of ${KINDS.join(', ')}`
  }
  if (!isCount(seed) || !isCount(skip)) return 'seed and skip must be whole numbers from 0'
  if (times !== null && !isCount(times)) return 'times must be null or a whole number from 0'
  return { application_name, rate, kinds, seed, skip, times }
}

const isKind = (value: unknown): value is Kind => KINDS.some((kind) => kind === value)

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

const noneInjected = (): Record<Kind, number> => ({
  refuse: 0,
  reset_before: 0,
  reset_during: 0,
  reset_after: 0,
  http_500: 0,
  empty_400: 0,
})

/** Mulberry32: small, and the same sequence for the same seed everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
