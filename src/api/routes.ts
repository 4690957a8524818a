// What the API says of itself.

import { Hono } from 'hono'
import type { RouterRoute } from 'hono/types'
import * as z from 'zod'
import { version } from '../../package.json'
import type { App } from '../env.ts'
import { declarationOf, operation } from '../operation.ts'
import { AnyObject } from '../schema.ts'
import { describeApi, type Operation } from './openapi.ts'
import { pageOf } from './page.ts'

/** Nothing of the page comes from elsewhere, and nothing of it runs. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** Routes that describe all routes, themselves among them. */
export function describing(routes: () => readonly RouterRoute[]) {
  let described: ReturnType<typeof describeApi> | undefined
  const description = () => {
    described ??= describeApi(operationsOf(routes()), version)
    return described
  }
  return new Hono<App>()
    .get(
      '/',
      operation({
        summary: 'What this is',
        scope: null,
        reach: 'any',
        reply: z.object({ name: z.string(), version: z.string(), docs: z.string() }),
      }),
      (c) => c.json({ name: 'noetl-edge', version, docs: '/docs' }),
    )
    .get(
      '/health',
      operation({
        summary: 'Whether the Worker is alive',
        scope: null,
        reach: 'any',
        reply: z.object({ status: z.literal('ok') }),
        open: true,
      }),
      (c) => c.json({ status: 'ok' as const }),
    )
    .get(
      '/openapi.json',
      operation({
        summary: 'This description, as OpenAPI 3.1',
        scope: null,
        reach: 'any',
        reply: AnyObject,
      }),
      (c) => c.json(description()),
    )
    .get(
      '/docs',
      operation({
        summary: 'This description, as a page',
        scope: null,
        reach: 'any',
        reply: z.string(),
        mediaType: 'text/html',
      }),
      (c) => c.html(pageOf(description()), 200, { 'content-security-policy': PAGE_POLICY }),
    )
}

/** The operations among an app's routes. */
function operationsOf(routes: readonly RouterRoute[]): Operation[] {
  return routes.flatMap(({ method, path, handler }) => {
    const declaration = declarationOf(handler)
    return declaration ? [{ method, path, declaration }] : []
  })
}
