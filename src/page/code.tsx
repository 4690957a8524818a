// YAML in colours: to be read, and to be edited.

import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { indent, lineRange, newLine } from './editing.ts'
import type { Fault } from './types.ts'
import { highlight, type Token } from './yaml.ts'

function Line({ tokens }: { tokens: readonly Token[] }) {
  return (
    <>
      {tokens.map(({ kind, text }, n) =>
        kind === 'plain' ? (
          text
        ) : (
          <span key={n} class={`y-${kind}`}>
            {text}
          </span>
        ),
      )}
      {'\n'}
    </>
  )
}

export function Yaml({ source }: { source: string }) {
  const lines = useMemo(() => highlight(source), [source])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="code-box" aria-label="Content" tabIndex={0}>
      <Numbers count={lines.length} faulty={new Set()} />
      <pre class="code">
        {lines.map((tokens, n) => (
          <Line key={n} tokens={tokens} />
        ))}
      </pre>
    </section>
  )
}

function Numbers({ count, faulty }: { count: number; faulty: ReadonlySet<number> }) {
  return (
    <pre class="numbers" aria-hidden="true">
      {Array.from({ length: count }, (_, n) => (
        <span key={n} class={faulty.has(n + 1) ? 'faulty' : ''}>{`${n + 1}\n`}</span>
      ))}
    </pre>
  )
}

export interface EditorProps {
  text: string
  onText: (text: string) => void
  faults: readonly Fault[]
  label: string
  /** Whoever opens it is about to type. */
  isAwaited: boolean
  /** What stands below it, always in sight. */
  children: ComponentChildren
}

/** Tab indents; after Escape it goes on to what follows, as everywhere else. */
export function Editor({ text, onText, faults, label, isAwaited, children }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const isLeaving = useRef(false)
  const lines = useMemo(() => highlight(text), [text])
  useEffect(() => {
    if (!isAwaited) return
    area.current?.focus({ preventScroll: true })
    area.current?.setSelectionRange(0, 0)
  }, [])
  const faulty = new Set(faults.flatMap(({ line }) => line ?? []))

  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    const { selectionStart: start, selectionEnd: end, value } = event.currentTarget
    if (event.key === 'Escape') {
      isLeaving.current = true
      return
    }
    const wasLeaving = isLeaving.current
    if (event.key !== 'Shift') isLeaving.current = false
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Tab' && !wasLeaving) {
      event.preventDefault()
      apply(event.currentTarget, indent(value, start, end, event.shiftKey))
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault()
      apply(event.currentTarget, newLine(value, start, end))
    }
  }
  const goTo = ({ line = 1, column = 1 }: Fault) => {
    const { start, end } = lineRange(text, line)
    const at = Math.min(end, start + column - 1)
    area.current?.focus({ preventScroll: true })
    area.current?.setSelectionRange(at, end)
    const height = (box.current?.scrollHeight ?? 0) / Math.max(1, lines.length)
    box.current?.scrollTo({ top: Math.max(0, (line - 4) * height) })
  }
  return (
    <>
      <div class="code-box editor" ref={box}>
        <Numbers count={lines.length} faulty={faulty} />
        <div class="layers">
          <pre class="code" aria-hidden="true">
            {lines.map((tokens, n) => (
              <Line key={n} tokens={tokens} />
            ))}
          </pre>
          <textarea
            ref={area}
            class="code"
            aria-label={label}
            aria-describedby="editor-hint"
            spellcheck={false}
            autoCapitalize="off"
            autoComplete="off"
            wrap="off"
            value={text}
            onInput={(event) => onText(event.currentTarget.value)}
            onKeyDown={onKeyDown}
          />
        </div>
      </div>
      <p id="editor-hint" class="muted small-text">
        Tab indents, Shift+Tab the other way; Escape, then Tab, leaves the editor.
      </p>
      <div class="editor-foot">
        {faults.length > 0 && (
          <ul class="faults">
            {faults.map((fault) => (
              <li key={`${fault.pointer} ${fault.detail} ${fault.line}`}>
                <button type="button" class="plain" onClick={() => goTo(fault)}>
                  {fault.line === undefined ? 'all' : `line ${fault.line}`}
                </button>{' '}
                {fault.detail}
              </li>
            ))}
          </ul>
        )}
        {children}
      </div>
    </>
  )
}

function apply(area: HTMLTextAreaElement, edit: ReturnType<typeof indent>): void {
  area.setSelectionRange(edit.from, edit.to)
  // so that undo knows of it; what does not know the command is told by other means
  const isDone =
    edit.text === ''
      ? document.execCommand('delete')
      : document.execCommand('insertText', false, edit.text)
  if (!isDone) {
    area.setRangeText(edit.text)
    area.dispatchEvent(new Event('input', { bubbles: true }))
  }
  area.setSelectionRange(edit.start, edit.end)
}
