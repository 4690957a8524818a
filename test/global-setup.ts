// What all tests share: the local Neon endpoint on an embedded Postgres, a real Postgres server behind
// the same endpoint where one can be had, a small web server for the http tool to talk to, and the texts
// that the Worker imports.
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { migrate } from '../dev/migrate.ts'
import { startEndpoint } from '../dev/neon/client.ts'
import { makePage } from '../dev/page.ts'
import { startPostgres } from '../dev/postgres.ts'
import { makeTexts } from '../dev/texts.ts'
import { startEcho } from './node/echo.ts'

const MIGRATIONS = join(import.meta.dirname, '../migrations')

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the driver sends its SQL. */
    endpoint: string
    /** Connection string of the real Postgres server; empty when there is none. */
    postgres: string
    /** A web server that answers with what it was asked. */
    echo: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [endpoint, postgres, echo] = await Promise.all([
    startEndpoint({ migrate: MIGRATIONS }),
    startPostgres(),
    startEcho(),
    makeTexts(),
    makePage(),
  ])
  if ('url' in postgres) await migrate({ connectionString: postgres.url }, MIGRATIONS)
  else
    console.log(`The race tests did not run: no Postgres server could be had (${postgres.reason}).`)
  project.provide('endpoint', endpoint.url)
  project.provide('postgres', 'url' in postgres ? postgres.url : '')
  project.provide('echo', echo.url)
  return async () => {
    await Promise.all([endpoint.stop(), echo.stop(), 'url' in postgres && postgres.stop()])
  }
}
