// Every key is of the language, or refused at its place with what to write instead.
// biome-ignore-all lint/suspicious/noThenProperty: a key of the language
import { describe, expect, test } from 'vitest'
import { readPlaybook } from '../../src/catalog/validate.ts'
import type { Json, JsonObject } from '../../src/json.ts'
import { newClient } from '../support.ts'

const WORKBOOK = [
  { name: 'fetch', type: 'http', url: 'u', data: { a: 1 } },
  { name: 'again', type: 'workbook', task: 'fetch' },
  { name: 'call', type: 'playbook', path: 'p' },
  { name: 'nap', type: 'wait', seconds: 1 },
  {
    name: 'each',
    type: 'iterator',
    collection: [1],
    element: 'x',
    task: { type: 'python', code: 'x' },
  },
]
/** What steps of some types need. */
const MINIMAL: Record<string, JsonObject> = {
  transform: { data: 1 },
  javascript: { code: 'x' },
  secrets: { key: 'k' },
  save: { storage: 'event' },
}
const refused = new Map([['javascript', 'no javascript here']])

/** What is wrong, as `pointer: detail`; each fault has a line and a column. */
function faultsIn(payload: JsonObject, options = {}): string[] {
  const whole = { path: 'p', workflow: [{ step: 'start' }], ...payload }
  const { faults } = readPlaybook(JSON.stringify(whole, null, 1), 'playbook', options)
  for (const fault of faults)
    expect(fault).toMatchObject({ line: expect.any(Number), column: expect.any(Number) })
  return faults.map(({ pointer, detail }) => `${pointer}: ${detail}`)
}

/** The same of a step between `start` and `end`. */
function faultsOf(step: JsonObject): string[] {
  const workflow = [{ step: 'start' }, { step: 'a', ...step }, { step: 'end' }]
  return faultsIn({ workflow, workbook: WORKBOOK }).map((fault) => fault.replace('/workflow/1', ''))
}

const HTTP = { type: 'http', url: 'u' }
const ITERATOR = { type: 'iterator', collection: [1], element: 'item', task: HTTP }
const SQL = btoa('select {{ workload.n }}')

