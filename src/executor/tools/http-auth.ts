// How a request carries a credential.

import { toBase64 } from '../../base64.ts'
import type { JsonObject } from '../../json.ts'
import type { Auth } from './auth.ts'
import { setHeader } from './http-body.ts'
import { HARMLESS } from './redirects.ts'
import { type Call, ToolError } from './tool.ts'

/** What a credential is put into. */
export interface Target {
  url: URL
  headers: Headers
}

type Send = (target: Target, auth: Auth, hide: Call['hide']) => void

/** By the credential's type, in small letters and without `-` and `_`. */
const WAYS: Readonly<Record<string, Send>> = {
  bearer,
  httpbearerauth: bearer,
  basic,
  httpbasicauth: basic,
  apikey,
  httpheaderauth: apikey,
  httpqueryauth: (target, { type, data }, hide) =>
    apikey(target, { type, data: { ...data, in: 'query' } }, hide),
  header,
}

/** Puts the credential into the request. What it sends is a secret from then on. */
export function authorize(target: Target, auth: Auth | null, hide: Call['hide']): void {
  if (!auth) return
  const type = auth.type.toLowerCase().replaceAll(/[-_]/g, '')
  const send = Object.hasOwn(WAYS, type) ? WAYS[type] : undefined
  if (!send)
    throw new ToolError(`a credential of type '${auth.type}' does not say how http sends it`)
  send(target, auth, hide)
}

/** Takes a name and password out of the address, where they would be logged, and sends them as a header. */
export function unburden({ url, headers }: Target, hide: Call['hide']): void {
  if (url.username === '' && url.password === '') return
  const [user, password] = [decoded(url.username), decoded(url.password)]
  url.username = ''
  url.password = ''
  if (!headers.has('authorization')) setBasic(headers, user, password, hide)
}

function bearer({ headers }: Target, auth: Auth, hide: Call['hide']): void {
  const token = field(auth, 'token', 'access_token')
  hide(token)
  setHeader(headers, 'authorization', `Bearer ${token}`)
}

function basic({ headers }: Target, auth: Auth, hide: Call['hide']): void {
  setBasic(headers, field(auth, 'username', 'user'), field(auth, 'password'), hide)
}

function setBasic(headers: Headers, user: string, password: string, hide: Call['hide']): void {
  const pair = toBase64(new TextEncoder().encode(`${user}:${password}`))
  hide(password)
  hide(pair)
  headers.set('authorization', `Basic ${pair}`)
}

function apikey({ url, headers }: Target, auth: Auth, hide: Call['hide']): void {
  const value = field(auth, 'value')
  const name = field(auth, 'key', 'name', 'header')
  hide(value)
  if (auth.data.in === 'query') url.searchParams.set(name, value)
  else setHeader(headers, name, value)
}

function header({ headers }: Target, { data }: Auth, hide: Call['hide']): void {
  const { service: _service, type: _type, ...fields }: JsonObject = data
  for (const [name, value] of Object.entries(fields)) {
    setHeader(headers, name, value)
    if (!HARMLESS.has(name.toLowerCase())) hide(headers.get(name) ?? '')
  }
}

function field({ type, data }: Auth, ...names: string[]): string {
  const value = names.map((name) => data[name]).find((item) => item != null && item !== '')
  if (value === undefined) throw new ToolError(`the ${type} credential lacks ${names[0]}`)
  return String(value)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
