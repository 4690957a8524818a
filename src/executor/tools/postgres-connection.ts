// Where a credential's database is.

import type { JsonObject } from '../../json.ts'
import { ToolError } from './tool.ts'

/** Fields by the names that NoETL's credentials and others give them. */
const ALIASES = {
  url: ['dsn', 'db_url', 'url', 'connection_string'],
  host: ['db_host', 'host', 'hostname'],
  port: ['db_port', 'port'],
  user: ['db_user', 'user', 'username'],
  password: ['db_password', 'password'],
  database: ['db_name', 'database', 'dbname', 'db_database'],
  sslmode: ['sslmode', 'ssl_mode'],
} as const

/** Where a credential's database is. @throws ToolError naming the fields that are lacking. */
export function connectionUrl(data: JsonObject): string {
  const given = (key: keyof typeof ALIASES) => {
    const value = ALIASES[key]
      .map((name) => data[name])
      .find((field) => field != null && field !== '')
    return value === undefined ? null : String(value)
  }
  const url = given('url')
  if (url !== null) return url
  const missing = (['host', 'user', 'database'] as const).filter((key) => given(key) === null)
  if (missing.length > 0) {
    throw new ToolError(`the credential lacks ${missing.map((key) => ALIASES[key][0]).join(', ')}`)
  }
  const part = (key: keyof typeof ALIASES) => encodeURIComponent(given(key) ?? '')
  const sslmode = given('sslmode')
  return (
    `postgresql://${part('user')}:${part('password')}@${given('host')}:${given('port') ?? 5432}` +
    `/${part('database')}${sslmode === null ? '' : `?sslmode=${encodeURIComponent(sslmode)}`}`
  )
}
