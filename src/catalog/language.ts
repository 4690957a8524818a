// The playbook language in tables: which keys there are at each place, what their values may be, and what they
// mean. Registration checks by them (validate.ts), and the JSON Schema for editors is made of them.

// biome-ignore-all lint/suspicious/noThenProperty: a key of the language, and of JSON Schema

import { isObject, type Json, type JsonObject } from '../json.ts'
import { TARGETS_SCHEMA, targetFaults } from '../notification/target.ts'
import { END, ROUTERS, stepName } from './playbook.ts'
import {
  any,
  auth,
  base64,
  type Checking,
  checkForm,
  checkWhole,
  collection,
  count,
  edgeSeconds,
  element,
  encodedSql,
  expression,
  type Form,
  fixed,
  fixedFlag,
  fixedMapping,
  fixedNumber,
  flag,
  has,
  isCount,
  isTemplate,
  type Keys,
  mapping,
  mappingOrList,
  named,
  oneOrMore,
  order,
  refTo,
  type Shape,
  scalar,
  schemaOf,
  seconds,
  secondsOrNone,
  shapeOf,
  suggestion,
  TEMPLATE,
  text,
  texts,
  time,
  word,
} from './shapes.ts'
import {
  BODIES,
  CODES,
  CREDENTIALS,
  DATA_KEYS,
  PATHS,
  resolved,
  STATEMENTS,
  typeOf,
  URLS,
  WAITS,
} from './workbook.ts'
import type { Key } from './yaml.ts'

/** Where what does work stands: in the flow, or as a task of the workbook or of an iterator. */
type Place = 'step' | 'task'

/** Input under each of its names. */
const inputKeys = (shape: Shape, words: string): Keys =>
  Object.fromEntries(DATA_KEYS.map((key) => [key, [shape, words] as const]))

const STEP_NAME: Shape = {
  schema: { type: 'string' },
  check(value, at, { report, steps }) {
    if (typeof value !== 'string' || !steps.has(value)) {
      report(at, `no step is called '${String(value)}'`)
    }
  },
}

/** The name of a step, or a mapping with it. */
function wayOf(words: string, form: Form): Shape {
  return {
    schema: { anyOf: [STEP_NAME.schema, schemaOf(form)] },
    check(value, at, checking) {
      if (typeof value === 'string') STEP_NAME.check(value, at, checking)
      else if (isObject(value)) checkForm(form, value, words, at, checking)
      else checking.report(at, `${words} is a step name or a mapping with step`)
    },
  }
}

const TARGET_KEYS: Keys = {
  step: [STEP_NAME, 'The step to go on with.'],
  name: [STEP_NAME, 'The same as step.'],
  ...inputKeys(fixedMapping, 'What is passed on to the step.'),
}

const target = wayOf('a target', {
  keys: TARGET_KEYS,
  needs: [['step', 'name']],
  oneOf: [['step', 'name']],
})

const BRANCH = ['then', 'else']

const ways = oneOrMore(
  wayOf('a next item', {
    keys: {
      ...TARGET_KEYS,
      when: [expression, 'The condition under which it fires; always, if there is none.'],
      condition: [expression, 'The same as when.'],
      then: [oneOrMore(target), 'Where to go when the condition holds.'],
      else: [
        oneOrMore(target),
        'Where to go when it does not; alone in an item: when no condition before it in the list does.',
      ],
    },
    oneOf: [
      ['step', 'name'],
      ['when', 'condition'],
    ],
    instead: {
      pass: 'an item without a condition always fires',
      steps: 'write one item for each step',
    },
    also(item, at, { report }) {
      const branches = BRANCH.some((key) => has(item, key))
      const isConditional = has(item, 'when') || has(item, 'condition')
      if (!branches && !has(item, 'step') && !has(item, 'name')) {
        return report(at, 'a next item needs step, or then, or else')
      }
      const extra = branches ? Object.keys(TARGET_KEYS).find((key) => has(item, key)) : undefined
      if (extra !== undefined) {
        report([...at, extra], `${extra} stands with the target in then or else: {step: NAME, ..}`)
      }
      if (has(item, 'then') && !isConditional) report([...at, 'then'], 'then needs when')
    },
  }),
)

