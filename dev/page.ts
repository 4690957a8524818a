// Makes dist/page: the page that browsers are shown, whose parts are named by what is in them. Whatever bundles the
// Worker calls this first, as Cloudflare serves the folder beside it (wrangler.toml, `[assets]`).
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { build } from 'esbuild'

const SOURCE = join(import.meta.dirname, '../src/page')
const TARGET = join(import.meta.dirname, '../dist/page')

/** What the page may do: run what came with it, and ask the host that it came from. */
const HEADERS = [
  "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'x-content-type-options: nosniff',
  'x-frame-options: DENY',
  'referrer-policy: no-referrer',
  'cross-origin-resource-policy: same-origin',
  'cross-origin-opener-policy: same-origin',
  'strict-transport-security: max-age=31536000',
]
const KEPT = 'cache-control: public, max-age=31536000, immutable'
const rule = (pattern: string, ...headers: string[]) =>
  [pattern, ...headers.map((header) => `  ${header}`), ''].join('\n')

/** Makes it, and leaves alone what is the same. */
export async function makePage(): Promise<void> {
  const [script, style] = await Promise.all([bundled('main.tsx'), bundled('style.css')])
  const parts = {
    'main.js': named('main.js', script),
    'style.css': named('style.css', style),
    'icon.svg': named('icon.svg', readFileSync(join(SOURCE, 'icon.svg'), 'utf8')),
  }
  for (const { path, text } of Object.values(parts)) put(path, text)
  // by name, so that a part that is no more is not kept as missing
  const kept = Object.values(parts).map(({ path }) => rule(`/${path}`, KEPT))
  put('_headers', [rule('/*', ...HEADERS), ...kept].join(''))
  // last, as it names the others
  const page = readFileSync(join(SOURCE, 'index.html'), 'utf8')
  put(
    'index.html',
    page.replace(/"\/(main\.js|style\.css|icon\.svg)"/g, (_, name: keyof typeof parts) => {
      return `"/${parts[name].path}"`
    }),
  )
  removeOthers(new Set(Object.values(parts).map(({ path }) => path)))
}

async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

function named(name: string, text: string): { path: string; text: string } {
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 10)
  const extension = extname(name)
  return { path: `assets/${name.slice(0, -extension.length)}-${digest}${extension}`, text }
}

function put(name: string, text: string): void {
  const target = join(TARGET, name)
  mkdirSync(join(TARGET, 'assets'), { recursive: true })
  try {
    if (readFileSync(target, 'utf8') === text) return
  } catch {
    // it is not there yet
  }
  // whole or not at all, as others may read it meanwhile
  const draft = join(TARGET, '..', `page-draft.${process.pid}`)
  writeFileSync(draft, text)
  renameSync(draft, target)
}

function removeOthers(kept: ReadonlySet<string>): void {
  for (const name of readdirSync(join(TARGET, 'assets'))) {
    if (!kept.has(`assets/${name}`)) rmSync(join(TARGET, 'assets', name), { force: true })
  }
}

if (import.meta.main) await makePage()
