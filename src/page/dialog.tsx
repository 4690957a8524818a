// What stands before all else, and what is shown once.

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Copy } from './parts.tsx'

/** Something that stands before all else until it is closed. */
export function Dialog({
  title,
  onClose,
  children,
  wide = false,
}: {
  title: string
  /** Without it, it cannot be closed. */
  onClose?: () => void
  children: ComponentChildren
  wide?: boolean
}) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    const opener = document.activeElement
    dialog?.showModal()
    const field = dialog?.querySelector<HTMLElement>('input, select, textarea')
    field?.focus()
    // a long text is read from its beginning
    if (field instanceof HTMLTextAreaElement) field.setSelectionRange(0, 0)
    if (field) field.scrollTop = 0
    return () => {
      dialog?.close()
      // the browser does so only for a dialog that stays in the document
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true })
    }
  }, [])
  return (
    <dialog
      ref={ref}
      class={wide ? 'wide' : ''}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose?.()
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        {onClose && (
          <button type="button" class="plain" aria-label="Close" onClick={onClose}>
            ✕
          </button>
        )}
      </header>
      {children}
    </dialog>
  )
}

/** An act that cannot be undone is asked for twice. */
export function Confirm({
  label,
  question,
  onConfirm,
  danger = true,
}: {
  label: string
  question: string
  onConfirm: () => void
  danger?: boolean
}) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <button type="button" class={`small ${danger ? 'danger' : ''}`} onClick={() => setOpen(true)}>
        {label}
      </button>
      {isOpen && (
        <Dialog title={label} onClose={() => setOpen(false)}>
          <p>{question}</p>
          <footer>
            <button type="button" onClick={() => setOpen(false)}>
              Leave it
            </button>
            <button
              type="button"
              class={danger ? 'primary danger' : 'primary'}
              onClick={() => {
                setOpen(false)
                onConfirm()
              }}
            >
              {label}
            </button>
          </footer>
        </Dialog>
      )}
    </>
  )
}

/** A secret; most are shown this once. */
export function Secret({
  label,
  value,
  isShownAgain = false,
  onClose,
}: {
  label: string
  value: string
  isShownAgain?: boolean
  onClose: () => void
}) {
  return (
    <div class="secret" role="status">
      <p>
        <strong>{label}</strong>{' '}
        {isShownAgain
          ? 'Whoever has it can sign in our name: keep it in a safe place.'
          : 'It is shown now and never again: keep it in a safe place.'}
      </p>
      <p class="row">
        <code>{value}</code>
        <Copy text={value} />
        <button type="button" class="small" onClick={onClose}>
          I have it
        </button>
      </p>
    </div>
  )
}