/** Every way on, of which an `else` alone must have conditions before it. */
const next: Shape = {
  schema: ways.schema,
  check(value, at, checking) {
    ways.check(value, at, checking)
    let isAfter = false
    for (const [index, item] of [value].flat().entries()) {
      if (!isObject(item)) continue
      if (has(item, 'when') || has(item, 'condition')) isAfter = true
      if (isAfter || !has(item, 'else')) continue
      const place = Array.isArray(value) ? [...at, index] : at
      checking.report([...place, 'else'], 'else needs when, or an item with when before it')
    }
  },
}

const MAX_ATTEMPTS = 100
const attempts = fixed(
  `a whole number from 1 to ${MAX_ATTEMPTS}`,
  { type: 'integer', minimum: 1, maximum: MAX_ATTEMPTS },
  (value) => isCount(value) && Number(value) <= MAX_ATTEMPTS,
)

const POLICY: Form = {
  keys: {
    max_attempts: [attempts, 'How often it is tried in all; 3 if nothing is said.'],
    initial_delay: [fixedNumber, 'Seconds before the second attempt; 1.'],
    max_delay: [fixedNumber, 'The longest time between two attempts, in seconds; 60.'],
    backoff_multiplier: [fixedNumber, 'By how much each delay is longer than the one before; 2.'],
    jitter: [fixedFlag, 'Whether delays vary at random; they do unless this is false.'],
    retry_when: [expression, 'Tries again only while this holds; sees error, status_code, result.'],
    stop_when: [expression, 'Tries no more when this holds.'],
  },
  instead: { delay: 'write initial_delay', attempts: 'write max_attempts' },
}

const policy = shapeOf('a retry', POLICY)
const retry: Shape = {
  schema: { anyOf: [{ type: 'boolean' }, attempts.schema, policy.schema] },
  check(value, at, checking) {
    if (typeof value === 'boolean') return
    if (isObject(value)) policy.check(value, at, checking)
    else if (typeof value === 'number') attempts.check(value, at, checking)
    else checking.report(at, 'retry is true, false, a number of attempts, or a mapping')
  },
}

const STORAGES = ['postgres', 'http', 'event', 'event_log']
const MAX_SAVES = 20

const SAVE_KEYS: Keys = {
  data: [any, 'What is saved; the result, if nothing is said.'],
  args: [any, 'The same as data.'],
  auth: [auth, 'The credential of the storage.'],
  credential: [auth, 'The same as auth.'],
  credentials: [auth, 'The same as auth.'],
  table: [text, 'postgres: where rows are inserted.'],
  mode: [word(['insert', 'upsert'], true), 'postgres: whether a row that is there is changed.'],
  key: [texts, 'postgres: columns that name a row, for upsert.'],
  keys: [texts, 'The same as key.'],
  statement: [text, 'postgres: SQL with $1 or :name, in place of table.'],
  params: [mappingOrList, 'Parameters of the statement; http: of the query.'],
  url: [text, 'http: the address.'],
  endpoint: [text, 'The same as url.'],
  method: [text, 'http: POST, if nothing is said.'],
  headers: [mapping, 'http: headers of the request.'],
}
const SAVE_PAIRS = [
  ['data', 'args'],
  CREDENTIALS,
  ['key', 'keys'],
  ['url', 'endpoint'],
  ['table', 'statement'],
]

const storageMapping = shapeOf('a storage', {
  keys: { type: [text, STORAGES.join(', ')], ...SAVE_KEYS },
  needs: [['type']],
})

const storage: Shape = {
  schema: { anyOf: [{ enum: STORAGES }, refTo('template'), storageMapping.schema] },
  check(value, at, checking) {
    if (isObject(value)) storageMapping.check(value, at, checking)
    else if (typeof value !== 'string') {
      checking.report(at, `storage is one of ${STORAGES.join(', ')}, or a mapping with type`)
    }
  },
}

