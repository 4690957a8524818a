// Which locks on executions and jobs each migration takes: what keeps readers out may not build or read anything.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const DIR = join(import.meta.dirname, '../../migrations')
/** What was there when nobody had executions that matter is as it was released. */
const SINCE = '0010'

const statementsOf = (file: string) =>
  readFileSync(join(DIR, file), 'utf8')
    .replace(/--.*$/gm, '')
    .split(/;\s*$/m)
    .map((text) => text.trim().replace(/\s+/g, ' '))
const files = readdirSync(DIR).filter((name) => name >= SINCE)

test.each(files)('%s keeps readers of executions and jobs out only for a moment', (file) => {
  const statements = statementsOf(file)
  const excluding = statements.filter((text) =>
    /^(drop index noetl\.(execution|queue)_|alter table noetl\.(execution|queue) (?!validate))/.test(
      text,
    ),
  )
  const slow = statements.filter((text) =>
    /^(create (unique )?index \w+ on noetl\.(execution|event|queue) |update noetl\.(execution|queue) )/.test(
      text,
    ),
  )
  expect(excluding.length === 0 || slow.length === 0, [...excluding, ...slow].join('\n')).toBe(true)
  for (const text of excluding) {
    for (const constraint of text.match(/add constraint.*?(?=, add |$)/g) ?? []) {
      expect(constraint).toContain('not valid')
    }
  }
})
