import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, test } from 'vitest'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient()
const RENDER = '/api/context/render'
let id: string
const sqlOf = () => neon(client.env.DATABASE_URL as string)

const render = async (template: unknown, extra_context?: unknown) => {
  const reply = await client.post(RENDER, { execution_id: id, template, extra_context })
  if (reply.status !== 200) throw new Error(reply.text)
  return reply.body
}

beforeAll(async () => {
  id = await client.run(
    await client.register(
      playbook(
        `  - {step: start, next: a}
  - {step: a, type: python, code: x, next: b}
  - {step: b, type: python, code: y, next: end}
  - {step: end}`,
        'workload: {n: 1, list: [1, 2], host: "{{ env.PG_HOST }}", job_id: "{{ job.uuid }}", big: 9007199254740993}',
      ),
    ),
  )
  await client.post('/api/events', completed(id, 'a', { rows: [{ v: 5 }], items: 'kept' }))
})

describe("a worker's job", () => {
  test('is rendered: task as text or as an object, work beside it, the rest passes', async () => {
    const task = {
      name: 'b',
      type: 'python',
      code_b64: btoa('{{ a.rows }}'),
      data: { v: '{{ a.rows[0].v }}', t: 'n={{ n }}' },
    }
    for (const form of [task, JSON.stringify(task)]) {
      const { status, rendered } = await render({
        work: { step_name: 'b' },
        task: form,
        other: '{{ n }}',
      })
      expect(status).toBe('ok')
      expect(rendered.task).toEqual({ ...task, data: { v: 5, t: 'n=1' } })
      expect(rendered.other).toBe('{{ n }}')
      // the code is for the worker to render: it finds there what it mentions
      expect(rendered.work).toEqual({ step_name: 'b', a: { rows: [{ v: 5 }], items: 'kept' } })
    }
  })

  test('keeps types, and a text that needs an undefined name, that one alone', async () => {
    const { rendered, warnings } = await render(
      {
        task: {
          int: '{{ workload.n }}',
          list: '{{ workload.list }}',
          big: '{{ workload.big }}',
          method: '{{ a.items }}',
          missing: '{{ nowhere.x }} and {{ n }}',
          broken: '{{ n',
          failing: '{{ n.upper() }}',
          id: '{{ execution_id }}',
          job: '{{ job.id }}',
          results: '{{ results.a.rows[0].v }}',
          context: '{{ context.n }}',
        },
      },
      { job: { id: 7 } },
    )
    expect(rendered.task).toEqual({
      int: 1,
      list: [1, 2],
      big: 9007199254740993n,
      method: 'kept',
      missing: '{{ nowhere.x }} and {{ n }}',
      broken: '{{ n',
      failing: '{{ n.upper() }}',
      id,
      job: 7,
      results: 5,
      context: 1,
    })
    expect(warnings).toEqual([expect.stringContaining('{{ n')])
  })

  test('costs one round trip', async () => {
    const before = await client.trips()
    await render({ work: { workload: { n: 1 } }, task: '{"x": "{{ a.rows }}"}' })
    expect((await client.trips()) - before).toBe(1)
  })
})

test('anything else is rendered as a whole', async () => {
  expect((await render('{{ n + 1 }}')).rendered).toBe(2)
  expect((await render(['{{ n }}', { deep: '{{ a.rows[0].v }}' }])).rendered).toEqual([
    1,
    { deep: 5 },
  ])
  expect((await render(5)).rendered).toBe(5)
  expect((await render({ plain: '{{ n }}' })).rendered).toEqual({ plain: 1 })
})

describe('what came as data', () => {
  const texts = ['{{ workload.n }}', '{{ a.rows }}', '{{ results }}', '{% if n %}yes{% endif %}']

  test('is not rendered, wherever in a job it is', async () => {
    const work = { passed: texts, item: { deep: texts }, workload: { n: texts[0], more: texts } }
    const task = { passed: '{{ passed }}', within: 'n={{ workload.n }}', more: '{{ more[1] }}' }
    const { rendered } = await render({ work, task })
    expect(rendered).toEqual({
      work,
      task: { passed: texts, within: `n=${texts[0]}`, more: texts[1] },
    })
    expect((await render({ work: texts[0] })).rendered).toEqual({ work: texts[0] })
  })

  test('is not rendered as a parameter, and as what a transition passed', async () => {
    const executionId = await client.run(
      await client.register(
        playbook(
          `  - {step: start, next: [{step: c, data: {passed: "{{ workload.said }}"}}]}
  - {step: c, type: python, code: x, args: {said: "{{ said }}", passed: "{{ passed }}"}, next: end}
  - {step: end}`,
          'workload: {said: nothing, priv: {k: hidden}}',
        ),
      ),
      { said: '{{ priv.k }}' },
    )
    const [job] = await sqlOf()`select action, context from noetl.queue
      where execution_id = ${executionId}`
    const template = { work: job?.context, task: job?.action }
    const { body } = await client.post(RENDER, { execution_id: executionId, template })
    const said = { said: '{{ priv.k }}', passed: '{{ priv.k }}' }
    expect(body.rendered.task.args).toEqual(said)
    expect(body.rendered.work.passed).toBe('{{ priv.k }}')
    expect(JSON.stringify(body.rendered.task)).not.toContain('hidden')
  })
})

