/** Jinja's tests, but for `filter` and `test` (apply.ts). */
import type { CompareOperator } from './ast.ts'
import { type Operation, operation } from './call.ts'
import { binary, compareWith } from './operators.ts'
import { toText } from './text.ts'
import { isLower, isUpper } from './unicode.ts'
import { Callable, equals, isDict, isInteger, isNumeric, Undefined, used } from './values.ts'

const is = (check: (value: unknown) => boolean): Operation =>
  operation('', (_, value) => check(value))

const compares = (operator: CompareOperator): Operation =>
  operation('other', (run, value, other) => compareWith(run, operator, value, other))

const remainder = (wanted: number): Operation =>
  operation('', (run, value) => equals(run, binary(run, '%', value, 2), wanted))

const isSequence = (value: unknown): boolean =>
  typeof value === 'string' || Array.isArray(value) || isDict(value)

export const plainTests: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['defined', is((value) => !(value instanceof Undefined))],
  ['undefined', is((value) => value instanceof Undefined)],
  ['none', is((value) => value === null)],
  ['boolean', is((value) => typeof value === 'boolean')],
  ['true', is((value) => value === true)],
  ['false', is((value) => value === false)],
  ['integer', is((value) => typeof value !== 'boolean' && isInteger(value))],
  ['float', is((value) => typeof value === 'number' && !isInteger(value))],
  ['number', is(isNumeric)],
  ['string', is((value) => typeof value === 'string')],
  ['mapping', is(isDict)],
  ['sequence', is(isSequence)],
  ['iterable', is((value) => isSequence(used(value)))],
  ['callable', is((value) => value instanceof Callable)],
  ['sameas', operation('other', (_, value, other) => value === other)],
  ['lower', operation('', (run, value) => isLower(toText(run, value)))],
  ['upper', operation('', (run, value) => isUpper(toText(run, value)))],
  ['odd', remainder(1)],
  ['even', remainder(0)],
  [
    'divisibleby',
    operation('num', (run, value, by) => equals(run, binary(run, '%', value, by), 0)),
  ],
  ['in', compares('in')],
  ['==', compares('==')],
  ['eq', compares('==')],
  ['equalto', compares('==')],
  ['!=', compares('!=')],
  ['ne', compares('!=')],
  ['<', compares('<')],
  ['lt', compares('<')],
  ['lessthan', compares('<')],
  ['<=', compares('<=')],
  ['le', compares('<=')],
  ['>', compares('>')],
  ['gt', compares('>')],
  ['greaterthan', compares('>')],
  ['>=', compares('>=')],
  ['ge', compares('>=')],
])
