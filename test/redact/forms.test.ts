import { describe, expect, test } from 'vitest'
import { type Json, toJson } from '../../src/json.ts'
import {
  MAY_SHOW_SECRET,
  scrub,
  scrubText,
  shownTask,
  withoutEnvironment,
} from '../../src/redact/forms.ts'
import { newRedactor, secretsOf } from '../../src/redact/values.ts'

const KEY = `ne_123_${'k'.repeat(43)}`

describe('a text', () => {
  test.each<[text: string, scrubbed: string]>([
    [
      'to postgres://me:p4ss@db.example.org/x failed',
      'to postgres://me:***@db.example.org/x failed',
    ],
    ['postgresql://me:p@ss/w:rd@db/x', 'postgresql://me:***@db/x'],
    ['redis://:secret@cache:6379', 'redis://:***@cache:6379'],
    ['https://bob:hunter2@example.org/a?b=c@d', 'https://bob:***@example.org/a?b=c@d'],
    ["{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer ***'}"],
    ['curl -H "Authorization: Basic dXNlcjpwYXNz" x', 'curl -H "Authorization: Basic ***" x'],
    ['Bearer 0123456789abcdef was refused', 'Bearer *** was refused'],
    [`the key ${KEY}, see`, 'the key ne_123_***, see'],
    ["host=db user=me password='a b' dbname=x", 'host=db user=me password=*** dbname=x'],
    ['Server=db;Database=x;User Id=me;Pwd=a1;', 'Server=db;Database=x;User Id=me;Pwd=***;'],
  ])('%s', (text, expected) => {
    expect(scrubText(text)).toBe(expected)
    expect(scrubText(expected)).toBe(expected)
  })

  test.each([
    'https://example.org:8080/a@b',
    'https://example.org/?at=12:30&to=a@example.org',
    'mail to: a:b@example.org',
    'Basic authentication is required',
    'the bearer of this letter',
    'authorization: required',
    'update users set password = $1 where id = 2',
    'Bearer ne-secret.eyJzb3VyY2UiOiJlbnYi.0123456789',
    'postgres://db.example.org/x',
    'ne_123_short',
  ])('%s stays', (text) => expect(scrubText(text)).toBe(text))

  test('costs little when it is long, whatever it repeats', () => {
    for (const part of [
      'a.',
      '://',
      '://a:',
      'bearer ',
      'authorization: ',
      'password=',
      'ne_1_',
      'a:b@',
    ]) {
      const startedAt = Date.now()
      scrubText(part.repeat(1_000_000 / part.length))
      expect(Date.now() - startedAt, part).toBeLessThan(2_000)
    }
  })
})

describe('data', () => {
  test('have no headers that authenticate, and keep what else is named so', () => {
    expect(
      scrub({
        headers: {
          Authorization: 'Bearer abc',
          'X-Custom-Token': 'abc',
          'Set-Cookie': ['a=b', 'c=d'],
          Accept: 'x/y',
        },
        authorization: 'Basic abc',
        'x-api-key': 'abc',
        cookie: 'chocolate',
        token: 'abc',
        nested: [{ authorization: 'granted', Cookie: 'sid=1' }],
      }),
    ).toEqual({
      headers: {
        Authorization: 'Bearer ***',
        'X-Custom-Token': '***',
        'Set-Cookie': ['***', '***'],
        Accept: 'x/y',
      },
      authorization: 'Basic ***',
      'x-api-key': '***',
      cookie: 'chocolate',
      token: 'abc',
      nested: [{ authorization: 'granted', Cookie: '***' }],
    })
  })

  test('keep a reference to a secret, which is none', () => {
    const kept = { headers: { Authorization: 'Bearer ne-secret.abc.def' } }
    expect(scrub(kept)).toEqual(kept)
  })

  test('have no environment of a process', () => {
    const data = { env: { PATH: '/bin', AWS_SECRET: 'x' }, work: { env: { HOME: '/' }, a: 1 } }
    expect(withoutEnvironment(data)).toEqual({ work: { a: 1 } })
    expect(withoutEnvironment({ env: { region: 'eu' } })).toEqual({ env: { region: 'eu' } })
  })
})