describe("the worker's environment", () => {
  const env = { PG_HOST: 'db.internal', SECRET: 'sesame' }
  const job = { uuid: '77' }

  test("is seen by the step's own templates and by the playbook's workload", async () => {
    const { rendered, context_keys } = await render(
      {
        work: { workload: { n: 1, host: '{{ env.PG_HOST }}', job_id: '{{ job.uuid }}' } },
        task: { host: '{{ workload.host }}', own: '{{ env.PG_HOST }}' },
      },
      { env, job },
    )
    expect(rendered).toEqual({
      work: { workload: { n: 1, host: 'db.internal', job_id: '77' } },
      task: { host: 'db.internal', own: 'db.internal' },
    })
    expect(context_keys).toEqual(
      expect.arrayContaining([
        'work',
        'workload',
        'results',
        'a',
        'env',
        'job',
        'n',
        'host',
        'execution_id',
      ]),
    )
  })

  test('is not seen by texts that came as data', async () => {
    const hostile = 'x {{ env.SECRET }}'
    const { rendered } = await render(
      {
        work: { passed: hostile, workload: { n: hostile } },
        task: { a: '{{ passed }}', b: '{{ workload.n }}' },
      },
      { env },
    )
    expect(rendered).toEqual({
      work: { passed: hostile, workload: { n: hostile } },
      task: { a: hostile, b: hostile },
    })
  })

  test('is not seen by data that repeats a text of the playbook at another place', async () => {
    const own = '{{ env.PG_HOST }}'
    const { rendered } = await render(
      { work: { host: own, workload: { n: own, host: own } }, task: { n: '{{ workload.n }}' } },
      { env },
    )
    expect(rendered).toEqual({
      work: { host: own, workload: { n: own, host: 'db.internal' } },
      task: { n: own },
    })
  })

  test('is neither kept nor echoed', async () => {
    const reply = await client.post(RENDER, {
      execution_id: id,
      template: { work: {}, task: { x: '{{ nowhere }}', y: '{{ env.SECRET.nope() }}' } },
      extra_context: { env },
    })
    expect(reply.text).not.toContain('sesame')
    const [row] =
      await sqlOf()`select count(*)::int as n from noetl.event where execution_id = ${id}
      and (context::text like '%sesame%' or result::text like '%sesame%' or meta::text like '%sesame%')`
    expect(row?.n).toBe(0)
  })
})

test('there is nothing to escape to', async () => {
  for (const attack of [
    '{{ cycler.__init__.__globals__ }}',
    '{{ n.constructor.constructor("return 1")() }}',
    '{{ workload.__proto__ }}',
    '{{ job.toString.call(1) }}',
  ]) {
    expect((await render({ task: { attack } }, { job: {} })).rendered.task).toEqual({ attack })
  }
  const endless =
    '{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}'
  const { rendered, warnings } = await render({ task: Array(50).fill(endless) })
  expect(rendered.task).toEqual(Array(50).fill(endless))
  expect(warnings.length).toBeLessThanOrEqual(20)
})

test('what is nested too deep to be looked through stays as it was', async () => {
  let deep: unknown = '{{ n }}'
  for (let level = 0; level < 90; level++) deep = { deep }
  const { rendered, warnings } = await render({ work: { deep }, task: { n: '{{ n }}' } })
  expect(rendered).toEqual({ work: { deep }, task: { n: 1 } })
  expect(warnings).toHaveLength(1)
})

test('what is missing or unknown is refused', async () => {
  expect((await client.post(RENDER, { template: 'x' })).status).toBe(422)
  expect((await client.post(RENDER, { execution_id: id })).status).toBe(422)
  expect((await client.post(RENDER, { execution_id: id, template: null })).body.detail).toContain(
    'template is required',
  )
  expect((await client.post(RENDER, { execution_id: '5', template: 'x' })).status).toBe(404)
  expect(
    (await client.post(RENDER, `{"execution_id": ${id}, "template": "{{ n }}"}`)).body.rendered,
  ).toBe(1)
})
