// Many runs of a playbook done by worker processes that are killed and replaced, and what became of them.
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, type Json, type JsonObject } from '../src/json.ts'
import type { Server } from './server.ts'
import type { Assignment, Fortune, Mishap } from './stock-worker.ts'

export interface Load {
  name: string
  executions: number
  workers: number
  seed: number
  lease_seconds: number
  fortune: Fortune
  /** How long all may take. */
  limit_seconds: number
}

export interface Figures {
  catalog_id: string
  seconds: number
  completed: number
  kills: number
  lost_leases: number
  lost_reports: number
  failures: number
  stalls: number
  /** Leases of all jobs, and those among them that followed on one whose holder fell silent. */
  leases: number
  releases: number
  /** Completions that the server inferred, as their report was lost. */
  inferred: number
  /** Reports of an action's end that came after another had counted. */
  late: number
  events: number
  /** What ought not to be, each in a line. */
  faults: string[]
}

/** Nothing goes wrong. */
export const MILD: Fortune = { kill: 0, lose_lease: 0, lose_report: 0, fail: 0, stall: 0 }
/** One job in four falls silent, and one report in twenty never arrives. */
export const HARSH: Fortune = {
  kill: 0.03,
  lose_lease: 0.05,
  lose_report: 0.05,
  fail: 0.05,
  stall: 0.02,
}

const STEPS = ['one', 'two', 'three']
const CREDENTIAL = 'bench_worker'
const POLL_MS = 200
/** The platform fires the cron trigger each minute; waiting so long for what only it finds would tell nothing. */
const TICK_MS = 3_000

/** Three steps whose results the end shows. As many attempts as bad luck may need. */
function playbookOf(path: string): string {
  const step = (name: string, index: number) => `  - step: ${name}
    type: postgres
    auth: ${CREDENTIAL}
    command: select '{{ workload.word }}' as token
    retry: {max_attempts: 20}
    next: ${STEPS[index + 1] ?? 'end'}`
  const result = STEPS.map((name) => `${name}: "{{ ${name} }}"`).join(', ')
  return `metadata: {path: ${path}}
workload: {word: hello}
workflow:
  - {step: start, next: ${STEPS[0]}}
${STEPS.map(step).join('\n')}
  - {step: end, result: {${result}}}
`
}

/** Starts all runs back to back, has the workers do them, and looks at each. */
export async function runLoad(server: Server, load: Load): Promise<Figures> {
  const path = `bench/workers/${load.name}`
  const content = playbookOf(path)
  const { catalog_id } = await server.must('POST', '/api/catalog/register', { content })
  const credential = { name: CREDENTIAL, type: 'postgres', data: { db_password: 'secret' } }
  await server.must('POST', '/api/credentials', credential)

  const startedAt = performance.now()
  const crew = startCrew(server, load)
  const ids: string[] = []
  while (ids.length < load.executions) {
    const { execution_id } = await server.must('POST', '/api/executions/run', { catalog_id })
    ids.push(String(execution_id))
  }
  await untilEnded(server, `catalog_id=${catalog_id}`, load.limit_seconds)
  const seconds = (performance.now() - startedAt) / 1000
  const { kills, mishaps } = await crew.stop()

  const found: Finding[] = []
  for (const id of ids) found.push(await examine(server, id))
  const sum = (key: Exclude<keyof Finding, 'faults'>) =>
    found.reduce((total, { [key]: n }) => total + n, 0)
  return {
    catalog_id: String(catalog_id),
    seconds,
    completed: sum('completed'),
    kills,
    lost_leases: mishaps.get('lost_lease') ?? 0,
    lost_reports: mishaps.get('lost_report') ?? 0,
    failures: mishaps.get('failed') ?? 0,
    stalls: mishaps.get('stalled') ?? 0,
    leases: sum('leases'),
    releases: sum('silent'),
    inferred: sum('inferred'),
    late: sum('late'),
    events: sum('events'),
    faults: found.flatMap(({ faults }) => faults),
  }
}

