// Hooks for tests: a playbook of their own, a secret that is known, deliveries that are signed.
import type { Client, Reply } from '../support.ts'
import { playbook } from '../support.ts'

export const SECRET = 'a secret of GitHub and this hook'

let count = 0

export interface TestHook {
  name: string
  path: string
}

/** A hook that starts a playbook which ends at once; `settings` are its own, over these. */
export async function hookOf(
  client: Client,
  settings: Record<string, unknown> = {},
  steps = '  - {step: start, next: end}\n  - {step: end, result: {got: "{{ workload }}"}}',
): Promise<TestHook> {
  const name = `hook-${Date.now()}-${++count}`
  const content = playbook(steps)
  const path = /path: ([^,]+)/.exec(content)?.[1] ?? ''
  await client.register(content)
  const request = { name, path, provider: 'github', secrets: [SECRET], ...settings }
  const reply = await client.post('/api/hooks', request)
  if (reply.status !== 200) throw new Error(reply.text)
  return { name, path }
}

/** A signature as GitHub makes it. */
export async function githubSignature(body: string, secret = SECRET): Promise<string> {
  const bytes = new TextEncoder().encode(secret)
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign'])
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(body))
  const hex = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, '0'))
  return `sha256=${hex.join('')}`
}

/** Delivers as GitHub does. */
export async function deliver(
  client: Client,
  { name }: TestHook,
  body: unknown,
  {
    id = crypto.randomUUID(),
    event = 'push',
    secret = SECRET,
    headers = {} as Record<string, string>,
    settled = true,
  } = {},
): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return client.send('POST', `/hooks/${name}`, text, {
    settled,
    headers: {
      'x-hub-signature-256': await githubSignature(text, secret),
      'x-github-delivery': id,
      'x-github-event': event,
      ...headers,
    },
  })
}
