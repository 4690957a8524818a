// Hono with the one router that our paths end up with: its default brings another, and tries that first, which
// refuses paths of which two may fit one request.

import { HonoBase } from 'hono/hono-base'
import { TrieRouter } from 'hono/router/trie-router'
import type { App } from './env.ts'

export class Hono extends HonoBase<App> {
  constructor() {
    super()
    this.router = new TrieRouter()
  }
}
