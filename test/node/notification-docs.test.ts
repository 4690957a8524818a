// What docs/notifications.md tells receivers to do: its programs are run on a message as it is sent.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { shownSecret, signatureOf } from '../../src/notification/sign.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/notifications.md'), 'utf8')
const programIn = (language: string) =>
  new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? ''

const secret = crypto.getRandomValues(new Uint8Array(32))
const body = '{"type":"execution.completed","data":{"path":"ü"}}'
const message = { id: '1', timestamp: String(Math.floor(Date.now() / 1000)), body }
const headersOf = async ({ id, timestamp } = message, ...secrets: Uint8Array[]) => ({
  'webhook-id': id,
  'webhook-timestamp': timestamp,
  'webhook-signature': await signatureOf([...secrets, secret], { ...message, timestamp }),
})

const genuine = await headersOf()
const twice = await headersOf(message, new Uint8Array(32))
const stale = await headersOf({ ...message, timestamp: String(Number(message.timestamp) - 400) })
const forged = { ...genuine, 'webhook-id': '2' }

test('the JavaScript', async () => {
  const { verify } = await import(`data:text/javascript,${encodeURIComponent(programIn('js'))}`)
  const told = shownSecret(secret)
  expect(verify(genuine, body, told).data).toEqual({ path: 'ü' })
  expect(verify(twice, body, told).data).toEqual({ path: 'ü' })
  expect(() => verify(stale, body, told)).toThrow('too old')
  expect(() => verify(forged, body, told)).toThrow('not genuine')
  expect(() => verify(genuine, `${body} `, told)).toThrow('not genuine')
  expect(() => verify(genuine, body, shownSecret(new Uint8Array(32)))).toThrow('not genuine')
})

const hasPython = spawnSync('python3', ['--version']).status === 0

test.skipIf(!hasPython)('the Python', () => {
  const program = `${programIn('python')}
import sys
headers, body, secret = json.loads(sys.argv[1])
try:
    print(json.dumps(verify(headers, body.encode(), secret)))
except ValueError as error:
    print(json.dumps(str(error)))
`
  const verify = (headers: object, text: string) => {
    const given = JSON.stringify([headers, text, shownSecret(secret)])
    const { stdout, stderr } = spawnSync('python3', ['-c', program, given], { encoding: 'utf8' })
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }
  expect(verify(genuine, body).data).toEqual({ path: 'ü' })
  expect(verify(twice, body).data).toEqual({ path: 'ü' })
  expect(verify(stale, body)).toBe('too old')
  expect(verify(forged, body)).toBe('not genuine')
})