const SAVE: Form = {
  keys: {
    storage: [storage, 'What it goes to: postgres, http, or event, which is the log itself.'],
    ...SAVE_KEYS,
  },
  also: checkSaved,
}
const saveMapping = shapeOf('a save', SAVE)
const oneSave: Shape = {
  schema: { anyOf: [{ enum: ['event', 'event_log'] }, refTo('template'), saveMapping.schema] },
  check(value, at, checking) {
    if (typeof value === 'string') checkSaved({ storage: value }, at, checking)
    else if (isObject(value)) saveMapping.check(value, at, checking)
    else checking.report(at, 'save is a storage, a mapping, or a list of these')
  },
}
const saves = oneOrMore(oneSave)
const save: Shape = {
  schema: saves.schema,
  check(value, at, checking) {
    if (Array.isArray(value) && value.length > MAX_SAVES) {
      checking.report(at, `a step has at most ${MAX_SAVES} saves`)
    } else saves.check(value, at, checking)
  },
}

/** Checks that a save has what its storage needs. */
function checkSaved(save: JsonObject, at: Key[], { report }: Checking): void {
  const inner = isObject(save.storage ?? null) ? (save.storage as JsonObject) : null
  const { type: _type, ...own } = inner ?? {}
  const whole: JsonObject = { ...save, ...own }
  const given = inner ? inner.type : save.storage
  const place = has(save, 'storage') ? [...at, 'storage'] : at
  for (const names of SAVE_PAIRS) {
    const [first, second] = names.filter((name) => has(whole, name))
    if (second !== undefined) report(at, `a save has ${first} and ${second}; write one of them`)
  }
  const kind = typeof given === 'string' ? given.trim().toLowerCase() : ''
  if (isTemplate(kind)) return
  if (kind !== '' && !STORAGES.includes(kind)) {
    const more = Object.hasOwn(KINDS, kind)
      ? `: save with a step of type ${kind} behind this one`
      : `; known are ${STORAGES.join(', ')}`
    return report(place, `a save cannot go to '${kind}'${more}`)
  }
  const needs = (...names: string[]) => {
    if (!names.some((name) => has(whole, name))) {
      report(at, `a save to ${kind} needs ${names.join(' or ')}`)
    }
  }
  if (kind === 'http') needs('url', 'endpoint')
  if (kind === 'postgres') {
    needs('table', 'statement')
    needs('auth', 'credential', 'credentials')
    const mode = String(whole.mode ?? 'insert').toLowerCase()
    if (mode === 'upsert') needs('key', 'keys')
    if (mode === 'insert' && (has(whole, 'key') || has(whole, 'keys')))
      report(at, 'key goes with mode: upsert')
  }
  const elsewhere = ['table', 'statement', 'url', 'endpoint'].find((key) => has(whole, key))
  if ((kind === '' || kind.startsWith('event')) && elsewhere !== undefined) {
    report(at, `a save with ${elsewhere} needs storage: what it goes to`)
  }
}

const ITERATION: Keys = {
  collection: [collection, 'What to iterate over: a list, or a template that gives one.'],
  element: [element, 'What templates call the item.'],
  where: [expression, 'Which items to take: an expression on the item.'],
  order_by: [order, 'What to sort the items by; a minus before it turns it round.'],
  limit: [count, 'How many items to take at most.'],
  chunk: [count, 'How many items make one batch; each iteration then gets a batch.'],
  mode: [word(['sequential', 'async', 'parallel']), 'Whether iterations run side by side.'],
  concurrency: [count, 'How many run at once with mode: async; 8.'],
  enumerate: [fixedFlag, 'Whether templates see index.'],
  on_error: [word(['fail', 'continue']), 'Whether the step fails when an item has failed.'],
}

/** What iterates one at a time has no use for a concurrency. */
function checkMode({ mode, concurrency }: JsonObject, at: Key[], { report }: Checking): void {
  const isAsync = /^(async|parallel)$/i.test(String(mode ?? ''))
  if (isAsync || concurrency == null || concurrency === 1) return
  report([...at, 'concurrency'], 'concurrency goes with mode: async')
}