describe('a step is taken', () => {
  const TAKEN: Record<string, JsonObject> = {
    'without a type': { desc: 'd', next: 'end' },
    'with keys of its author': { 'x-note': [1], 'x-': 1 },
    'with all that steps have': {
      ...HTTP,
      description: 'd',
      timeout: 0.5,
      retry: 3,
      save: 'event',
      auth: { type: 'bearer', key: 'k' },
      input: { a: 1 },
      args: '{{ a }}',
      with: {},
    },
    'with templates for anything that is rendered': {
      ...HTTP,
      timeout: '{{ t }}',
      method: '{{ m }}',
      headers: '{{ h }}',
      params: '{% if x %}{}{% endif %}',
    },
    'without values': { timeout: null, next: null, retry: null, save: null, loop: null, type: '' },
    'of type http, in any case of the letters': { type: ' HTTP ', endpoint: 'u', method: 'patch' },
    'of type http, with a body': { ...HTTP, json: [1], query: { a: 1 }, params: {}, data: 'x' },
    'of type postgres': {
      type: 'postgres',
      commands: ['a', 'b'],
      params: [[1]],
      transaction: false,
    },
    'of type postgres, in base64': { type: 'postgres', command_b64: SQL },
    'of type python': { type: 'python', code: '{{ braces }' },
    'of type python, as a place in the flow': { type: 'python' },
    'of type duckdb': { type: 'duckdb', query: 'q', database: 'd' },
    'of type snowflake': {
      type: 'snowflake',
      command: 'c',
      warehouse: 'w',
      credentials: [{ a: 1 }],
    },
    'of type secrets': { type: 'secrets', provider: 'gcp', project_id: 'p', secret_name: 's' },
    'of type javascript': { type: 'javascript', code: 'x', egress: ['*.example.org'] },
    'of type transform': { type: 'transform', data: [{ a: '{{ b }}' }] },
    'of type wait': { type: 'wait', seconds: 0 },
    'of type wait, in another word': { type: 'wait', for: '{{ n }}' },
    'of type wait, until': { type: 'wait', until: '2026-01-31T12:00:00Z' },
    'of type playbook': { type: 'playbook', path: 'p', version: 3, merge: true, with: { a: 1 } },
    'of type workbook': { type: 'workbook', task: 'fetch', method: 'POST', data: { b: 1 } },
    'of type workbook, by name': { type: 'workbook', name: 'again' },
    'of type save': { type: 'save', save: 'event' },
    'of type save, with the keys in the step': {
      type: 'save',
      storage: 'postgres',
      auth: 'k',
      table: 't',
      data: [1],
    },
    'of type iterator': {
      ...ITERATOR,
      where: '{{ item > 1 }}',
      order_by: ['-item.a', 'item.b'],
      limit: 5,
      chunk: '{{ n }}',
      mode: 'Async',
      concurrency: 4,
      enumerate: true,
      on_error: 'continue',
    },
    'of type iterator, in a mapping': {
      type: 'iterator',
      iterator: { ...ITERATOR, type: undefined } as never,
    },
    'of type iterator, over data': { ...ITERATOR, collection: null, data: [1] },
    'of type iterator, over playbooks': { ...ITERATOR, task: { type: 'playbook', path: 'p' } },
    'of type iterator, over the workbook': {
      ...ITERATOR,
      task: { type: 'workbook', name: 'again' },
    },
    'of type iterator, over iterators': { ...ITERATOR, task: { ...ITERATOR, save: 'event' } },
    'with a loop': { ...HTTP, loop: { in: '{{ xs }}', as: 'x', mode: 'parallel' } },
    'with a loop and a save alone': { save: 'event', loop: { items: { a: [] }, iterator: 'x' } },
    'with saves': {
      ...HTTP,
      save: [
        'event_log',
        { data: 1 },
        { storage: 'http', url: 'u', method: 'PUT', headers: {} },
        { storage: { type: 'postgres', table: 't', auth: 'a', mode: 'upsert', key: ['a', 'b'] } },
        { storage: 'postgres', credential: 'c', statement: 's', params: { a: 1 } },
        { storage: '{{ s }}' },
      ],
    },
    'with a retry': {
      ...HTTP,
      retry: { max_attempts: 2, initial_delay: 0, jitter: false, stop_when: 'x' },
    },
    'with a retry that is none': { ...HTTP, retry: false },
    'with next items of every form': {
      next: [
        'end',
        { step: 'end', when: 'x > 1', data: { a: '{{ b }}' } },
        { name: 'end', condition: true },
        { when: '{{ x }}', then: 'end', else: [{ step: 'start', with: {} }, 'end'] },
        { when: 'x', else: 'end' },
        { else: { name: 'end' }, 'x-why': 1 },
      ],
    },
    'with braces in an expression': { next: { step: 'end', when: "'{{ x' in a" } },
  }
  test.each(Object.entries(TAKEN))('%s', (_name, step) => {
    expect(faultsOf(step)).toEqual([])
  })
})

