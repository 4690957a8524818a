// What is wrong with a playbook is said at registration: all of it at once, and where.
import { expect, test } from 'vitest'
import { newClient } from '../support.ts'

const client = newClient()

/** The faults of a text as `pointer line:column detail`; nothing may be registered. */
async function faultsOf(...lines: string[]): Promise<string[]> {
  const content = lines.join('\n')
  const { status, headers, body } = await client.post('/api/catalog/register', { content })
  expect(status).toBe(422)
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(body).toMatchObject({
    type: 'urn:noetl-edge:problem:invalid_input',
    title: 'Invalid input',
    status: 422,
    instance: '/api/catalog/register',
  })
  const [first] = body.errors
  expect(body.detail).toContain(`line ${first.line}, column ${first.column}: ${first.detail}`)
  return body.errors.map(
    (fault: Record<string, unknown>) =>
      `${fault.pointer} ${fault.line}:${fault.column} ${fault.detail}`,
  )
}

const NAME = 'name: faulty'
const START = '  - step: start'

test('text that is not YAML is refused with every syntax error and its place', async () => {
  expect(await faultsOf(NAME, 'a: b: c', 'd: @e', 'f: "open')).toEqual([
    ' 2:4 not YAML: Nested mappings are not allowed in compact mappings',
    ' 3:4 not YAML: Plain value cannot start with reserved character @',
    expect.stringMatching(/^ 4:\d+ not YAML: Missing closing "quote/),
  ])
})

test('a key that comes twice is refused at its second place', async () => {
  expect(await faultsOf(NAME, 'workload:', '  a: 1', '  a: 2')).toEqual([
    " 4:3 the key 'a' is there already",
  ])
})

test('merging what is no mapping is refused', async () => {
  expect(await faultsOf(NAME, 'workload: {<<: 5}')).toEqual([
    ' 1:1 not YAML: Merge sources must be maps or map aliases',
  ])
})

test('a template without quotes is refused with the advice to quote it', async () => {
  expect(await faultsOf(NAME, 'workload:', '  a: {{ x }}')).toEqual([
    ' 3:7 a key is no text; templates need quotes: "{{ .. }}"',
  ])
})

test('a text that is no mapping is refused', async () => {
  const faults = ['a playbook is a mapping with metadata, workload and workflow']
  expect(await faultsOf('- a')).toEqual([` 1:1 ${faults[0]}`])
  expect(await faultsOf('# only a comment')).toEqual([expect.stringContaining(`${faults[0]}`)])
})

test('a playbook without any path is refused', async () => {
  expect(await faultsOf('metadata: {description: d}', 'workflow:', START)).toEqual([
    ' 1:1 no metadata.path, path, metadata.name or name says where it belongs',
  ])
})

test('a path that cannot be stored or is too long is refused', async () => {
  expect(await faultsOf('path: "a\\0b"', 'workflow:', START)).toEqual([
    ' 1:1 the path has control characters',
  ])
  expect(await faultsOf(`path: ${'p'.repeat(513)}`, 'workflow:', START)).toEqual([
    ' 1:1 the path is longer than 512 characters',
  ])
})

test('a playbook without a workflow, or with an empty one, is refused', async () => {
  expect(await faultsOf(NAME)).toEqual([' 1:1 workflow is missing'])
  expect(await faultsOf(NAME, 'workflow: []')).toEqual([
    '/workflow 2:11 workflow is a list of steps',
  ])
  expect(await faultsOf(NAME, 'workflow:', '  start: {}')).toEqual([
    '/workflow 3:3 workflow is a list of steps',
  ])
})

test('a workflow without start is refused', async () => {
  expect(await faultsOf(NAME, 'steps:', '  - step: begin')).toEqual([
    "/steps 3:3 no step is called 'start'",
  ])
})

test('two steps of one name are refused at the second, which points to the first', async () => {
  expect(await faultsOf(NAME, 'workflow:', START, '  - step: a', '  - name: a')).toEqual([
    "/workflow/2/name 5:11 another step is called 'a' (/workflow/1)",
  ])
})

test('a step that is no mapping, or has no name, is refused', async () => {
  const faults = await faultsOf(NAME, 'workflow:', START, '  - a', '  - type: http', '    url: u')
  expect(faults).toEqual([
    '/workflow/1 4:5 a step is a mapping',
    '/workflow/2 5:5 a step needs a name: step: NAME',
  ])
})

test('a step name that could not be kept is refused', async () => {
  const long = 'n'.repeat(201)
  const steps = ['__proto__', 'constructor', '"a\\nb"', '"a\\ud800"', long]
  const lines = steps.map((name) => `  - step: ${name}`)
  expect(await faultsOf(NAME, 'workflow:', START, ...lines)).toEqual([
    "/workflow/1 4:5 a step cannot be called '__proto__'",
    "/workflow/2 5:5 a step cannot be called 'constructor'",
    '/workflow/3 6:5 the step name has control characters',
    '/workflow/4 7:5 the step name has control characters',
    '/workflow/5 8:5 the step name is longer than 200 characters',
  ])
})

test('a next to a missing step is refused in each of its three forms', async () => {
  const faults = await faultsOf(
    NAME,
    'workflow:',
    START,
    '    next: gone',
    '  - step: b',
    '    next: {step: gone}',
    '  - step: c',
    '    next:',
    '      - gone',
    '      - step: gone',
    '      - {name: gone}',
    '      - step: d',
    '  - step: d',
  )
  expect(faults).toEqual([
    "/workflow/0/next 4:11 no step is called 'gone'",
    "/workflow/1/next/step 6:18 no step is called 'gone'",
    "/workflow/2/next/0 9:9 no step is called 'gone'",
    "/workflow/2/next/1/step 10:15 no step is called 'gone'",
    "/workflow/2/next/2/name 11:16 no step is called 'gone'",
  ])
})

test('next items that would never fire are refused', async () => {
  const faults = await faultsOf(
    NAME,
    'workflow:',
    START,
    '    next:',
    '      - when: "{{ x }}"',
    '        then: [b]',
    '      - 7',
    '      - {when: "a b"}',
    '      - {step: b, when: "a }} b {{ c"}',
    '      - {step: b, when: 1}',
    '  - step: b',
  )
  expect(faults).toEqual([
    '/workflow/0/next/1 7:9 a next item is a step name or a mapping with step',
    expect.stringMatching(/^\/workflow\/0\/next\/2\/when 8:16 template: /),
    '/workflow/0/next/2 8:9 a next item needs step, or then, or else',
    expect.stringMatching(/^\/workflow\/0\/next\/3\/when 9:25 template: /),
    '/workflow/0/next/4/when 10:25 when is a condition (text) or true or false',
  ])
})

test('an unknown type is refused with the known ones', async () => {
  const [fault] = await faultsOf(NAME, 'workflow:', START, '    type: HTTPS')
  expect(fault).toMatch(
    /^\/workflow\/0\/type 4:11 unknown step type 'HTTPS'; known are http, postgres, python/,
  )
})

test('a tool without what it works on is refused', async () => {
  const faults = await faultsOf(
    NAME,
    'workflow:',
    START,
    '    type: http',
    '  - step: b',
    '    type: postgres',
    '  - step: c',
    '    type: postgres',
    '    command_b64: "*"',
  )
  expect(faults).toEqual([
    '/workflow/0 3:5 an http step needs one of url, endpoint',
    expect.stringMatching(/^\/workflow\/1 5:5 a postgres step needs one of command, commands, sql/),
    '/workflow/2/command_b64 9:18 command_b64 is not base64 of UTF-8 text',
  ])
})

test('templates are read at registration, in steps, transitions, SQL in base64 and workload', async () => {
  const faults = await faultsOf(
    NAME,
    'workload:',
    '  a: "{{ 1 + }}"',
    'workflow:',
    START,
    '    type: http',
    '    url: "{{ x | nofilter }}"',
    '    headers:',
    '      X-A: ["{{ ok }}", "{% if %}"]',
    '  - step: b',
    '    type: postgres',
    `    command_b64: ${btoa('select {{ ')}`,
    '    next: {step: c, data: {n: "{{ }}"}}',
    '  - step: c',
  )
  expect(faults.map((fault) => fault.split(' template: ')[0])).toEqual([
    '/workload/a 3:6',
    '/workflow/0/url 7:10',
    '/workflow/0/headers/X-A/1 9:25',
    '/workflow/1/command_b64 12:18',
    '/workflow/1/next/data/n 13:31',
  ])
  expect(faults[1]).toContain('nofilter')
})

test('braces in a program are no template', async () => {
  const code = 'def main(): return f"{{literal}} {%d}"'
  const id = await client.register(
    `path: test/code-${Date.now()}\nworkflow:\n  - {step: start, type: python, code: '${code}'}\n`,
  )
  const { status } = await client.post('/api/executions/run', { catalog_id: id })
  expect(status).toBe(200)
})

test('a pointer escapes what JSON pointers use', async () => {
  const faults = await faultsOf(
    NAME,
    'workflow:',
    START,
    '    type: http',
    '    url: u',
    '    headers: {a/b~c: "{{"}',
  )
  expect(faults[0]).toMatch(/^\/workflow\/0\/headers\/a~1b~0c 6:22 template: /)
})

test('of very many faults the first hundred are shown and all are counted', async () => {
  const steps = Array.from({ length: 150 }, () => '  - 1')
  const content = [NAME, 'workflow:', START, ...steps].join('\n')
  const { body } = await client.post('/api/catalog/register', { content })
  expect(body.errors).toHaveLength(100)
  expect(body.detail).toContain('(and 149 more)')
})

test.each(['..', '.', 'a/../b', 'a/./b', 'a/..', 'a/'])('a path %s is no address', async (path) => {
  const content = `metadata: {path: "${path}"}\nworkflow:\n  - {step: start, next: end}\n  - {step: end}\n`
  const reply = await newClient().post('/api/catalog/register', { content })
  expect([reply.status, reply.body.detail]).toEqual([
    422,
    expect.stringContaining('the path ends with a slash or has a part'),
  ])
})