const loop = shapeOf('a loop', {
  keys: {
    ...ITERATION,
    in: [collection, 'The same as collection.'],
    items: [collection, 'The same as collection.'],
    iterator: [element, 'The same as element.'],
    as: [element, 'The same as element.'],
    timeout: [seconds, 'Seconds that all iterations may take.'],
  },
  needs: [
    ['collection', 'in', 'items'],
    ['element', 'iterator', 'as'],
  ],
  oneOf: [
    ['collection', 'in', 'items'],
    ['element', 'iterator', 'as'],
  ],
  instead: {
    task: 'the step itself is the task of its loop',
    filter: 'write where',
    until: 'write where, or stop_when in retry',
  },
  also: checkMode,
})

const task = named('task', () => ({ schema: {}, check: checkTask }))

function checkTask(value: Json, at: Key[], checking: Checking): void {
  if (!isObject(value)) {
    return checking.report(
      at,
      'task is a mapping: {type: .., ..}; of the workbook: {type: workbook, task: NAME}',
    )
  }
  checkWork(value, 'task', at, checking)
  if (!doesWork(value, checking)) {
    checking.report(at, 'the task of an iterator needs a type, which says what each iteration does')
  }
}

const ITERATION_KEYS: Keys = {
  ...ITERATION,
  task: [task, 'What to do with each item: a step without a name.'],
}
const iteration = shapeOf('an iterator', { keys: ITERATION_KEYS })

/** What is done in parts is tried again in parts. */
function checkUntried(instead: string) {
  return (step: JsonObject, at: Key[], checking: Checking) => {
    if (has(step, 'retry')) checking.report([...at, 'retry'], `it takes no retry: ${instead}`)
  }
}

/** Checks that an iterator has what it needs, wherever that stands. */
function checkIterator(step: JsonObject, at: Key[], checking: Checking): void {
  const { report } = checking
  const own = isObject(step.iterator ?? null) ? (step.iterator as JsonObject) : {}
  const whole: JsonObject = { ...step, ...own }
  for (const key of Object.keys(own).filter((name) => has(step, name))) {
    report([...at, 'iterator', key], `${key} stands in the step, too; write one of them`)
  }
  if (!has(whole, 'collection')) {
    if (!has(whole, 'data')) report(at, 'an iterator needs collection: what it iterates over')
    else if (!Array.isArray(whole.data) && !isTemplate(whole.data))
      report([...at, 'data'], 'data is a list, if there is no collection')
  }
  if (has(whole, 'collection') && has(whole, 'data')) {
    report(
      [...at, 'data'],
      'data is what it iterates over, as collection is; input stands in its task',
    )
  }
  for (const key of ['element', 'task']) {
    if (!has(whole, key)) report(at, `an iterator needs ${key}`)
  }
  const place = has(own, 'concurrency') ? [...at, 'iterator'] : at
  checkMode(whole, place, checking)
}

const SQL: Keys = {
  command: [texts, 'SQL; several statements may stand in one text.'],
  commands: [texts, 'The same as command.'],
  sql: [texts, 'The same as command.'],
  query: [texts, 'The same as command.'],
  command_b64: [encodedSql, 'The same as command, in base64.'],
  commands_b64: [encodedSql, 'The same as command, in base64.'],
}
const CODE: Keys = {
  code: [text, 'The program, with a function main.'],
  code_b64: [base64, 'The program in base64.'],
}
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

interface Kind extends Form {
  words: string
  /** Keys that others have, and this one has no use for: each in its `instead`. */
  without?: readonly string[]
}

const insteadOf = (keys: readonly string[], words: string) =>
  Object.fromEntries(keys.map((key) => [key, words]))

/** Keys that mean nothing to what only says where to go. */
const WORKING = ['timeout', 'retry', ...CREDENTIALS, ...DATA_KEYS]
const NO_WORK = 'what only says where to go has no use for it; write a type (save, if it saves)'

const ROUTER: Kind = {
  words: 'Does nothing itself; its next says where to go.',
  keys: {},
  without: WORKING,
  instead: insteadOf(WORKING, NO_WORK),
}

