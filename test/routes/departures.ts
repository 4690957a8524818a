// Where the server departs from NoETL's on purpose, and why. A departure that no reply shows is refused.
import { ABSENT, type Difference, isOf, type Shape } from './shape.ts'

/** In replies: what NoETL has at a place and what is there here. */
interface Departure {
  /** The operations; all if there are none. */
  on?: RegExp
  /** How the place ends: `/events/-/seq`, `/seq`. */
  at: RegExp
  was: Shape
  is: Shape
  why: string
}

/** In statuses: what NoETL answers to a request, and what is answered here. */
interface StatusDeparture {
  on?: RegExp
  was: number
  is: number
  why: string
}

const RUN = /^POST .*\/(run|execute)$/
const LOGS = /^GET .*\/(executions\/\{|data|events\/by-execution|events\/\{)/

const DEPARTURES: readonly Departure[] = [
  { at: /id$/, was: 'int64', is: 'id', why: 'ids are strings: readers of JSON round integers' },
  {
    at: /./,
    was: 'local',
    is: 'time',
    why: 'times are RFC 3339 in UTC: without an offset they mean nothing',
  },
  { at: /./, was: 'utc', is: 'time', why: 'one way to write UTC' },
  { on: RUN, at: /^\/timestamp$/, was: '=', is: 'time', why: 'it is known when the run began' },
  { on: RUN, at: /^\/start_time$/, was: null, is: 'time', why: 'it is known when the run began' },
  {
    on: /^GET \/api\/executions$/,
    at: /^\/-\/end_time$/,
    was: null,
    is: 'time',
    why: 'an execution that has ended has an end in the list as in the detail',
  },
  {
    on: /^GET \/api\/executions$/,
    at: /^\/-\/duration$/,
    was: null,
    is: 'number',
    why: 'the same',
  },
  {
    on: /^GET \/api\/executions$/,
    at: /^\/-\/result_omitted$/,
    was: ABSENT,
    is: true,
    why: 'large results are not listed, and the list says so',
  },
  {
    on: /^GET \/api\/executions$/,
    at: /^\/-\/labels$/,
    was: ABSENT,
    is: 'object',
    why: 'who starts a run says what to find it by',
  },
  {
    on: /^GET \/api\/executions\/\{/,
    at: /^\/duration$/,
    was: 'number',
    is: null,
    why: 'what has not ended has no duration',
  },
  {
    on: /^GET \/api\/executions\/\{/,
    at: /^\/waiting_for$/,
    was: ABSENT,
    is: [{ type: 'text', jobs: 'int', since: 'time' }],
    why: 'says what keeps an execution from going on',
  },
  {
    on: LOGS,
    at: /^\/events\/-\/normalized_status$/,
    was: ABSENT,
    is: 'status',
    why: "NoETL's page and its tests read it",
  },
  {
    on: /^GET .*\/(executions\/|data|events\/)/,
    at: /^\/events\/-\/seq$/,
    was: ABSENT,
    is: 'int',
    why: 'the order of the log, and where its next page begins',
  },
  {
    on: /^GET .*\/(executions\/|data|events\/)/,
    at: /^\/events\/-\/parent_event_id$/,
    was: ABSENT,
    is: 'id|null',
    why: 'it is stored, and explains the log',
  },
  {
    on: /\/deregister$/,
    at: /^\/runtime_id$/,
    was: null,
    is: 'id',
    why: 'says whether something of that name has registered',
  },
  {
    on: /^POST \/api\/catalog\/register$/,
    at: /^\/id$/,
    was: ABSENT,
    is: 'text',
    why: "NoETL's page reads it",
  },
  {
    on: /^POST \/api\/catalog\/register$/,
    at: /^\/resource_path$/,
    was: ABSENT,
    is: 'text',
    why: "NoETL's command line prints it",
  },
  {
    on: /^POST \/api\/catalog\/register$/,
    at: /^\/resource_version$/,
    was: ABSENT,
    is: 'int',
    why: "NoETL's command line prints it",
  },
  {
    on: /^POST \/api\/catalog\/register$/,
    at: /^\/created$/,
    was: ABSENT,
    is: 'bool',
    why: 'the same content again makes no version, and the reply says which it was',
  },
  {
    on: /^PUT \/api\/catalog\/playbook/,
    at: /^\/catalog_id$/,
    was: ABSENT,
    is: 'id',
    why: 'as registering answers',
  },
  {
    on: /^POST \/api\/catalog\/playbooks\/validate$/,
    at: /^\/faults$/,
    was: ABSENT,
    is: [{ pointer: 'text', detail: 'text', line: 'int', column: 'int' }],
    why: 'places of the faults that are no text to be taken apart',
  },
  {
    on: /^GET .*\/(pools|brokers)$/,
    at: /^\/items\/-\/uri$/,
    was: ABSENT,
    is: 'text|null',
    why: 'where the component is to be found',
  },
  {
    on: /^GET \/api\/dashboard\/stats$/,
    at: /^\/active_executions$/,
    was: ABSENT,
    is: 'int',
    why: "NoETL's page reads it",
  },
  {
    on: /^GET \/api\/dashboard\/stats$/,
    at: /^\/success_rate$/,
    was: ABSENT,
    is: 'number',
    why: "NoETL's page reads it",
  },
  {
    on: /^GET \/api\/dashboard\/stats$/,
    at: /^\/recent_executions$/,
    was: ABSENT,
    is: [
      {
        id: 'id',
        playbook_id: 'text',
        playbook_name: 'text',
        status: 'status',
        start_time: 'time',
        end_time: 'time|null',
        duration: 'number|null',
        progress: 'int',
        result: 'any',
        error: 'text|null',
        'result_omitted?': true,
      },
    ],
    why: "NoETL's page reads it",
  },
  {
    on: /^GET \/api\/dashboard\/widgets$/,
    at: /^\/widgets$/,
    was: [],
    is: [
      {
        id: 'text',
        type: '=metric',
        title: 'text',
        data: { value: 'number' },
        config: { format: 'text', color: 'text' },
      },
    ],
    why: 'there are figures to show',
  },
  {
    on: /^GET \/$/,
    at: /^\/message$/,
    was: 'text',
    is: ABSENT,
    why: 'there is no page that could be missing; it says what answers instead',
  },
  { on: /^GET \/$/, at: /^\/(name|version|docs)$/, was: ABSENT, is: 'text', why: 'the same' },
]

const STATUS_DEPARTURES: readonly StatusDeparture[] = [
  { was: 400, is: 422, why: 'wrong input is 422 everywhere' },
  { was: 500, is: 422, why: 'wrong input is no fault of the server' },
  { was: 500, is: 404, why: 'the same: what was meant to be 404 got lost on its way' },
  { was: 500, is: 409, why: 'the same' },
  { on: /\/catalog\/playbook/, was: 404, is: 422, why: 'there is no version 0: wrong input' },
  { was: 404, is: 200, why: 'clients call it, and it was missing, hidden by another, or broken' },
  { was: 405, is: 200, why: 'clients call it, and it was missing' },
  { was: 405, is: 404, why: 'the same' },
  { was: 405, is: 422, why: 'the same' },
  { was: 500, is: 200, why: 'it was broken, and does what it was meant to do' },
  {
    on: /^POST \/api\/events$/,
    was: 200,
    is: 422,
    why: 'what the log cannot trust is refused: unknown statuses, decisions that are not its own',
  },
  { on: /^POST \/api\/events$/, was: 200, is: 409, why: 'the log is never written over' },
  {
    on: /\/queue\/\{queue_id\}/,
    was: 200,
    is: 409,
    why: 'only who holds a lease may end it or put off its end',
  },
  {
    on: /\/catalog\//,
    was: 200,
    is: 422,
    why: 'a playbook that could never run is refused when it is registered',
  },
  {
    on: /\/catalog\/playbooks$/,
    was: 200,
    is: 404,
    why: 'the page asks for one playbook, and got all of them',
  },
  { on: /pool\/register$/, was: 422, is: 200, why: "NoETL's worker sends its labels as a list" },
  {
    on: /\/broker\//,
    was: 200,
    is: 404,
    why: 'brokers were not kept; now an unknown one is told to register',
  },
  {
    on: /\/broker\//,
    was: 200,
    is: 422,
    why: 'brokers were not kept; now they need a name',
  },
  { was: 200, is: 410, why: 'SQL for all comers, looks into the process, made-up tokens' },
  { was: 500, is: 410, why: 'metrics are read by Prometheus' },
]

const seen = new Set<Departure | StatusDeparture>()

const isAllowed = (on: RegExp | undefined, operation: string) => on?.test(operation) ?? true

/** Differences that not just one departure allows. */
export function unexplained(operation: string, found: readonly Difference[]) {
  return found.filter(({ at, wanted, got }) => {
    const all = DEPARTURES.filter(
      (departure) =>
        isAllowed(departure.on, operation) &&
        departure.at.test(at) &&
        wasWanted(departure.was, wanted) &&
        isOf(departure.is, got),
    )
    for (const departure of all) seen.add(departure)
    return all.length !== 1
  })
}

/** Whether a departure is from what was wanted; of `time|null` it may be from `time`. */
function wasWanted(was: Shape, wanted: Shape): boolean {
  if (JSON.stringify(was) === JSON.stringify(wanted)) return true
  return typeof wanted === 'string' && typeof was === 'string' && wanted.split('|').includes(was)
}

/** Whether one departure allows another status than NoETL's. */
export function isExplained(operation: string, was: number, is: number): boolean {
  const all = STATUS_DEPARTURES.filter(
    (departure) =>
      isAllowed(departure.on, operation) && departure.was === was && departure.is === is,
  )
  for (const departure of all) seen.add(departure)
  return all.length === 1
}

/** Departures that nothing has shown, or that are none. */
export function idle(): (Departure | StatusDeparture)[] {
  return [...DEPARTURES, ...STATUS_DEPARTURES].filter(
    (departure) => !seen.has(departure) || departure.was === departure.is,
  )
}