/** Worker processes, each replaced when it was killed. */
function startCrew(server: Server, { workers, seed, lease_seconds, fortune }: Load) {
  const mishaps = new Map<Mishap, number>()
  const crew = new Set<ChildProcess>()
  let hired = 0
  let kills = 0
  let stopping = false

  const hire = () => {
    hired += 1
    const assignment: Assignment = {
      ...fortune,
      url: server.url.href,
      name: `worker-${hired}`,
      seed: seed * 10_000 + hired,
      lease_seconds,
      poll_ms: POLL_MS,
    }
    const child = fork(join(import.meta.dirname, 'stock-worker.ts'), [JSON.stringify(assignment)])
    crew.add(child)
    child.on('message', (mishap: Mishap) => mishaps.set(mishap, (mishaps.get(mishap) ?? 0) + 1))
    child.on('exit', (code, signal) => {
      crew.delete(child)
      if (signal === 'SIGKILL') kills += 1
      else if (!stopping) console.error(`a worker ended by itself with ${code ?? signal}`)
      if (!stopping) hire()
    })
  }
  for (let n = 0; n < workers; n++) hire()
  const ticking = tickUntil(server, () => stopping)

  return {
    async stop() {
      stopping = true
      for (const child of crew) if (child.connected) child.disconnect()
      while (crew.size > 0) await sleep(10)
      await ticking
      return { kills, mishaps }
    },
  }
}

async function tickUntil(server: Server, isOver: () => boolean): Promise<void> {
  for (let waited = 0; !isOver(); waited += 100) {
    if (waited > 0 && waited % TICK_MS === 0) await server.tick()
    await sleep(100)
  }
}

/** Waits until no run of the filter is open, or the time is over. */
async function untilEnded(server: Server, filter: string, limitSeconds: number): Promise<void> {
  const until = performance.now() + limitSeconds * 1000
  const open = `/api/executions?${filter}&status=running&limit=1`
  while (performance.now() < until) {
    const { body } = await server.call('GET', open)
    if (Array.isArray(body) && body.length === 0) return
    await sleep(100)
  }
}

interface Finding {
  completed: number
  leases: number
  silent: number
  inferred: number
  late: number
  events: number
  faults: string[]
}

/** Looks at one execution: that it completed, that each step ended once, and that one result counted. */
async function examine(server: Server, id: string): Promise<Finding> {
  const detail = await server.must('GET', `/api/executions/${id}`)
  const jobs = (await server.must('GET', `/api/queue?execution_id=${id}`)).items as JsonObject[]
  const events = detail.events as JsonObject[]
  const of = (type: string, step?: string) =>
    events.filter(
      ({ event_type, node_name }) =>
        event_type === type && (step === undefined || node_name === step),
    )
  const faults: string[] = []
  const check = (isSo: boolean, what: string) => {
    if (!isSo) faults.push(`execution ${id}: ${what}`)
  }
  check(detail.status === 'COMPLETED', `is ${detail.status} (${detail.error ?? 'no error'})`)
  check(detail.progress === 100, `progress is ${detail.progress}`)
  check(of('execution_complete').length === 1, 'has no single end')
  for (const step of STEPS) {
    for (const type of ['step_started', 'step_completed']) {
      check(of(type, step).length === 1, `${of(type, step).length} times ${type} of ${step}`)
    }
    const [end] = of('step_completed', step)
    const counted = of('action_completed', step).filter((e) => e.event_id === end?.parent_event_id)
    check(counted.length === 1, `${counted.length} results of ${step} counted`)
    const shown = isObject(detail.result) ? detail.result[step] : undefined
    const told = dataOf(counted[0]?.result)
    check(JSON.stringify(shown) === JSON.stringify(told), `another result of ${step} is shown`)
  }
  check(jobs.length === STEPS.length, `has ${jobs.length} jobs`)
  check(
    jobs.every(({ status }) => status === 'done'),
    'has jobs that are not done',
  )
  const leases = jobs.reduce((sum, { attempts }) => sum + Number(attempts), 0)
  const completed = of('action_completed')
  return {
    completed: detail.status === 'COMPLETED' ? 1 : 0,
    leases,
    silent: leases - jobs.length - of('action_retry').length,
    inferred: events.filter(({ meta }) => isObject(meta) && meta.inferred === true).length,
    late: completed.length - of('step_completed').length,
    events: events.length,
    faults,
  }
}

function dataOf(envelope: Json | undefined): Json | undefined {
  return isObject(envelope) && 'data' in envelope ? envelope.data : envelope
}