/** What the server always runs itself. */
const EDGE: Keys = {
  timeout: [edgeSeconds, 'Seconds that an attempt may take, 600 at most; 15.'],
}
const MAYBE_EDGE: Keys = {
  timeout: [seconds, 'Seconds that an attempt may take; the server gives 600 at most.'],
}
const NO_AUTH = insteadOf(CREDENTIALS, 'it asks nobody; leave it out')
const OF_TASKS = [...CREDENTIALS, ...DATA_KEYS.filter((key) => key !== 'data')]

/** Step types, and the keys that each has beside those that all have. */
const KINDS: Readonly<Record<string, Kind>> = {
  http: {
    words: 'Sends a request.',
    keys: {
      ...MAYBE_EDGE,
      url: [text, 'The address.'],
      endpoint: [text, 'The same as url.'],
      method: [word(METHODS, true), 'GET, if nothing is said.'],
      headers: [mapping, 'Headers of the request.'],
      params: [mapping, 'Parameters of the query.'],
      query: [mapping, 'More of them.'],
      json: [any, 'The body.'],
      payload: [any, 'The same as json.'],
      body: [any, 'The same as json.'],
      data: [any, 'The query of a GET or DELETE, the body of others; or {query, body}.'],
    },
    needs: [URLS],
    oneOf: [URLS, BODIES],
  },
  postgres: {
    words: "Runs SQL in a credential's database.",
    keys: {
      ...MAYBE_EDGE,
      ...SQL,
      params: [mappingOrList, 'Values of :name or $1; of several statements, a list of them.'],
      transaction: [flag, 'Whether all statements take effect or none; each by itself if false.'],
    },
    needs: [STATEMENTS],
    oneOf: [STATEMENTS],
  },
  python: {
    words: 'Runs Python on a worker.',
    keys: CODE,
    oneOf: [CODES],
    also(step, at, { report }) {
      if (CODES.some((key) => has(step, key))) return
      const idle = WORKING.find((key) => has(step, key))
      if (idle !== undefined) report([...at, idle], `without code it does nothing with ${idle}`)
    },
  },
  duckdb: {
    words: 'Runs SQL in DuckDB on a worker.',
    keys: { ...SQL, database: [text, 'The database file.'] },
    oneOf: [STATEMENTS],
  },
  snowflake: {
    words: 'Runs SQL in Snowflake on a worker.',
    keys: {
      ...SQL,
      account: [text, 'The account.'],
      database: [text, 'The database.'],
      schema: [text, 'The schema.'],
      warehouse: [text, 'The warehouse.'],
      role: [text, 'The role.'],
    },
    oneOf: [STATEMENTS],
  },
  secrets: {
    words: 'Reads a secret.',
    keys: {
      ...EDGE,
      provider: [text, 'Who keeps it: env, a secret of the Worker; or credential.'],
      secret_name: [text, 'What it is called.'],
      key: [text, 'The same as secret_name.'],
      field: [text, 'credential: which of its fields.'],
      project_id: [text, 'For a worker: the project.'],
      version: [scalar, 'For a worker: which version.'],
    },
    needs: [['secret_name', 'key', 'credential', 'auth']],
    oneOf: [['secret_name', 'key']],
  },
  javascript: {
    words: 'Runs main(input, context) in an isolate of its own.',
    keys: { ...EDGE, ...CODE, egress: [texts, 'Hosts that it may ask; none, if nothing is said.'] },
    needs: [CODES],
    oneOf: [CODES],
  },
  transform: {
    words: 'Gives its data, rendered.',
    keys: { ...EDGE, data: [any, 'Templates of the result.'] },
    without: CREDENTIALS,
    instead: NO_AUTH,
    needs: [['data']],
  },
  wait: {
    words: 'Waits.',
    keys: {
      seconds: [secondsOrNone, 'For how many seconds.'],
      for: [secondsOrNone, 'The same as seconds.'],
      until: [time, 'Until when.'],
    },
    without: ['timeout', ...CREDENTIALS],
    instead: {
      ...NO_AUTH,
      timeout: 'it takes the time that it says; timeout of the playbook limits all of it',
    },
    needs: [WAITS],
    oneOf: [WAITS],
  },
  workbook: {
    words: 'Does a task of the workbook; keys of its own count over those of the task.',
    keys: {
      task: [text, 'The task.'],
      name: [text, 'The same as task.'],
    },
  },
  playbook: {
    words: 'Runs another playbook; its result is that of its end.',
    keys: {
      path: [text, 'Where it stands in the catalog.'],
      resource_path: [text, 'The same as path.'],
      version: [scalar, 'Which version; the latest, if nothing is said.'],
      merge: [flag, 'Whether input is merged into the workload in depth.'],
    },
    needs: [PATHS],
    oneOf: [PATHS],
    also: checkUntried('its steps have retries of their own'),
    instead: {
      return_step: "the result is that of the playbook's end: write result there",
      content: 'register that playbook and name its path',
    },
  },
  save: {
    words: 'Saves data.',
    keys: { ...EDGE, ...SAVE.keys },
    also(step, at, checking) {
      if (!has(step, 'save')) return checkSaved(step, at, checking)
      const own = Object.keys(SAVE.keys).find((key) => has(step, key) && !DATA_KEYS.includes(key))
      if (own !== undefined) checking.report([...at, own], `${own} stands in save`)
    },
  },
  iterator: {
    words: 'Does a task with each item of a collection.',
    keys: {
      ...ITERATION_KEYS,
      data: [any, 'The same as collection, if there is none.'],
      iterator: [iteration, 'All of these keys in one mapping.'],
    },
    without: OF_TASKS,
    instead: insteadOf(OF_TASKS, 'an iterator does nothing with it; write it in its task'),
    also(step, at, checking) {
      checkUntried('its task has one of its own')(step, at, checking)
      checkIterator(step, at, checking)
    },
  },
  ...Object.fromEntries([...ROUTERS].map((type) => [type, ROUTER])),
}

