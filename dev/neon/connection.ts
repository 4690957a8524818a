import type { ClientConfig } from 'pg'
import { NeonError } from './error.ts'

/** Where a connection string points to, and the name that its requests are counted under. */
export type Target = {
  host: string
  port: number
  user: string
  password: string
  database: string
  sslmode: string
  options: string
  applicationName: string
}

/** Reads a postgres:// URL. The errors never repeat it: it holds a password. */
export function parseConnectionString(text: string): Target {
  const url = parseUrl(text)
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw new NeonError(400, 'incorrect scheme')
  }
  if (url.hostname === '') throw new NeonError(400, 'missing hostname')
  if (url.username === '') throw new NeonError(400, 'missing username')
  const database = decode(url.pathname.slice(1))
  if (database === '') throw new NeonError(400, 'missing database name')
  return {
    host: url.hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 5432 : Number(url.port),
    user: decode(url.username),
    password: decode(url.password),
    database,
    sslmode: url.searchParams.get('sslmode') ?? '',
    options: url.searchParams.get('options') ?? '',
    applicationName: url.searchParams.get('application_name') ?? '',
  }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw new NeonError(400, 'invalid connection string')
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new NeonError(400, 'invalid connection string')
  }
}

/** The settings of `pg` for a target; given apart, because a URL makes `pg` warn about sslmode. */
export const clientConfig = (target: Target): ClientConfig => ({
  host: target.host,
  port: target.port,
  user: target.user,
  password: target.password,
  database: target.database,
  ...(target.options === '' ? {} : { options: target.options }),
  ssl: sslOf(target.sslmode),
})

function sslOf(mode: string): boolean | { rejectUnauthorized: false } {
  if (mode === 'no-verify') return { rejectUnauthorized: false }
  return mode === 'require' || mode === 'verify-ca' || mode === 'verify-full'
}