describe('a step is refused', () => {
  const task = (rest: JsonObject) => ({ ...ITERATOR, task: rest })
  const REFUSED: [step: JsonObject, ...faults: string[]][] = [
    // keys
    [{ ...HTTP, metod: 'GET' }, "/metod: an http step has no key 'metod'; did you mean 'method'?"],
    [{ ...HTTP, qwertz: 1 }, "/qwertz: an http step has no key 'qwertz'"],
    [{ ...HTTP, seconds: 1 }, "/seconds: an http step has no key 'seconds'; it is for wait"],
    [{ url: 'u' }, "/url: a step without a type has no key 'url'; it is for http, save"],
    [{ neext: 'a' }, "/neext: a step without a type has no key 'neext'; did you mean 'next'?"],
    [{ ...HTTP, name: 'b' }, '/name: an http step has step and name; write one of them'],
    [
      { ...HTTP, auth: 'a', credential: 'b' },
      '/credential: an http step has auth and credential; write one of them',
    ],
    [{ assert: {} }, "/assert: 'assert' is not supported: write what must hold as when in next"],
    [
      { pass: true },
      "/pass: 'pass' is not supported: a step without a type does nothing but go on",
    ],
    [
      { type: 'playbook', path: 'p', return_step: 'x' },
      "/return_step: 'return_step' is not supported: the result is that of the playbook's end: write result there",
    ],
    [
      { condition: 'x' },
      "/condition: 'condition' is not supported: write when in the next of the step before",
    ],
    [
      { run: 'x' },
      "/run: 'run' is not supported: write command (SQL), code, or task (of the workbook)",
    ],
    [
      { type: 'playbook', path: 'p', content: 'x' },
      "/content: 'content' is not supported: register that playbook and name its path",
    ],
    [{ then: 'end' }, "/then: 'then' is not supported: it stands in next"],
    [{ result: {} }, "/result: result is for the step called 'end'; write a transform step"],
    [
      { ...HTTP, task: 'fetch' },
      "/task: an http step has no key 'task'; it is for workbook, iterator",
    ],
    // types
    [
      { type: 'htpp' },
      expect.stringMatching(
        /^\/type: unknown step type 'htpp'; known are http, .*; did you mean 'http'\?$/,
      ),
    ],
    [
      { type: 7, retry: [] },
      expect.stringContaining('/type: unknown'),
      expect.stringContaining('/retry: '),
    ],
    // values
    [{ ...HTTP, timeout: 0 }, '/timeout: timeout is a number of seconds above 0, or a template'],
    [
      { ...HTTP, timeout: '30s' },
      '/timeout: timeout is a number of seconds above 0, or a template',
    ],
    [{ type: 'javascript', code: 'x', data: [1] }, '/data: data is a mapping, or a template'],
    [{ desc: {} }, '/desc: desc is a text'],
    [{ ...HTTP, auth: 1 }, '/auth: auth is the name of a credential, or a mapping'],
    [{ ...HTTP, method: 'FETCH' }, expect.stringContaining('/method: method is one of GET, POST')],
    [{ ...HTTP, headers: [] }, '/headers: headers is a mapping, or a template'],
    [
      { type: 'playbook', path: 'p', merge: 'yes' },
      '/merge: merge is true or false, or a template',
    ],
    [{ type: 'postgres', commands: ['a', 5] }, '/commands: commands is a text or a list of texts'],
    [
      { type: 'postgres', sql: 'a', query: 'b' },
      '/query: a postgres step has sql and query; write one of them',
    ],
    [
      { type: 'postgres', command_b64: btoa('select {{') },
      expect.stringMatching(/^\/command_b64: template: /),
    ],
    [{ type: 'python', code_b64: '*' }, '/code_b64: code_b64 is not base64 of UTF-8 text'],
    // time limits
    ...['transform', 'javascript', 'secrets', 'save'].map((type): [JsonObject, string] => [
      { ...MINIMAL[type], type, timeout: 601 },
      '/timeout: timeout is at most 600 seconds for what the server itself runs',
    ]),
    [
      { type: 'wait', seconds: 1, timeout: 5 },
      "/timeout: 'timeout' is not supported: it takes the time that it says; timeout of the playbook limits all of it",
    ],
    // keys that would do nothing
    ...[
      { timeout: 5 },
      { retry: 3, type: 'route' },
      { auth: 'a', type: 'end' },
      { args: { a: 1 }, save: 'event' },
    ].map((step): [JsonObject, string] => {
      const [key] = Object.keys(step)
      const words = 'what only says where to go has no use for it; write a type (save, if it saves)'
      return [step, `/${key}: '${key}' is not supported: ${words}`]
    }),
    [{ type: 'python', args: { a: 1 } }, '/args: without code it does nothing with args'],
    ...[
      { type: 'transform', data: 1, auth: 'a' },
      { type: 'wait', seconds: 1, auth: 'a' },
    ].map((step): [JsonObject, string] => [
      step,
      "/auth: 'auth' is not supported: it asks nobody; leave it out",
    ]),
    ...['args', 'with', 'input', 'params', 'payload', 'auth', 'credential', 'credentials'].map(
      (key): [JsonObject, string] => [
        { ...ITERATOR, [key]: { a: 1 } },
        `/${key}: '${key}' is not supported: an iterator does nothing with it; write it in its task`,
      ],
    ),
    [
      { ...ITERATOR, data: { a: 1 } },
      '/data: data is what it iterates over, as collection is; input stands in its task',
    ],
    // what a type needs
    [{ type: 'http' }, ': an http step needs one of url, endpoint'],
    [{ type: 'http', url: null }, ': an http step needs one of url, endpoint'],
    [{ type: 'javascript' }, ': a javascript step needs one of code, code_b64'],
    [{ type: 'transform', input: {} }, ': a transform step needs data'],
    [{ type: 'wait' }, ': a wait step needs one of seconds, for, until'],
    [
      { type: 'wait', seconds: 1, until: '{{ x }}' },
      '/until: a wait step has seconds and until; write one of them',
    ],
    [{ type: 'wait', for: '5m' }, '/for: for is a number of seconds, or a template'],
    [
      { type: 'wait', until: 'noon' },
      '/until: until is a time like 2026-01-31T12:00:00Z, or a template',
    ],
    [{ type: 'playbook' }, ': a playbook step needs one of path, resource_path'],
    [{ type: 'secrets' }, expect.stringContaining(': a secrets step needs one of secret_name')],
    [{ type: 'workbook', task: 'none' }, ": no task of the workbook is called 'none'"],
    [
      { type: 'workbook', task: 'fetch', comand: 1 },
      expect.stringContaining("/comand: a workbook step has no key 'comand'"),
    ],
    // what stands for a task is what the task is
    [
      { type: 'workbook', task: 'each', retry: 3 },
      '/retry: it takes no retry: its task has one of its own',
    ],
    [
      { type: 'workbook', task: 'call', retry: 3 },
      '/retry: it takes no retry: its steps have retries of their own',
    ],
    [
      { type: 'workbook', task: 'each', args: { a: 1 } },
      "/args: 'args' is not supported: an iterator does nothing with it; write it in its task",
    ],
    [
      { type: 'workbook', task: 'nap', timeout: 5 },
      expect.stringContaining("/timeout: 'timeout' is not supported: it takes the time"),
    ],
    [
      { type: 'workbook', task: 'fetch', url: 'a', endpoint: 'b' },
      '/endpoint: an http task has url and endpoint; write one of them',
    ],
    [{ type: 'workbook', task: 'fetch', url: null }, ': an http task needs one of url, endpoint'],
    // retry
    [{ ...HTTP, retry: '3' }, '/retry: retry is true, false, a number of attempts, or a mapping'],
    [
      { type: 'playbook', path: 'a', retry: 3 },
      '/retry: it takes no retry: its steps have retries of their own',
    ],
    [
      { type: 'iterator', collection: [], element: 'n', task: HTTP, retry: true },
      '/retry: it takes no retry: its task has one of its own',
    ],
    [{ ...HTTP, retry: 0 }, '/retry: retry is a whole number from 1 to 100'],
    [
      { ...HTTP, retry: { max_attempts: '{{ n }}' } },
      '/retry/max_attempts: max_attempts is a whole number from 1 to 100',
    ],
    [
      { ...HTTP, retry: { initial_delay: -1 } },
      '/retry/initial_delay: initial_delay is a number, 0 or more',
    ],
    [{ ...HTTP, retry: { jitter: 1 } }, '/retry/jitter: jitter is true or false'],
    [
      { ...HTTP, retry: { retry_when: 'a b' } },
      expect.stringMatching(/^\/retry\/retry_when: template: /),
    ],
    [
      { ...HTTP, retry: { stop_when: 5 } },
      '/retry/stop_when: stop_when is a condition (text) or true or false',
    ],
    [
      { ...HTTP, retry: { delay: 5 } },
      "/retry/delay: 'delay' is not supported: write initial_delay",
    ],
    // save
    [{ save: 5 }, '/save: save is a storage, a mapping, or a list of these'],
    [
      { save: 'postgres' },
      '/save: a save to postgres needs table or statement',
      expect.stringContaining('needs auth'),
    ],
    [
      { save: { storage: 'duckdb' } },
      "/save/storage: a save cannot go to 'duckdb': save with a step of type duckdb behind this one",
    ],
    [
      { save: [{ storage: 'disk' }] },
      "/save/0/storage: a save cannot go to 'disk'; known are postgres, http, event, event_log",
    ],
    [{ save: { storage: 'http' } }, '/save: a save to http needs url or endpoint'],
    [
      { save: { storage: { type: 'postgres', table: 't', tabel: 1, auth: 'a' } } },
      "/save/storage/tabel: a storage has no key 'tabel'; did you mean 'table'?",
    ],
    [{ save: { storage: {} } }, '/save/storage: a storage needs type'],
    [
      { save: { storage: 'postgres', auth: 'a', table: 't', mode: 'upsert' } },
      '/save: a save to postgres needs key or keys',
    ],
    [
      { save: { storage: 'postgres', auth: 'a', table: 't', mode: 'append' } },
      '/save/mode: mode is one of insert, upsert, or a template',
    ],
    [
      { save: { storage: 'postgres', auth: 'a', table: 't', key: 'k' } },
      '/save: key goes with mode: upsert',
    ],
    [{ save: { table: 't' } }, '/save: a save with table needs storage: what it goes to'],
    [{ save: { data: 1, args: 2 } }, '/save: a save has data and args; write one of them'],
    [{ save: Array(21).fill('event') }, '/save: a step has at most 20 saves'],
    [{ type: 'save', save: 'event', table: 't' }, '/table: table stands in save'],
    // iterators
    [
      { type: 'iterator' },
      ': an iterator needs collection: what it iterates over',
      ': an iterator needs element',
      ': an iterator needs task',
    ],
    [{ ...ITERATOR, collection: 5 }, '/collection: collection is a list, a mapping or a text'],
    [
      { ...ITERATOR, collection: null, data: {} },
      '/data: data is a list, if there is no collection',
    ],
    ...['input', 'data', 'parent', 'index', 'result', '_loop', 'constructor'].map(
      (element): [JsonObject, string] => [
        { ...ITERATOR, element },
        `/element: '${element}' means something else to templates: give the item another name`,
      ],
    ),
    [{ ...ITERATOR, element: '1a' }, '/element: element is a name of letters, digits and _'],
    ...['as', 'iterator'].map((key): [JsonObject, string] => [
      { ...HTTP, loop: { in: [], [key]: 'job' } },
      `/loop/${key}: 'job' means something else to templates: give the item another name`,
    ]),
    [{ ...ITERATOR, element: '{{ x }}' }, '/element: element is a name of letters, digits and _'],
    [{ ...ITERATOR, mode: 'fast' }, '/mode: mode is one of sequential, async, parallel'],
    [{ ...ITERATOR, mode: '{{ m }}' }, '/mode: mode is one of sequential, async, parallel'],
    [{ ...ITERATOR, concurrency: 4 }, '/concurrency: concurrency goes with mode: async'],
    [{ ...ITERATOR, limit: 0 }, '/limit: limit is a whole number above 0, or a template'],
    [{ ...ITERATOR, chunk: 1.5 }, '/chunk: chunk is a whole number above 0, or a template'],
    [{ ...ITERATOR, enumerate: '{{ x }}' }, '/enumerate: enumerate is true or false'],
    [{ ...ITERATOR, on_error: 'ignore' }, '/on_error: on_error is one of fail, continue'],
    [{ ...ITERATOR, where: 'a b' }, expect.stringMatching(/^\/where: template: /)],
    [{ ...ITERATOR, order_by: ['a', '-'] }, expect.stringMatching(/^\/order_by\/1: template: /)],
    [{ ...ITERATOR, order_by: [1] }, '/order_by/0: order_by is an expression, or a list of them'],
    [{ ...ITERATOR, task: 'fetch' }, expect.stringContaining('/task: task is a mapping')],
    [task({ type: 'http' }), '/task: an http task needs one of url, endpoint'],
    [
      task({ name: 'x' }),
      '/task: the task of an iterator needs a type, which says what each iteration does',
    ],
    [
      task({ ...HTTP, next: 'end' }),
      "/task/next: 'next' is not supported: a task has none; it stands in the step",
    ],
    [task({ ...HTTP, urll: 1 }), "/task/urll: an http task has no key 'urll'; did you mean 'url'?"],
    [task({ type: 'workbook', name: 'no' }), "/task: no task of the workbook is called 'no'"],
    [
      { ...ITERATOR, iterator: { limit: 1, collection: [2] } },
      '/iterator/collection: collection stands in the step, too; write one of them',
    ],
    [
      { type: 'iterator', iterator: { collection: [], element: 'x', task: { ...HTTP, bad: 1 } } },
      expect.stringContaining("/iterator/task/bad: an http task has no key 'bad'"),
    ],
    [{ ...HTTP, loop: 5 }, '/loop: a loop is a mapping'],
    [
      { ...HTTP, loop: { in: [], collection: [] } },
      '/loop: a loop needs one of element, iterator, as',
      '/loop/in: a loop has collection and in; write one of them',
    ],
    [
      { ...HTTP, loop: { in: [], as: 'x', filter: 'y' } },
      "/loop/filter: 'filter' is not supported: write where",
    ],
    [
      { loop: { in: [], as: 'x' } },
      '/loop: a loop needs a type, which says what each iteration does',
    ],
    // next
    [{ next: 'nowhere' }, "/next: no step is called 'nowhere'"],
    [
      { next: [{ step: 'end', wen: 'x' }] },
      "/next/0/wen: a next item has no key 'wen'; did you mean 'when'?",
    ],
    [
      { next: { step: 'end', pass: true } },
      "/next/pass: 'pass' is not supported: an item without a condition always fires",
    ],
    [
      { next: { step: 'end', when: 'x', condition: 'y' } },
      '/next/condition: a next item has when and condition; write one of them',
    ],
    [{ next: { step: 'end', data: '{{ x }}' } }, '/next/data: data is a mapping'],
    [{ next: { when: 'x' } }, '/next: a next item needs step, or then, or else'],
    [{ next: { when: 'x', then: 'nowhere' } }, "/next/then: no step is called 'nowhere'"],
    [
      { next: { when: 'x', then: [{ step: 'end', when: 'y' }] } },
      "/next/then/0/when: a target has no key 'when'",
    ],
    [{ next: { when: 'x', then: {} } }, '/next/then: a target needs one of step, name'],
    [{ next: { then: 'end' } }, '/next/then: then needs when'],
    [
      { next: ['start', { else: 'end' }] },
      '/next/1/else: else needs when, or an item with when before it',
    ],
    [
      { next: { step: 'end', when: 'x', else: 'start' } },
      '/next/step: step stands with the target in then or else: {step: NAME, ..}',
    ],
    [
      { next: { when: 'x', then: 'end', data: {} } },
      '/next/data: data stands with the target in then or else: {step: NAME, ..}',
    ],
  ]
  test.each(REFUSED.map(([step, ...faults]) => [JSON.stringify(step), step, faults] as const))(
    '%s',
    (_name, step, faults) => expect(faultsOf(step)).toEqual(faults),
  )
})

