/** All filters and tests, and those among them that call others by name. */
import { attributeGetter, type Getter } from './attributes.ts'
import { type Args, invoke, type Operation, operation, variadic } from './call.ts'
import { typeError } from './error.ts'
import { plainFilters } from './filters.ts'
import { type Run, spend } from './run.ts'
import { plainTests } from './tests.ts'
import { textOf } from './text.ts'
import { iterate, truthy } from './values.ts'

export function applyFilter(run: Run, name: string, value: unknown, args: Args): unknown {
  return invoke(run, name, named(filters, name, 'filter'), value, args)
}

export function applyTest(run: Run, name: string, value: unknown, args: Args): boolean {
  return truthy(invoke(run, name, named(tests, name, 'test'), value, args))
}

/** Names in a template's text are checked by the parser, those given to `map('…')` only here. */
function named(table: ReadonlyMap<string, Operation>, name: string, what: string): Operation {
  return table.get(name) ?? typeError(`No ${what} named '${name}'.`)
}

const map = variadic((run, value, args) => {
  if (!truthy(value)) return []
  const change = mapping(run, args)
  return iterate(run, value).map(change)
})

function mapping(run: Run, { positional, named }: Args): Getter {
  const [name, ...rest] = positional
  if (name === undefined && named.has('attribute')) {
    const extra = [...named.keys()].find((key) => key !== 'attribute' && key !== 'default')
    if (extra !== undefined) typeError(`Unexpected keyword argument '${extra}'`)
    return attributeGetter(run, named.get('attribute'), named.get('default') ?? null)
  }
  if (name === undefined) typeError('map requires a filter argument')
  const filter = textOf(name, 'the name of a filter')
  return (item) => {
    spend(run)
    return applyFilter(run, filter, item, { positional: rest, named })
  }
}

const selection = (keep: boolean, byAttribute: boolean): Operation =>
  variadic((run, value, args) => {
    if (!truthy(value)) return []
    const passes = check(run, args, byAttribute)
    return iterate(run, value).filter((item) => passes(item) === keep)
  })

function check(run: Run, args: Args, byAttribute: boolean): (item: unknown) => boolean {
  const [attribute] = args.positional
  if (byAttribute && attribute === undefined) typeError('Missing parameter for attribute name')
  const read = byAttribute ? attributeGetter(run, attribute) : (item: unknown) => item
  const [name, ...rest] = args.positional.slice(byAttribute ? 1 : 0)
  if (name === undefined) return (item) => truthy(read(item))
  const test = textOf(name, 'the name of a test')
  return (item) => {
    spend(run)
    return applyTest(run, test, read(item), { positional: rest, named: args.named })
  }
}

export const filters: ReadonlyMap<string, Operation> = new Map([
  ...plainFilters,
  ['map', map],
  ['select', selection(true, false)],
  ['reject', selection(false, false)],
  ['selectattr', selection(true, true)],
  ['rejectattr', selection(false, true)],
])

export const tests: ReadonlyMap<string, Operation> = new Map([
  ...plainTests,
  ['filter', operation('', (_, value) => filters.has(String(value)))],
  ['test', operation('', (_, value) => tests.has(String(value)))],
])
