// Runs the Worker as production would, in workerd, from one bundle, by Miniflare.
import { join } from 'node:path'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'

const ROOT = join(import.meta.dirname, '..')

/** A running Worker. */
export type LocalWorker = {
  url: URL
  /** Fires the cron trigger once, as the platform does each minute; Miniflare does not by itself. */
  tick(): Promise<void>
  stop(): Promise<void>
}

/** Bundles the Worker as one module, as `wrangler deploy` does. */
export async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'src/index.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

/** Starts the Worker with wrangler.toml's bindings and these variables, on loopback only. */
export async function startWorker(
  variables: Record<string, string>,
  port: number,
): Promise<LocalWorker> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'))
  const options = convertV4MiniflareOptions({
    ...workerOptions,
    name: 'noetl-edge',
    host: '127.0.0.1',
    port,
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: await bundle() }],
    bindings: { ...workerOptions.bindings, ...variables },
  })
  const miniflare = new Miniflare(options)
  const url = await miniflare.ready
  return {
    url,
    tick: async () => {
      const worker = await miniflare.getWorker()
      await worker.scheduled({ scheduledTime: new Date(), cron: '* * * * *' })
    },
    stop: () => miniflare.dispose(),
  }
}
