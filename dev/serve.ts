// The process that holds workerd for dev/worker.ts; it ends when its parent's channel closes.
import { join } from 'node:path'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import type { Answer, Ask } from './worker.ts'

const ROOT = join(import.meta.dirname, '..')

let miniflare: Miniflare | null = null

process.on('message', async (ask: Ask) => {
  try {
    process.send?.((await answerTo(ask)) satisfies Answer)
  } catch (error) {
    process.send?.({
      failed: error instanceof Error ? error.message : String(error),
    } satisfies Answer)
  }
})

process.on('disconnect', async () => {
  await miniflare?.dispose().catch(() => undefined)
  process.exit(0)
})

async function answerTo(ask: Ask): Promise<Answer> {
  if ('tick' in ask) {
    const worker = await miniflare?.getWorker()
    await worker?.scheduled({ scheduledTime: new Date(), cron: '* * * * *' })
    return { ticked: true }
  }
  const { variables, port } = ask.start
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'))
  const options = convertV4MiniflareOptions({
    ...workerOptions,
    name: 'noetl-edge',
    host: '127.0.0.1',
    port,
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: await bundle() }],
    bindings: { ...(workerOptions.bindings as object), ...variables },
  })
  miniflare = new Miniflare(options)
  return { url: (await miniflare.ready).href }
}

/** The Worker as one module, as `wrangler deploy` makes it. */
async function bundle(): Promise<string> {
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