const TYPES = Object.keys(KINDS)

const type: Shape = {
  schema: { enum: TYPES },
  check(value, at, { report, refused }) {
    const known = typeof value === 'string' ? value.trim().toLowerCase() : null
    if (known === null || (known !== '' && !Object.hasOwn(KINDS, known))) {
      const meant = suggestion(known ?? '', TYPES)
      const more = meant === null ? '' : `; ${meant}`
      report(at, `unknown step type '${String(value)}'; known are ${TYPES.join(', ')}${more}`)
    }
    const reason = known === null ? undefined : refused.get(known)
    if (reason !== undefined) report(at, reason)
  },
}

const credentials = fixed(
  'the name of a credential, a mapping or a list',
  { type: ['string', 'object', 'array'] },
  (value) => typeof value === 'string' || typeof value === 'object',
)

const COMMON: Keys = {
  desc: [text, 'What it is for.'],
  description: [text, 'The same as desc.'],
  type: [type, 'What it does; without a type it only says where to go.'],
  timeout: [seconds, 'Seconds that an attempt may take; for playbook and iterator: all of it.'],
  retry: [named('retry', () => retry), 'Whether an attempt that failed is made again.'],
  save: [named('save', () => save), 'Saves the result when it is there.'],
  loop: [named('loop', () => loop), 'Does the step for each item of a collection.'],
  auth: [auth, 'The name of a credential.'],
  credential: [auth, 'The same as auth.'],
  credentials: [credentials, 'The same as auth; several, by name, for a worker.'],
  ...inputKeys(
    mapping,
    `Input; where several say the same, the later counts: ${DATA_KEYS.join(', ')}.`,
  ),
}

const PLACES: Readonly<Record<Place, Keys>> = {
  step: {
    step: [text, 'The name of the step.'],
    name: [text, 'The same as step.'],
    next: [named('next', () => next), 'Where to go on; all items whose conditions hold fire.'],
    result: [fixedMapping, "Of the step 'end': templates of the execution's result."],
  },
  task: {
    name: [text, 'What the task is called.'],
    task: [text, 'The same as name.'],
    step: [text, 'The same as name.'],
  },
}

