import type { Span } from './error.ts'

export interface CallArgs {
  readonly positional: readonly Expr[]
  readonly named: readonly (readonly [string, Expr])[]
  /** `*list` and `**dict`. */
  readonly spread: Expr | null
  readonly spreadNamed: Expr | null
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**'
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in'

export interface SliceKey {
  readonly type: 'slice'
  readonly start: Expr | null
  readonly stop: Expr | null
  readonly step: Expr | null
}

export type Expr =
  | { readonly type: 'const'; readonly value: string | number | bigint | boolean | null }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple' | 'concat'; readonly items: readonly Expr[] }
  | { readonly type: 'and' | 'or'; readonly items: readonly Expr[] }
  | { readonly type: 'dict'; readonly entries: readonly (readonly [Expr, Expr])[] }
  | { readonly type: 'attribute'; readonly target: Expr; readonly name: string }
  | { readonly type: 'item'; readonly target: Expr; readonly key: Expr | SliceKey }
  | { readonly type: 'call'; readonly target: Expr; readonly args: CallArgs }
  | {
      readonly type: 'filter' | 'test'
      readonly target: Expr
      readonly name: string
      readonly args: CallArgs
    }
  | { readonly type: 'not'; readonly operand: Expr }
  | { readonly type: 'unary'; readonly operator: '+' | '-'; readonly operand: Expr }
  | {
      readonly type: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expr
      readonly right: Expr
    }
  | {
      readonly type: 'compare'
      readonly first: Expr
      readonly rest: readonly { readonly operator: CompareOperator; readonly operand: Expr }[]
    }
  | {
      readonly type: 'condition'
      readonly test: Expr
      readonly whenTrue: Expr
      readonly otherwise: Expr | null
    }

export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'tuple'; readonly items: readonly Target[] }
  | { readonly type: 'namespace'; readonly name: string; readonly attribute: string }

export interface FilterStep {
  readonly name: string
  readonly args: CallArgs
}

export interface MacroParams {
  readonly names: readonly string[]
  /** Defaults of the last parameters. */
  readonly defaults: readonly Expr[]
  /** Which of varargs, kwargs and caller the body mentions, and so may be given. */
  readonly extras: ReadonlySet<string>
}

export type ForNode = {
  readonly type: 'for'
  readonly target: Target
  readonly iterable: Expr
  readonly filter: Expr | null
  readonly recursive: boolean
  readonly body: readonly Node[]
  readonly otherwise: readonly Node[]
  readonly span: Span
}

type MacroNode = {
  readonly type: 'macro'
  readonly name: string
  readonly params: MacroParams
  readonly body: readonly Node[]
  readonly span: Span
}

export type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'output'; readonly value: Expr; readonly span: Span }
  | {
      readonly type: 'if'
      readonly branches: readonly { readonly test: Expr; readonly body: readonly Node[] }[]
      readonly otherwise: readonly Node[]
      readonly span: Span
    }
  | ForNode
  | { readonly type: 'set'; readonly target: Target; readonly value: Expr; readonly span: Span }
  | {
      readonly type: 'set_block'
      readonly target: Target
      readonly filters: readonly FilterStep[]
      readonly body: readonly Node[]
      readonly span: Span
    }
  | {
      readonly type: 'filter_block'
      readonly filters: readonly FilterStep[]
      readonly body: readonly Node[]
      readonly span: Span
    }
  | {
      readonly type: 'with'
      readonly bindings: readonly (readonly [Target, Expr])[]
      readonly body: readonly Node[]
      readonly span: Span
    }
  | MacroNode
  | {
      readonly type: 'call_block'
      readonly call: Extract<Expr, { type: 'call' }>
      readonly params: MacroParams
      readonly body: readonly Node[]
      readonly span: Span
    }
