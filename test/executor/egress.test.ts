import { describe, expect, inject, test } from 'vitest'
import { checkEgress } from '../../src/executor/tools/egress.ts'
import { Variables } from '../../src/settings.ts'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const config = (variables = {}) =>
  Variables.parse({ DATABASE_URL: 'postgres://u:p@h/d', ...variables })
const refused = (url: string, variables = {}) => {
  try {
    checkEgress(new URL(url), config(variables))
    return null
  } catch (error) {
    return (error as Error).message
  }
}

describe('private addresses', () => {
  test.each([
    'http://localhost/',
    'http://LOCALHOST.:8080/',
    'http://localhost../',
    'http://x.localhost/',
    'http://printer.local/',
    'http://metadata.google.internal/',
    'http://intranet/',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://172.31.255.255/',
    'http://192.168.0.1/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::]/',
    'http://[::1]/',
    'http://[fc00::1]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[::127.0.0.1]/',
    'http://[::10.0.0.1]/',
    'http://[::a9fe:a9fe]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b:1::a00:1]/',
  ])('%s is refused, unless they are allowed', (url) => {
    expect(refused(url)).toMatch(
      /is not allowed: it is not a public address \(HTTP_ALLOW_PRIVATE\)$/,
    )
    expect(refused(url, { HTTP_ALLOW_PRIVATE: 'true' })).toBeNull()
  })

  test.each([
    'http://example.org/',
    'https://1.1.1.1/',
    'http://172.32.0.1/',
    'http://[2606:4700::1111]/',
    'http://local.example.org/',
  ])('%s is public', (url) => expect(refused(url)).toBeNull())
})

test('lists name hosts, and all below one', () => {
  const allow = { HTTP_ALLOW_HOSTS: 'api.example.org, *.example.com' }
  expect(refused('http://api.example.org/', allow)).toBeNull()
  expect(refused('http://API.example.org./', allow)).toBeNull()
  expect(refused('http://a.b.example.com/', allow)).toBeNull()
  for (const host of ['example.com', 'x.api.example.org', 'evilexample.com', 'example.org']) {
    expect(refused(`http://${host}/`, allow)).toBe(
      `${host} is not allowed: it is not among HTTP_ALLOW_HOSTS`,
    )
  }
  const deny = { HTTP_DENY_HOSTS: '*.example.com', HTTP_ALLOW_HOSTS: 'a.example.com' }
  expect(refused('http://a.example.com/', deny)).toBe(
    'a.example.com is not allowed: it is among HTTP_DENY_HOSTS',
  )
  // being named does not make an address public
  expect(refused('http://10.0.0.1/', { HTTP_ALLOW_HOSTS: '10.0.0.1' })).not.toBeNull()
})

test('a step that asks what it may not fails, and so does a redirect there', async () => {
  const echo = inject('echo')
  const { host } = new URL(echo)
  const closed = oneStep(newClient({ HTTP_ALLOW_PRIVATE: 'false' }), { type: 'http' })
  expect(await closed.errorOf({ url: echo })).toContain('127.0.0.1 is not allowed')
  const named = oneStep(newClient({ HTTP_DENY_HOSTS: 'localhost' }), { type: 'http' })
  const to = encodeURIComponent(`http://localhost:${host.split(':')[1]}/secret`)
  expect(await named.errorOf({ url: `${echo}/redirect/302?to=${to}` })).toBe(
    'localhost is not allowed: it is among HTTP_DENY_HOSTS',
  )
})
