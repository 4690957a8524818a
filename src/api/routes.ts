// What the API says of itself.
/// <reference path="../text.d.ts" />

import * as z from 'zod'
import DOCS from '../../dist/docs.txt'
import OPENAPI from '../../dist/openapi.txt'
import { version } from '../../package.json'
import { Hono } from '../hono.ts'
import { operation } from '../operation.ts'
import { replyText } from '../reply.ts'
import { AnyObject } from '../schema.ts'

/** Nothing of the page comes from elsewhere, and nothing of it runs. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** What there is, and the description of all routes (texts.ts makes it). */
export const about = new Hono()
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
    (c) => replyText(c, OPENAPI),
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
    (c) => c.html(DOCS, 200, { 'content-security-policy': PAGE_POLICY }),
  )
