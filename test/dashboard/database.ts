// A database of one's own on the real Postgres server, empty but for the schema: figures are of all there is.
import { neon, neonConfig } from '@neondatabase/serverless'
import { inject } from 'vitest'

declare global {
  interface ImportMeta {
    glob(pattern: string, options: object): Record<string, string>
  }
}

const migrations = import.meta.glob('../../migrations/*.sql', {
  query: '?raw',
  import: 'default',
  eager: true,
})
let databases = 0

/** Its connection string. */
export async function newDatabase(): Promise<string> {
  const server = new URL(inject('postgres'))
  const name = `own_${Date.now()}_${++databases}`
  await sqlOf(server.href).query(`create database ${name}`)
  server.pathname = `/${name}`
  const files = Object.keys(migrations).sort()
  const script = ['create schema noetl', ...files.map((file) => migrations[file])].join(';\n')
  await sqlOf(server.href).query(`do $all$ begin execute $script$${script}$script$; end $all$`)
  return server.href
}

/** Its SQL, by the driver that the product has. */
export function sqlOf(url: string) {
  neonConfig.fetchEndpoint = inject('endpoint')
  return neon(url)
}