test('a playbook has no other keys than those of the language', () => {
  expect(
    faultsIn({
      apiVersion: 'noetl.io/v1',
      kind: 'Playbook',
      metadata: { name: 'n', owner: 'me' },
      description: 'd',
      timeout: 60,
      'x-anything': 1,
    }),
  ).toEqual([])
  expect(faultsIn({ workflows: [] })).toEqual([
    "/workflows: a playbook has no key 'workflows'; did you mean 'workflow'?",
  ])
  expect(faultsIn({ steps: [] })).toEqual([
    '/steps: a playbook has workflow and steps; write one of them',
  ])
  expect(faultsIn({ timeout: -1, metadata: 'm', vars: {} })).toEqual([
    '/timeout: timeout is a number of seconds above 0, or a template',
    '/metadata: metadata is a mapping',
    "/vars: 'vars' is not supported: write workload",
  ])
})

test('what end has as result, it may have whatever it does', () => {
  const workflow = [
    { step: 'start' },
    { step: 'end', type: 'http', url: 'u', result: { a: '{{ b }}' } },
  ]
  expect(faultsIn({ workflow })).toEqual([])
  expect(faultsIn({ workflow: [{ step: 'start' }, { step: 'end', result: 'x' }] })).toEqual([
    '/workflow/1/result: result is a mapping',
  ])
})

