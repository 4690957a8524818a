// The Durable Object that reads once for all who watch. It stores nothing: when it is gone, so are its streams, and who
// watched comes back and is served from the log.

import { DurableObject } from 'cloudflare:workers'
import { connect } from '../db.ts'
import { configOf, type Env } from '../env.ts'
import { AppError } from '../errors.ts'
import { type Ask, newWatch, sharedPace } from './service.ts'

/** One for each execution that is watched, and one for all of them. Only the Worker reaches it, and has let in whom it asks for. */
export class StreamRelay extends DurableObject<Env> {
  #watch: ReturnType<typeof newWatch> | null = null

  override async fetch(request: Request): Promise<Response> {
    const ask = await request.json<Ask>()
    try {
      const config = configOf(this.env)
      this.#watch ??= newWatch(connect(config), ask.execution_id, sharedPace(config))
      return new Response(await this.#watch(ask))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const { code, message: detail } = error
      return Response.json({ code, detail }, { status: 400 })
    }
  }
}
