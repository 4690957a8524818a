import type { BinaryOperator, CompareOperator } from './ast.ts'
import { typeError } from './error.ts'
import { formatPercent } from './format.ts'
import { arithmetic } from './numbers.ts'
import { type Run, spend, spendText } from './run.ts'
import { compare, contains, equals, isInteger, isNumeric, Tuple, typeName, used } from './values.ts'

export function binary(run: Run, operator: BinaryOperator, left: unknown, right: unknown): unknown {
  used(left)
  used(right)
  if (isNumeric(left) && isNumeric(right)) return arithmetic(operator, left, right)
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') {
    spendText(run, left.length + right.length)
    return left + right
  }
  if (operator === '+' && Array.isArray(left) && typeName(left) === typeName(right)) {
    return joined(run, [left, right as unknown[]])
  }
  if (operator === '*') {
    const [sequence, times] = isNumeric(left) ? [right, left] : [left, right]
    if (isInteger(times)) return repeat(run, sequence, Number(times))
  }
  if (operator === '%' && typeof left === 'string') {
    const text = formatPercent(run, left, right)
    spendText(run, text.length)
    return text
  }
  return unsupported(operator, left, right)
}

function unsupported(operator: string, left: unknown, right: unknown): never {
  const [a, b] = [typeName(left), typeName(right)]
  if (operator === '+' && ['str', 'list', 'tuple'].includes(a)) {
    typeError(`can only concatenate ${a} (not "${b}") to ${a}`)
  }
  const symbol = operator === '**' ? '** or pow()' : operator
  return typeError(`unsupported operand type(s) for ${symbol}: '${a}' and '${b}'`)
}

function repeat(run: Run, sequence: unknown, times: number): unknown {
  const count = Math.max(0, times)
  if (typeof sequence === 'string') {
    spendText(run, sequence.length * count)
    return sequence === '' ? '' : sequence.repeat(count)
  }
  if (!Array.isArray(sequence)) return unsupported('*', sequence, times)
  // Checked before the array of copies exists, which counts nothing if the list is empty.
  spend(run, sequence.length * count)
  return joined(run, sequence.length === 0 ? [sequence] : Array(count).fill(sequence), sequence)
}

function joined(run: Run, lists: readonly unknown[][], like = lists[0]): unknown[] {
  const items = lists.flat()
  spend(run, items.length)
  return like instanceof Tuple ? Tuple.from(items) : items
}

export function compareWith(
  run: Run,
  operator: CompareOperator,
  left: unknown,
  right: unknown,
): boolean {
  switch (operator) {
    case '==':
      return equals(run, left, right)
    case '!=':
      return !equals(run, left, right)
    case 'in':
      return contains(run, right, left)
    case 'not in':
      return !contains(run, right, left)
    case '<':
      return compare(run, left, right, operator) < 0
    case '<=':
      return compare(run, left, right, operator) <= 0
    case '>':
      return compare(run, left, right, operator) > 0
    case '>=':
      return compare(run, left, right, operator) >= 0
  }
}
