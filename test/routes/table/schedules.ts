// Schedules.
import { expect } from 'vitest'
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const LIST = 'GET /api/schedules'
const ONE = 'GET /api/schedules/{name}'
const CREATE = 'POST /api/schedules'
const CHANGE = 'PATCH /api/schedules/{name}'
const DELETE = 'DELETE /api/schedules/{name}'
const RUN = 'POST /api/schedules/{name}/run'

const ITEM = {
  id: 'id',
  name: 'text',
  cron: 'text',
  timezone: 'text',
  path: 'text',
  version: 'int|null',
  parameters: 'object',
  merge: 'bool',
  overlap: 'text',
  catch_up: 'text',
  notify: 'list',
  enabled: 'bool',
  next_at: 'time|null',
  last_at: 'time|null',
  last_execution_id: 'id|null',
  last_error: 'text|null',
  skipped: 'int',
  created_by: 'text',
  created_at: 'time',
  updated_at: 'time',
} as const
const WHOLE = { ...ITEM, next_runs: ['time'] } as const

const RUN_REPLY = {
  execution_id: 'id',
  id: 'id',
  catalog_id: 'id',
  path: 'text',
  playbook_id: 'text',
  playbook_name: 'text',
  version: '=1',
  type: '=playbook',
  execution_type: '=playbook',
  status: '=running',
  timestamp: 'time',
  start_time: 'time',
  end_time: null,
  progress: 0,
  result: null,
  error: null,
} as const

const nobody = (on: string, body?: object) =>
  bad(on, 'of an unknown name', {
    send: { params: { name: 'nobody' }, ...(body && { body }) },
    code: 'not_found',
    detail: "Schedule 'nobody' not found.",
  })

const fresh = () => ({ name: world.fresh('schedule'), cron: '0 0 1 1 *', path: 'test/nothing' })

const refused = (as: string, more: object, pointer: string, detail: RegExp) =>
  bad(CREATE, as, {
    send: { body: { name: 'refused', cron: '0 0 * * *', path: 'p', ...more } },
    code: 'invalid_input',
    detail,
    pointers: [pointer],
  })

