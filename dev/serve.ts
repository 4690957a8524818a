// The process that holds workerd for dev/worker.ts; it ends when its parent's channel closes.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { makePage } from './page.ts'
import { makeTexts } from './texts.ts'
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
  // workerd that is in an endless loop does not listen, and would outlive this process
  if (await isLate(miniflare?.dispose(), 5_000)) endGroup()
  process.exit(0)
})

/** Whether something takes too long. What fails is not late. */
async function isLate(work: Promise<unknown> | undefined, ms: number): Promise<boolean> {
  const done = Promise.resolve(work).then(
    () => false,
    () => false,
  )
  return Promise.race([done, sleep(ms).then(() => true)])
}

/** Ends workerd and this process at once: they are a group of their own. */
function endGroup(): void {
  process.kill(-process.pid, 'SIGKILL')
}

async function answerTo(ask: Ask): Promise<Answer> {
  if ('tick' in ask) {
    // Miniflare waits for workerd with all of this process, so one that does not listen is not asked
    if (!(await isAwake())) return { ticked: true }
    const worker = await miniflare?.getWorker()
    await worker?.scheduled({ scheduledTime: new Date(), cron: '* * * * *' })
    return { ticked: true }
  }
  const { variables, port } = ask.start
  await makePage()
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'))
  const contents = await bundle()
  const on = (boundPort: number) =>
    convertV4MiniflareOptions({
      ...workerOptions,
      name: 'noetl-edge',
      host: '127.0.0.1',
      port: boundPort,
      modules: [{ type: 'ESModule', path: 'index.mjs', contents }],
      bindings: { ...(workerOptions.bindings as object), ...variables },
    })
  miniflare = new Miniflare(on(port))
  const url = await miniflare.ready
  address = url
  void watch(url, async () => miniflare?.setOptions(on(Number(url.port))))
  return { url: url.href }
}

let address: URL | null = null

async function isAwake(): Promise<boolean> {
  if (address === null) return false
  const signal = AbortSignal.timeout(2_000)
  return fetch(new URL('/health', address), { signal }).then(
    () => true,
    () => false,
  )
}

/** How long workerd may be silent. */
const SILENT_MS = 30_000

/**
 * Starts workerd anew when it has hung: an endless loop of a javascript step holds all of it, as only the
 * platform counts CPU time. The step's lease runs out then, as if its executor had died.
 */
async function watch(url: URL, restart: () => Promise<void>): Promise<void> {
  for (;;) {
    await sleep(2_000)
    const signal = AbortSignal.timeout(SILENT_MS)
    const error = await fetch(new URL('/health', url), { signal }).catch((caught: Error) => caught)
    if (!(error instanceof DOMException) || error.name !== 'TimeoutError') continue
    console.error(`the Worker was silent for ${SILENT_MS / 1000} s; starting it anew`)
    if (await isLate(restart(), SILENT_MS)) {
      console.error('it does not end; giving up')
      endGroup()
    }
  }
}

/** The Worker as one module, as `wrangler deploy` makes it but for the texts, which are in it. */
async function bundle(): Promise<string> {
  await makeTexts()
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
