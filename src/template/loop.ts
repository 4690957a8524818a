import type { Args } from './call.ts'
import { typeError } from './error.ts'
import type { Run } from './run.ts'
import { Callable, equals, Tuple, Undefined } from './values.ts'

/** The variable `loop`. */
export class Loop {
  readonly items: readonly unknown[]
  readonly depth: number
  index0 = 0
  readonly #again: ((items: unknown) => string) | null
  #changed: unknown[] | null = null

  constructor(
    items: readonly unknown[],
    depth: number,
    again: ((items: unknown) => string) | null,
  ) {
    this.items = items
    this.depth = depth
    this.#again = again
  }

  attribute(name: string): unknown {
    const { index0, depth } = this
    const { length } = this.items
    switch (name) {
      case 'index':
        return index0 + 1
      case 'index0':
        return index0
      case 'revindex':
        return length - index0
      case 'revindex0':
        return length - index0 - 1
      case 'first':
        return index0 === 0
      case 'last':
        return index0 === length - 1
      case 'length':
        return length
      case 'depth':
        return depth
      case 'depth0':
        return depth - 1
      case 'previtem':
        return index0 > 0 ? this.items[index0 - 1] : new Undefined('there is no previous item')
      case 'nextitem':
        return index0 < length - 1 ? this.items[index0 + 1] : new Undefined('there is no next item')
      case 'cycle':
        return new Callable(name, (_, args) => this.#cycle(args))
      case 'changed':
        return new Callable(name, (run, args) => this.#hasChanged(run, args))
      default:
        return new Undefined(`'LoopContext object' has no attribute '${name}'`)
    }
  }

  /** `loop(children)` of a recursive loop. */
  call({ positional }: Args): string {
    if (this.#again) return this.#again(positional[0])
    return typeError("The loop must have the 'recursive' marker to be called recursively.")
  }

  #cycle({ positional }: Args): unknown {
    if (positional.length === 0) typeError('no items for cycling given')
    return positional[this.index0 % positional.length]
  }

  #hasChanged(run: Run, { positional }: Args): boolean {
    const values = Tuple.from(positional)
    if (this.#changed && equals(run, this.#changed, values)) return false
    this.#changed = values
    return true
  }
}
