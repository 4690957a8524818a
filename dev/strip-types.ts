// Makes dist/strip-types.txt: what takes types out of the code of javascript steps, as one text. The Worker
// carries it beside its bundle and gives it to an isolate. Whatever bundles the Worker calls this first.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')
const TARGET = join(ROOT, 'dist/strip-types.txt')

/** Makes it, and leaves the file alone where it is the same. */
export async function makeStripTypes(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'src/executor/tools/strip-types/program.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    logLevel: 'error',
  })
  const text = outputFiles[0]?.text ?? ''
  if (text === present()) return
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  // whole or not at all, as others may read it meanwhile
  const draft = `${TARGET}.${process.pid}`
  writeFileSync(draft, text)
  renameSync(draft, TARGET)
}

function present(): string | null {
  try {
    return readFileSync(TARGET, 'utf8')
  } catch {
    return null
  }
}

if (import.meta.main) await makeStripTypes()
