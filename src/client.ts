// A typed client of the API: its types are the routes' own declarations.

import { hc } from 'hono/client'
import type { Api } from './app.ts'

/**
 * A client of the server at `url`, as `client.api.executions.$get({ query: { limit: '10' } })`.
 * @param options Hono's: `headers` for the key, `fetch` for another way to send.
 */
export const newClient = (url: string, options?: Parameters<typeof hc>[1]) => hc<Api>(url, options)
