// Hono with the router that our paths end up with. Its own default brings two, and tries first the one that
// cannot tell them apart.

import { HonoBase } from 'hono/hono-base'
import { TrieRouter } from 'hono/router/trie-router'
import type { App } from './env.ts'

export class Hono extends HonoBase<App> {
  constructor() {
    super()
    this.router = new TrieRouter()
  }
}
