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

/** Its connection string; with the schema as it was before a migration, if that is named. */
export async function newDatabase(before = '9999'): Promise<string> {
  const server = new URL(inject('postgres'))
  const name = `own_${Date.now()}_${++databases}`
  await sqlOf(server.href).query(`create database ${name}`)
  server.pathname = `/${name}`
  await applyMigrations(server.href, (number) => number < before)
  return server.href
}

/** Applies the migrations of some numbers. */
export async function applyMigrations(url: string, isWanted: (number: string) => boolean) {
  const files = Object.keys(migrations).sort()
  const wanted = files.filter((file) => isWanted(file.replace(/.*\/(\d+)_.*/, '$1')))
  const script = ['create schema if not exists noetl', ...wanted.map((file) => migrations[file])]
  await sqlOf(url).query(`do $all$ begin execute $script$${script.join(';\n')}$script$; end $all$`)
}

/** Its SQL, by the driver that the product has. */
export function sqlOf(url: string) {
  neonConfig.fetchEndpoint = inject('endpoint')
  return neon(url)
}