test('no step is called like an iteration or a save of one', () => {
  const named = (step: string) => faultsIn({ workflow: [{ step: 'start' }, { step }] })
  for (const name of ['a[0]', 'a[save]', '[]', 'a[1][2]', 'a[0', 'a[1] copy']) {
    expect(named(name)).toEqual(["/workflow/1: a step's name cannot have [ in it"])
  }
  expect(named('a]')).toEqual([])
})

describe('tasks of the workbook', () => {
  const inWorkbook = (...workbook: Json[]) => faultsIn({ workbook })

  test('are steps without a place in the flow', () => {
    expect(inWorkbook({ name: 'a', type: 'http', url: 'u', next: 'start' })).toEqual([
      "/workbook/0/next: 'next' is not supported: a task has none; it stands in the step",
    ])
    expect(inWorkbook({ name: 'a', type: 'http' }, { task: 'a' }, {})).toEqual([
      '/workbook/0: an http task needs one of url, endpoint',
      "/workbook/1: another task is called 'a'",
      '/workbook/2: a task needs a name: name: NAME',
    ])
  })

  test('must not contain themselves', () => {
    const around = { name: 'a', ...ITERATOR, task: { type: 'workbook', task: 'b' } }
    expect(
      inWorkbook(around, { name: 'b', ...ITERATOR, task: { type: 'workbook', task: 'a' } }),
    ).toEqual([
      '/workbook/0: iterators are nested more than 8 deep',
      '/workbook/1: iterators are nested more than 8 deep',
    ])
    expect(inWorkbook({ name: 'a', type: 'workbook', loop: { in: [], as: 'x' } })).toEqual([
      expect.stringContaining("the tasks behind 'a' name one another"),
    ])
  })
})