/** Keys that NoETL's playbooks have, or their authors expect, and what to write instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  assert: 'write what must hold as when in next',
  pass: 'a step without a type does nothing but go on',
  return_step: 'a playbook gives what its end has as result',
  condition: 'write when in the next of the step before',
  when: 'write it in the next of the step before',
  run: 'write command (SQL), code, or task (of the workbook)',
  content: 'a playbook step runs what is registered: write path',
  env: 'pass values as input',
  on_error: 'it is for iterators; a step that fails ends the execution, after its retry',
  then: 'it stands in next',
  else: 'it stands in next',
}
const INSTEAD_IN_TASKS = {
  ...INSTEAD,
  next: 'a task has none; it stands in the step',
  result: "it is for the step called 'end'",
}

const forms = new Map<string, Form>()

/** The form of what does work: its own keys, those of its place, and those that all have. */
function formOf(kind: string | null, place: Place): Form {
  const id = `${place} ${kind}`
  const known = forms.get(id)
  if (known) return known
  const own = kind === null ? ROUTER : (KINDS[kind] ?? ROUTER)
  const { needs = [], oneOf = [], without = [], also } = own
  const keys = { ...COMMON, ...PLACES[place], ...own.keys }
  for (const key of without) delete (keys as Record<string, unknown>)[key]
  const isNamedTwice = place === 'step' && !('name' in own.keys)
  const form: Form = {
    keys,
    needs,
    oneOf: [
      ['desc', 'description'],
      ...(isNamedTwice ? [['step', 'name']] : []),
      ...(kind === 'http' || kind === 'postgres' ? [CREDENTIALS] : []),
      ...oneOf,
    ],
    instead: { ...(place === 'step' ? INSTEAD : INSTEAD_IN_TASKS), ...own.instead },
    ...(also && { also }),
  }
  forms.set(id, form)
  return form
}

/** Whether a step does anything, and does not only say where to go. */
function doesWork(step: JsonObject, { tasks }: Checking): boolean {
  const whole = resolved(step, tasks)
  // a reference that leads nowhere is told elsewhere
  if (whole === null || has(whole, 'save')) return true
  const kind = typeOf(whole)
  if (kind === 'python') return CODES.some((key) => has(whole, key))
  return kind !== null && (KINDS[kind] ?? null) !== ROUTER
}

/** Checks a step of the workflow. */
export function checkStep(step: JsonObject, at: Key[], checking: Checking): void {
  checkWork(step, 'step', at, checking)
  if (has(step, 'result') && stepName(step) !== END) {
    checking.report(
      [...at, 'result'],
      "result is for the step called 'end'; write a transform step",
    )
  }
}

/** Checks what does work: keys, values, and what its type needs. */
export function checkWork(step: JsonObject, place: Place, at: Key[], checking: Checking): void {
  const given = typeOf(step)
  const kind = given !== null && Object.hasOwn(KINDS, given) ? given : null
  const form = formOf(kind, place)
  const words = kind === null ? `a ${place} without a type` : `${articleOf(kind)} ${kind} ${place}`
  if (kind === 'workbook') checkReference(step, form, place, at, checking)
  else if (given === null || kind !== null) checkForm(form, step, words, at, checking, ownersOf)
  else checkCommon(step, { ...COMMON, ...PLACES[place] }, at, checking)
  if (has(step, 'loop') && !doesWork(step, checking)) {
    checking.report([...at, 'loop'], 'a loop needs a type, which says what each iteration does')
  }
}

/** Checks what stands for a task: its own keys are those of the task, and so is what both come to. */
function checkReference(
  step: JsonObject,
  form: Form,
  place: Place,
  at: Key[],
  checking: Checking,
): void {
  const whole = resolved(step, checking.tasks)
  const type = whole && typeOf(whole)
  const meant = type !== null && Object.hasOwn(KINDS, type) ? type : null
  const own = whole === null ? form : formOf(meant, place)
  const { keys, instead = {} } = own
  const all = { ...form, keys: { ...keys, ...KINDS.workbook?.keys }, instead }
  checkForm(all, step, `a workbook ${place}`, at, checking, ownersOf)
  if (whole === null) return
  const words = meant === null ? 'its task' : `${articleOf(meant)} ${meant} task`
  checkWhole(formOf(meant, 'task'), whole, words, at, checking)
}

/** Of a type that is not known, the keys that all have are. */
function checkCommon(step: JsonObject, keys: Keys, at: Key[], checking: Checking): void {
  const entries = Object.entries(step).filter(([key]) => Object.hasOwn(keys, key))
  checkForm({ keys }, Object.fromEntries(entries), 'a step', at, checking)
}

