// A strict reader of Prometheus's text format 0.0.4: throws where a text is not what its rules say.

export interface Family {
  type: string
  help: string
  /** Value by labels as they stand: `{status="x"}`, or '' without any. */
  samples: Map<string, number>
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\\\n]|\\\\\\\\|\\\\n)*)$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`)
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\\\\\|\\\\"|\\\\n)*"'
const SAMPLE = new RegExp(
  `^(${NAME})((?:\\{${LABEL}(?:,${LABEL})*\\})?) (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`,
)

/** The families by name. Each has its help, its type and at least one sample, in one block. */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  const lines = text.slice(0, -1).split('\n')
  for (let at = 0; at < lines.length; ) {
    const [, name = '', help = ''] = HELP.exec(lines[at] ?? '') ?? refuse(lines[at])
    const [, typed, type = ''] = TYPE.exec(lines[at + 1] ?? '') ?? refuse(lines[at + 1])
    if (typed !== name || families.has(name)) refuse(lines[at + 1])
    const samples = new Map<string, number>()
    for (at += 2; at < lines.length && !lines[at]?.startsWith('#'); at++) {
      const [, of, labels = '', value] = SAMPLE.exec(lines[at] ?? '') ?? refuse(lines[at])
      if (of !== name || samples.has(labels)) refuse(lines[at])
      samples.set(labels, Number(value))
    }
    if (samples.size === 0) refuse(name)
    families.set(name, { type, help, samples })
  }
  return families
}

function refuse(line = 'the end of the text'): never {
  throw new Error(`not expected: ${line}`)
}