test('a type that nothing here would run is refused wherever it stands', () => {
  const js = { type: 'javascript', code: 'x' }
  const workflow = [
    { step: 'start', ...js },
    { step: 'b', ...ITERATOR, task: js },
  ]
  const payload = { workflow, workbook: [{ name: 't', ...js }] }
  expect(faultsIn(payload, { refused })).toEqual([
    '/workbook/0/type: no javascript here',
    '/workflow/0/type: no javascript here',
    '/workflow/1/task/type: no javascript here',
  ])
})

test('javascript needs the binding, unless workers run it', async () => {
  const content = 'path: test/js\nworkflow: [{step: start, type: javascript, code: x}]'
  const valid = async (variables: Record<string, unknown>) => {
    const client = newClient(variables)
    return (await client.post('/api/catalog/playbooks/validate', { content })).body
  }
  expect(await valid({ LOADER: undefined })).toMatchObject({
    valid: false,
    faults: [{ pointer: '/workflow/0/type', line: 2, column: 32 }],
  })
  expect(await valid({ LOADER: {} })).toEqual({ valid: true })
  expect(await valid({ LOADER: undefined, EDGE_TOOLS: 'http' })).toEqual({ valid: true })
})

test('what takes long to decide is refused: each else with all conditions before it', () => {
  const conditions = Array.from({ length: 100 }, () => ({ when: 'x', then: 'start' }))
  const items = [...conditions, { else: Array(100).fill('start') }]
  expect(faultsIn({ workflow: [{ step: 'start', next: items }] })).toEqual([
    '/workflow: more than 10000 transitions',
  ])
})