/** Says which types have a key. */
function ownersOf(key: string): string | null {
  const owners = TYPES.filter((one) => Object.hasOwn(KINDS[one]?.keys ?? {}, key))
  return owners.length === 0 ? null : `it is for ${owners.join(', ')}`
}

function articleOf(word: string): string {
  return /^([aeio]|http)/.test(word) ? 'an' : 'a'
}

const notify: Shape = {
  schema: TARGETS_SCHEMA,
  check(value, at, { report }) {
    for (const fault of targetFaults(value)) report([...at, ...fault.at], fault.detail)
  },
}

const PLAYBOOK: Form = {
  keys: {
    apiVersion: [text, 'noetl.io/v1'],
    kind: [text, 'Playbook'],
    metadata: [
      fixedMapping,
      'What it is: path (where it stands in the catalog), name, description, and more.',
    ],
    path: [text, 'The same as metadata.path.'],
    name: [text, 'The same as metadata.name.'],
    description: [text, 'The same as metadata.description.'],
    workload: [
      fixedMapping,
      'Values that templates see as workload; parameters of a run are laid over them.',
    ],
    workflow: [listOf('step'), "The steps; the first is called 'start', the last 'end'."],
    steps: [listOf('step'), 'The same as workflow.'],
    workbook: [listOf('task'), 'Tasks that steps of type workbook name.'],
    timeout: [seconds, 'Seconds that an execution may take in all.'],
    notify: [notify, 'Who is told of its end: addresses, or {url, credential}; at most 5.'],
  },
  oneOf: [['workflow', 'steps']],
  instead: {
    version: 'versions are counted as they are registered',
    vars: 'write workload',
    env: 'write workload',
    tasks: 'write workbook',
  },
}

/** What stands in a list is checked with its names (validate.ts). */
function listOf(name: string): Shape {
  return { ...any, schema: { type: 'array', items: refTo(name) } }
}

/** Checks the keys of a playbook. */
export function checkTop(payload: JsonObject, checking: Checking): void {
  checkForm(PLAYBOOK, payload, 'a playbook', [], checking)
}

/** The form that steps and tasks have in common. */
function schemaOfKind(kind: string | null): JsonObject {
  const form = formOf(kind, 'step')
  const description = kind === null ? ROUTER.words : (KINDS[kind]?.words ?? '')
  const schema = schemaOf({ ...form, keys: { ...PLACES.task, ...form.keys } })
  // its other keys are those of the task
  return { description, ...schema, ...(kind === 'workbook' && { additionalProperties: true }) }
}

/** The language as JSON Schema, for editors. */
export function languageSchema(): JsonObject {
  const ofType = (schema: JsonObject, then: JsonObject) => ({
    if: { properties: { type: schema }, required: ['type'] },
    then,
  })
  const typed = {
    type: 'object',
    properties: { type: { description: COMMON.type?.[1] ?? '', ...type.schema } },
    allOf: [
      ...TYPES.map((kind) => ofType({ const: kind }, refTo(`${kind}_type`))),
      { if: { not: { required: ['type'] } }, then: refTo('no_type') },
    ],
  }
  const hasTask = ofType({ enum: TYPES.filter((kind) => 'task' in (KINDS[kind]?.keys ?? {})) }, {})
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Playbook',
    description: 'A playbook. Fixed words may be written in any case of the letters.',
    ...schemaOf(PLAYBOOK),
    $defs: {
      template: TEMPLATE,
      next: next.schema,
      retry: retry.schema,
      save: save.schema,
      loop: loop.schema,
      step: {
        allOf: [refTo('typed'), { ...hasTask, else: { properties: { task: false } } }],
        anyOf: [{ required: ['step'] }, { required: ['name'] }],
      },
      task: { allOf: [refTo('typed')], properties: { next: false, result: false } },
      typed,
      no_type: schemaOfKind(null),
      ...Object.fromEntries(TYPES.map((kind) => [`${kind}_type`, schemaOfKind(kind)])),
    },
  }
}
