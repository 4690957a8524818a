// Makes the texts of dist/, which the Worker carries beside its bundle: what takes types out of the code of
// javascript steps, and the API's description. Whatever bundles the Worker calls this first.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')

/** Makes them, and leaves alone those that are the same. */
export async function makeTexts(): Promise<void> {
  const [stripTypes, description] = await Promise.all([
    bundled('src/executor/tools/strip-types/program.ts', { minify: true }),
    described(),
  ])
  put('strip-types', stripTypes)
  for (const [name, text] of Object.entries(description)) put(name, text)
}

/** What src/api/texts.ts makes of the routes' declarations; the app is loaded for it, and asked nothing. */
async function described(): Promise<Record<string, string>> {
  const program = await bundled('src/api/texts.ts', { plugins: [outside] })
  const url = `data:text/javascript;base64,${Buffer.from(program).toString('base64')}`
  const { texts } = (await import(url)) as { texts(): Record<string, string> }
  return texts()
}

/** What the app finds only in workerd, and the texts that are yet to be made. */
const outside: Plugin = {
  name: 'outside',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^cloudflare:|\.txt$/ }, ({ path }) => ({ path, namespace: 'outside' }))
    onLoad({ filter: /\.txt$/, namespace: 'outside' }, () => ({ contents: '', loader: 'text' }))
    onLoad({ filter: /^cloudflare:/, namespace: 'outside' }, () => ({
      contents: 'export class WorkerEntrypoint {}\nexport const exports = {}',
    }))
  },
}

async function bundled(entry: string, options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    logLevel: 'error',
    ...options,
  })
  return outputFiles?.[0]?.text ?? ''
}

function put(name: string, text: string): void {
  const target = join(ROOT, `dist/${name}.txt`)
  if (text === present(target)) return
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  // whole or not at all, as others may read it meanwhile
  const draft = `${target}.${process.pid}`
  writeFileSync(draft, text)
  renameSync(draft, target)
}

function present(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

if (import.meta.main) await makeTexts()