test('a step that templates could not see, and mention, is refused', () => {
  const read = (use: string) =>
    readPlaybook(
      `name: p\nworkflow:\n- {step: start, next: job}\n- {step: job, type: transform, data: 1, next: end}\n- {step: end, result: {a: "{{ ${use} }}"}}`,
      'playbook',
    ).faults.map(({ pointer, detail }) => `${pointer}: ${detail}`)
  expect(read('workload')).toEqual([])
  expect(read('job.a')).toEqual([
    "/workflow/1: templates use 'job', which is not this step to them: give it another name",
  ])
})

describe('a way back', () => {
  const TAIL =
    'a step runs once at most, so nothing goes round; to do something again, write loop or retry'
  const roundsIn = (next: Record<string, Json>) =>
    faultsIn({ workflow: Object.entries(next).map(([step, next]) => ({ step, next })) }).map(
      (fault) => fault.replace(`: ${TAIL}`, ''),
    )

  test('is refused, whatever its form, and its steps are named', () => {
    expect(roundsIn({ start: 'start' })).toEqual(['/workflow/0/next: start > start'])
    expect(
      roundsIn({ start: 'ask', ask: ['nap'], nap: { step: 'ask', when: 'not ask.done' } }),
    ).toEqual(['/workflow/2/next: ask > nap > ask'])
    expect(
      roundsIn({
        start: { when: 'x', then: 'a', else: [{ name: 'b' }] },
        a: 'b',
        b: [{ when: 'x', then: 'c' }, { else: 'a' }],
        c: null,
      }),
    ).toEqual(['/workflow/2/next: a > b > a'])
    // nothing leads there, but somebody will write what does
    expect(roundsIn({ start: null, a: 'b', b: 'a' })).toEqual(['/workflow/2/next: a > b > a'])
  })

  test('is told in a line, however long it is', () => {
    const names = Array.from({ length: 2_000 }, (_, n) => (n === 0 ? 'start' : `s${n}`))
    const next = Object.fromEntries(names.map((name, n) => [name, names[n + 1] ?? 'start']))
    expect(roundsIn(next)).toEqual([
      '/workflow/1999/next: start > s1 > s2 > s3 > s4 > s5 > s6 > s7 > … > start',
    ])
  })

  test('is not what comes together, or is named twice', () => {
    expect(
      roundsIn({ start: ['a', 'b', 'a'], a: ['c', 'b'], b: 'c', c: 'end', end: null }),
    ).toEqual([])
  })
})