export const schedules = [
  good(CREATE, {
    given: async () => fresh(),
    send: (body) => ({ body }),
    reply: WHOLE,
    is: ({ name, cron, path }) => ({
      name,
      cron,
      path,
      timezone: 'UTC',
      version: null,
      parameters: {},
      merge: false,
      overlap: 'allow',
      catch_up: 'none',
      notify: [],
      enabled: true,
      last_at: null,
      next_at: expect.stringMatching(/^\d{4}-01-01T00:00:00.000000Z$/),
    }),
  }),
  good(CREATE, {
    as: 'with everything, not enabled',
    given: async () => fresh(),
    send: (body) => ({
      body: {
        ...body,
        cron: ' @daily ',
        timezone: 'America/New_York',
        version: 3,
        parameters: { day: '{{ schedule.time[:10] }}' },
        merge: true,
        overlap: 'replace',
        catch_up: 'all',
        notify: ['https://example.org/told'],
        enabled: false,
      },
    }),
    reply: { ...WHOLE, next_runs: [] },
    is: () => ({
      cron: '@daily',
      timezone: 'America/New_York',
      version: 3,
      parameters: { day: '{{ schedule.time[:10] }}' },
      merge: true,
      overlap: 'replace',
      catch_up: 'all',
      notify: [{ url: 'https://example.org/told', credential: null }],
      enabled: false,
      next_at: null,
    }),
  }),
  bad(CREATE, 'of a name in use', {
    given: world.schedule,
    send: ({ name }) => ({ body: { name, cron: '@daily', path: 'p' } }),
    code: 'conflict',
    detail: /^there is a schedule named 'schedule-/,
  }),
  bad(CREATE, 'without anything', {
    send: { body: {} },
    code: 'invalid_input',
    detail: /^invalid body: \/cron /,
    pointers: ['/cron', '/path', '/name'],
  }),
  refused('in an unknown time zone', { timezone: 'Mars/Base' }, '/timezone', /'Mars\/Base'/),
  refused('that never comes', { cron: '0 0 30 2 *' }, '/cron', /this never comes$/),
  refused('with seconds', { cron: '0 0 0 * * *' }, '/cron', /five fields/),
  refused('of a minute that is none', { cron: '61 0 * * *' }, '/cron', /minute: 61/),
  refused(
    'whose parameters see what is not there',
    { parameters: { a: ['{{ workload.x }}'] } },
    '/parameters/a/0',
    /'workload' is undefined/,
  ),
  refused('of a name that is none', { name: '../x' }, '/name', /^invalid body: \/name /),
  refused('told to no address', { notify: ['ftp://x'] }, '/notify/0', /^invalid body: \/notify/),
  good(LIST, {
    given: world.schedule,
    send: ({ path }) => ({ query: { path, enabled: 'true', limit: 1 } }),
    reply: { items: [ITEM] },
    is: ({ id, name, path }) => ({ items: [{ id, name, path }] }),
  }),
  bad(LIST, 'after what is no name', {
    send: { query: { cursor: '/' } },
    code: 'invalid_input',
    detail: /^invalid query: \/cursor /,
    pointers: ['/cursor'],
  }),
  good(ONE, {
    given: world.schedule,
    send: ({ name }) => ({ params: { name } }),
    reply: WHOLE,
    is: ({ id, name, path }) => ({ id, name, path, next_runs: { length: 5 } }),
  }),
  nobody(ONE),
  good(CHANGE, {
    given: world.schedule,
    send: ({ name }) => ({ params: { name }, body: { cron: '0 12 1 7 *', overlap: 'skip' } }),
    reply: WHOLE,
    is: ({ id }) => ({
      id,
      cron: '0 12 1 7 *',
      overlap: 'skip',
      next_at: expect.stringMatching(/-07-01T12:00:00.000000Z$/),
    }),
  }),
  bad(CHANGE, 'of nothing', {
    given: world.schedule,
    send: ({ name }) => ({ params: { name }, body: {} }),
    code: 'invalid_input',
    detail: 'invalid body: / nothing is to be changed',
    pointers: [''],
  }),
  bad(CHANGE, 'to one that never comes', {
    given: world.schedule,
    send: ({ name }) => ({ params: { name }, body: { cron: '0 0 31 4 *' } }),
    code: 'invalid_input',
    detail: 'invalid schedule: /cron this never comes',
    pointers: ['/cron'],
  }),
  nobody(CHANGE, { enabled: false }),
  good(DELETE, {
    given: world.schedule,
    send: ({ name }) => ({ params: { name } }),
    reply: { status: '=ok', name: 'text' },
    is: ({ name }) => ({ name }),
  }),
  nobody(DELETE),
  good(RUN, {
    given: () => world.schedule({ parameters: { by: '{{ schedule.name }}' } }),
    send: ({ name }) => ({ params: { name } }),
    reply: RUN_REPLY,
    is: ({ path }) => ({ path }),
  }),
  bad(RUN, 'of what cannot be run', {
    given: async () => {
      const { path, content } = world.text()
      const broken = `workload: {a: "{{ 1 / 0 }}"}\n${content}`
      await world.must('POST', '/api/catalog/register', { content: broken })
      return world.schedule({ path })
    },
    send: ({ name }) => ({ params: { name } }),
    code: 'invalid_input',
    detail: /^the playbook's workload: \/workload\/a/,
  }),
  nobody(RUN),
  bad(RUN, 'under a key that has run another schedule', {
    given: async () => {
      const [one, other] = [await world.schedule(), await world.schedule()]
      const headers = { 'idempotency-key': world.fresh('key') }
      await world.must('POST', `/api/schedules/${one.name}/run`, undefined, headers)
      return { name: other.name, headers }
    },
    send: ({ name, headers }) => ({ params: { name }, headers }),
    code: 'conflict',
    detail: 'this Idempotency-Key was sent with another request',
  }),
]
