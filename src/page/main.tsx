// The page: its frame, and the view that the address names.

import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { keyring } from './api.ts'
import { Labelled } from './controls.tsx'
import { Dialog } from './dialog.tsx'
import { Empty } from './parts.tsx'
import { addressOf, type View } from './path.ts'
import { Link, scrollToPlace, useLocation } from './router.tsx'
import { Audit } from './views/audit.tsx'
import { Credentials } from './views/credentials.tsx'
import { ExecutionView } from './views/execution.tsx'
import { Executions } from './views/executions.tsx'
import { Hooks } from './views/hooks.tsx'
import { Keys } from './views/keys.tsx'
import { Notifications } from './views/notifications.tsx'
import { Overview } from './views/overview.tsx'
import { PlaybookView } from './views/playbook.tsx'
import { Playbooks } from './views/playbooks.tsx'
import { Schedules } from './views/schedules.tsx'

const TITLES: Record<View, string> = {
  executions: 'Executions',
  playbooks: 'Playbooks',
  overview: 'Overview',
  hooks: 'Hooks',
  schedules: 'Schedules',
  notifications: 'Notifications',
  credentials: 'Credentials',
  keys: 'Keys',
  audit: 'Audit',
}

function Page() {
  const { view, rest, pathname } = useLocation()
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${rest || (view ? TITLES[view] : 'Not found')} · noetl-edge`
    if (isFirst.current) {
      isFirst.current = false
      return
    }
    main.current?.focus({ preventScroll: true })
    return scrollToPlace()
  }, [pathname])
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header view={view} />
      <main id="main" ref={main} tabIndex={-1} aria-label={view ? TITLES[view] : 'Not found'}>
        <Shown view={view} rest={rest} />
      </main>
      <KeyDialog />
    </>
  )
}

function Shown({ view, rest }: { view: View | null; rest: string }) {
  switch (view) {
    case 'executions':
      return rest === '' ? <Executions /> : <ExecutionView id={rest} key={rest} />
    case 'playbooks':
      return rest === '' ? <Playbooks /> : <PlaybookView path={rest} key={rest} />
    case 'overview':
      return <Overview />
    case 'hooks':
      return <Hooks />
    case 'schedules':
      return <Schedules />
    case 'notifications':
      return <Notifications />
    case 'credentials':
      return <Credentials />
    case 'keys':
      return <Keys />
    case 'audit':
      return <Audit />
    default:
      return (
        <Empty>
          <h1>There is no such page</h1>
          <p>
            <Link to="/">Back to the executions</Link>
          </p>
        </Empty>
      )
  }
}

function Header({ view }: { view: View | null }) {
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    // on a phone the views do not all fit
    const current = nav.current?.querySelector('[aria-current]')
    if (view !== null) current?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [view])
  return (
    <header class="top">
      <Link to="/" class="brand" aria-label="noetl-edge, executions">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect width="32" height="32" rx="7" class="brand-ground" />
          <path d="M8 10h8a6 6 0 0 1 6 6M8 22h8a6 6 0 0 0 6-6" class="brand-line" />
          <circle cx="8" cy="10" r="3" class="brand-dot" />
          <circle cx="8" cy="22" r="3" class="brand-dot" />
          <circle cx="23" cy="16" r="3.5" class="brand-dot" />
        </svg>
        <span>noetl-edge</span>
      </Link>
      <nav aria-label="Views" ref={nav}>
        {(Object.keys(TITLES) as View[]).map((name) => (
          <Link to={addressOf(name)} key={name} aria-current={view === name ? 'page' : undefined}>
            {TITLES[name]}
          </Link>
        ))}
      </nav>
      <KeyState />
    </header>
  )
}

function useKeyring() {
  const [, setTurn] = useState(0)
  useEffect(() => keyring.listen(() => setTurn((turn) => turn + 1)), [])
  return keyring
}

function KeyState() {
  const { has } = useKeyring()
  return (
    <span class="aside">
      {has ? (
        <button type="button" class="plain" onClick={() => keyring.forget()}>
          Forget key
        </button>
      ) : (
        // a link cannot send a key
        <a href="/docs" target="_blank" rel="noreferrer">
          API
        </a>
      )}
    </span>
  )
}

function KeyDialog() {
  const { asking } = useKeyring()
  const [text, setText] = useState('')
  if (!asking) return null
  return (
    <Dialog title="A key is needed">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() === '') return
          keyring.give(text.trim())
          setText('')
        }}
      >
        <p>
          {asking.refused
            ? 'That key is not known here, or no longer.'
            : 'This API answers to whoever has a key.'}{' '}
          It is kept in this tab alone, until the tab is closed, and sent nowhere else.
        </p>
        <Labelled label="API key" fault={asking.refused ? 'it was refused' : undefined}>
          <input
            type="password"
            autoComplete="off"
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </Labelled>
        <footer>
          <button type="submit" class="primary">
            Use it
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

const root = document.getElementById('root')
if (root) render(<Page />, root)