const TASKS: [task: Json, shown: Json][] = [
  [{ auth: 'name' }, { auth: 'name' }],
  [{ auth: { db: 'name' } }, { auth: { db: 'name' } }],
  [
    { auth: { type: 'postgres', key: 'name', password: 'x' } },
    { auth: { type: 'postgres', key: 'name', password: '***' } },
  ],
  [
    { auth: { source: 'inline', type: 'bearer', fields: { token: 'x' } } },
    { auth: { source: 'inline', type: 'bearer', fields: { token: '***' } } },
  ],
  [
    { credential: { a: { type: 'x', inline: { value: ['y'] } } } },
    { credential: { a: { type: 'x', inline: { value: '***' } } } },
  ],
  [
    { url: 'https://me:pw@example.org/', headers: { 'X-Token': 'x' }, data: { client_secret: 1 } },
    { url: 'https://example.org/', headers: { 'X-Token': '***' }, data: { client_secret: '***' } },
  ],
  [
    { save: { storage: { type: 'postgres', auth: { inline: { dsn: 'x' } } } } },
    { save: { storage: { type: 'postgres', auth: { inline: { dsn: '***' } } } } },
  ],
  [
    { code: "connect('mysql://a:b@c/d')", url: '{{ base }}/@me' },
    { code: "connect('mysql://a:***@c/d')", url: '{{ base }}/@me' },
  ],
]

test.each(TASKS)('a step %j is shown without what is secret', (task, shown) => {
  expect(shownTask(task)).toEqual(shown)
})

test('what might be changed in a step is known by its text', () => {
  const pattern = new RegExp(MAY_SHOW_SECRET, 'i')
  for (const [task, shown] of TASKS) {
    // as a jsonb reads
    const text = toJson(task).replaceAll('":', '": ')
    if (toJson(shown) !== toJson(task)) expect(text).toMatch(pattern)
  }
  expect('{"auth": "pg", "type": "postgres", "command": "select 1"}').not.toMatch(pattern)
})

test('the secrets of a credential are what its fields say, and long enough', () => {
  const key = { private_key: '-----BEGIN x', client_email: 'a@example.org' }
  expect(
    secretsOf({
      ...{
        db_host: 'db.example.org',
        db_user: 'postgres-user',
        db_password: 'long-enough',
        pin: 1234,
      },
      ...{ key: 'X-Api-Header', value: 'value-of-it', url: 'https://example.org/token' },
      ...{ nested: { token: 12345678, short: 'abc' }, file: JSON.stringify(key) },
    }),
  ).toEqual(['long-enough', '1234', 'value-of-it', '12345678', '-----BEGIN x'])
  const dsn = 'postgres://me:p%40ssword@db/x'
  expect(secretsOf({ dsn })).toEqual([dsn, 'p%40ssword', 'p@ssword', dsn])
  expect(secretsOf({ key: 'key-without-value' })).toEqual(['key-without-value'])
})

test.each([
  [{ environment: 'production', dialect: 'postgresql', auth_type: 'password' }, []],
  [
    { user: 'postgres1user2', host: 'h4sh0fh0st1.example', port: 65432, sslmode: 'verify-full' },
    [],
  ],
  [{ zone: 'europe-west1-b', note: 'the 2nd of 3 databases', release: '2026-11-26T10:00:00Z' }, []],
  [{ cluster: 'db.eu-1.example.org:5432', mail: 'a1b2c3d4e5@example.org' }, []],
  [{ pass: 'abc1', pwd: 'efg!', pin: 123 }, ['abc1', 'efg!']],
  // words that stand everywhere
  [{ password: 'test', pwd: 'noetl' }, []],
  [{ password: 'postgres' }, ['postgres']],
  [{ apiKey: 'k4k4', refreshToken: 't4t4', client_secret: 's4s4' }, ['k4k4', 't4t4', 's4s4']],
  [{ thing: 'Zx81kQ9mPw22', word: 'administrator' }, ['Zx81kQ9mPw22']],
  [
    { tokens: ['one1', 'two2'], private_key: { id: 'plain', pem: 'p3m!' } },
    ['one1', 'two2', 'p3m!'],
  ],
])('of %j these are secrets: %j', (data, secrets) => {
  expect(secretsOf(data)).toEqual(secrets)
})

test('ordinary words of a credential do not damage data, and columns stay apart', () => {
  const words = { environment: 'production', dialect: 'postgresql', auth_type: 'password' }
  const { redact } = newRedactor(secretsOf({ ...words, user: 'u', password: 'pw12' }))
  const rows = [
    { env: 'production', engine: 'postgresql', pw12: 'pw12', production: 1, postgresql: 2 },
  ]
  expect(redact({ rows })).toEqual({ rows: [{ ...rows[0], pw12: '***' }] })
})

test('keys that are secrets are hidden without falling together', () => {
  const { redact } = newRedactor(['secret-one', 'secret-two'])
  const value = { 'secret-one': 1, 'secret-two': 2, '***': 3, a: 'secret-one' }
  expect(redact(value)).toEqual({ '*** (2)': 1, '*** (3)': 2, '***': 3, a: '***' })
  const keyed = Object.fromEntries(['a', 'b'].map((c) => [`ne_1_${c.repeat(43)}`, c]))
  expect(scrub(keyed)).toEqual({ 'ne_1_***': 'a', 'ne_1_*** (2)': 'b' })
})
