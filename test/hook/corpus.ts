// Deliveries that must be refused, each a genuine one with something changed, and replays. All is plain
// data, so that the same cases go through HTTP. Nothing here would survive a trim of a header's value.

import type { Provider } from '../../src/hook/verify/index.ts'
import { type Changes, SIGNED, withBody, withHeaders } from './forge.ts'
import { slacks, standards, stripes, TIMED, times, twilioForms, twilioUrls } from './forge-own.ts'
import { bodies, otherContent, otherKeys, others, signatures } from './forge-signed.ts'
import { cloudEvents, ids, tokens } from './forge-tokens.ts'
import { json, type Options, type Plain, SECRETS, URL_OF_HOOK, validOf } from './sign.ts'

export { TOLERANCE } from './forge.ts'
export { type Plain, SECRETS, validOf } from './sign.ts'

export interface Forged {
  name: string
  provider: Provider
  incoming: Plain
  secrets: string[]
  now: number
}

export interface Replay extends Omit<Forged, 'incoming'> {
  first: Plain
  again: Plain
}

/** The time that is best for hooks whose clock cannot be set is Date.now(). */
export interface Where {
  now?: number
  /** The hook's address; it should have a query, as Twilio's bodySHA256 is appended by `&`. */
  url?: string
}

export const NOW = Date.UTC(2026, 9, 1, 12)

export async function forged({ now = NOW, url = URL_OF_HOOK }: Where = {}): Promise<Forged[]> {
  const cases: Forged[] = []
  const add = async (provider: Provider, changes: Changes, secrets = [SECRETS[provider]]) => {
    for (const [what, incoming] of Object.entries(changes)) {
      cases.push({ name: `${provider}: ${what}`, provider, incoming: await incoming, secrets, now })
    }
  }
  const of = (provider: Provider, options: Options = {}) =>
    validOf(provider, now, { url, ...options })

  for (const provider of SIGNED) {
    const valid = await of(provider)
    await add(provider, signatures(provider, valid))
    await add(provider, await otherKeys(provider, of))
    await add(provider, await otherContent(provider, valid, now))
    await add(provider, others(provider, valid, of))
    for (const [what, secrets] of wrongSecrets(provider))
      await add(provider, { [what]: valid }, secrets)
    if (provider !== 'twilio') await add(provider, bodies(valid))
  }
  for (const provider of TIMED) await add(provider, times(provider, now, of, await of(provider)))
  await add('standard', standards(now, of, await of('standard')))
  await add('stripe', stripes(now, of, await of('stripe')))
  await add('slack', slacks(now, of, await of('slack')))
  await add('twilio', twilioForms(await of('twilio')))
  const twilioJson = await of('twilio', { body: json('evt_1') })
  for (const [what, incoming] of Object.entries(bodies(twilioJson))) {
    await add('twilio', { [`JSON, ${what}`]: incoming })
  }
  await add('twilio', twilioUrls(twilioJson))
  for (const provider of ['token', 'bearer', 'cloudevents'] as const) {
    await add(provider, tokens(provider, await of(provider)))
    for (const [what, secrets] of wrongSecrets(provider)) {
      await add(provider, { [what]: of(provider) }, secrets)
    }
  }
  await add('cloudevents', cloudEvents(of, await of('cloudevents')))
  for (const provider of ['github', 'shopify', 'token', 'bearer', 'none'] as const) {
    await add(provider, ids(provider, await of(provider)))
  }
  return cases
}

export async function replays({ now = NOW, url = URL_OF_HOOK }: Where = {}): Promise<Replay[]> {
  const found: Replay[] = []
  for (const [provider, header] of [
    ['github', 'x-github-delivery'],
    ['shopify', 'x-shopify-webhook-id'],
    ['twilio', 'i-twilio-idempotency-token'],
  ] as const) {
    const first = await validOf(provider, now, { url })
    const again: Record<string, Plain> = {
      'another id': withHeaders(first, { [header]: 'another-id' }),
      'no id': withHeaders(first, { [header]: null }),
      'another id of the same beginning': withHeaders(first, { [header]: 'evt_1A2b3C1' }),
    }
    if (provider === 'github') {
      again['another event'] = withHeaders(first, { [header]: 'x', 'x-github-event': 'ping' })
      const signature = first.headers['x-hub-signature-256'] ?? ''
      again['the signature in capitals'] = withHeaders(first, {
        [header]: 'x',
        'x-hub-signature-256': `sha256=${signature.slice(7).toUpperCase()}`,
      })
    }
    if (provider === 'shopify') {
      again['another topic'] = withHeaders(first, { [header]: 'x', 'x-shopify-topic': 'app/gone' })
    }
    if (provider === 'twilio') {
      const text = new TextDecoder().decode(first.body)
      const other = withHeaders(first, { [header]: 'x' })
      again['the parameters in another order'] = withBody(
        other,
        text.split('&').reverse().join('&'),
      )
      again['a parameter twice'] = withBody(other, `${text}&ToCountry=US`)
      again['the end of a name in its value'] = withBody(
        other,
        text.replace('ToCountry=', 'ToCount=ry'),
      )
      again['the port in the URL'] = {
        ...other,
        url: first.url.replace(/^(https:..[^/:]+)/, '$1:443'),
      }
    }
    for (const [what, incoming] of Object.entries(again)) {
      const name = `${provider}: ${what}`
      found.push({ name, provider, first, again: incoming, secrets: [SECRETS[provider]], now })
    }
  }
  return found
}

function wrongSecrets(provider: Provider): [string, string[]][] {
  const secret = SECRETS[provider]
  const other = `${secret.slice(0, -4)}AAA${secret.slice(-1) === '=' ? '=' : 'B'}`
  return [
    ['a hook without secrets', []],
    ['a hook with an empty secret', ['']],
    ['a hook with another secret', [other]],
    ['a hook with two other secrets', [other, SECRETS[provider === 'slack' ? 'shopify' : 'slack']]],
    ['a hook whose secrets are parts of this one', [secret.slice(0, 12), secret.slice(12)]],
    ['a hook whose secret is a list of this one and another', [`${secret},${other}`]],
    ['a hook whose secret has this one within', [`${secret}${secret}`]],
    ['a hook whose secret has a space at its end', [`${secret} `]],
  ]
}
