// Writing a playbook: what is wrong with it is said as one types, and it becomes the next version.

import { useEffect, useState } from 'preact/hooks'
import { send, Problem as Told } from '../api.ts'
import { Editor } from '../code.tsx'
import { Kept } from '../controls.tsx'
import { Confirm } from '../dialog.tsx'
import { draftOf, useDraft } from '../draft.ts'
import { useAct, useRested } from '../hooks.ts'
import { Problem, Shape } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate } from '../router.tsx'
import type { Fault, Validation } from '../types.ts'

const FIRST = `metadata: {path: team/name}

workload: {name: world}

workflow:
  - step: start
    next: greet

  - step: greet
    type: transform
    data: "hello {{ workload.name }}"
    next: end

  - step: end
    result: {said: "{{ greet }}"}
`

interface Registration {
  path: string
  version: number
  created: boolean
}

export function NewPlaybook() {
  return (
    <>
      <p class="crumbs">
        <Link to="/playbooks">Playbooks</Link> / new
      </p>
      <div class="head">
        <h1>New playbook</h1>
      </div>
      <PlaybookEditor
        draft={draftOf()}
        content={FIRST}
        onRegistered={({ path }) => navigate(addressOf('playbooks', path))}
      />
    </>
  )
}

export function PlaybookEditor({
  draft: name,
  content,
  version = '',
  onRegistered,
  onLeave,
}: {
  /** Under which name it is kept while it is not registered. */
  draft: string
  content: string
  version?: string
  onRegistered: (registration: Registration) => void
  onLeave?: () => void
}) {
  const draft = useDraft(name)
  const text = draft.texts.text ?? content
  const { faults, isKnown, problem } = useFaults(text)
  const register = useAct(async () => {
    const { data } = await send<Registration>('POST', '/api/catalog/register', {
      body: { content: text },
    })
    draft.drop()
    onRegistered(data)
  })
  const begun = draft.texts.of ?? version
  const type = (typed: string) =>
    draft.set(typed === content ? { text: null, of: null } : { text: typed, of: begun })
  const leave = () => {
    draft.drop()
    onLeave?.()
  }
  return (
    <>
      <Kept draft={draft}>
        {begun !== version && `It was begun on version ${begun}; this is version ${version} now. `}
      </Kept>
      <Editor
        text={text}
        onText={type}
        faults={faults}
        label="The playbook, as YAML"
        isAwaited={!draft.isFound}
      >
        <div class="row">
          <button
            type="button"
            class="primary"
            disabled={register.isBusy}
            onClick={() => register.run()}
          >
            {register.isBusy ? 'Registering …' : 'Register'}
          </button>
          <span role="status" class="row">
            {!isKnown ? (
              <span class="muted">checking …</span>
            ) : faults.length === 0 ? (
              <>
                <Shape state="completed" /> nothing is wrong with it
              </>
            ) : (
              <>
                <Shape state="failed" />{' '}
                {faults.length === 1 ? '1 fault' : `${faults.length} faults`}
              </>
            )}
          </span>
          {onLeave &&
            (text === content ? (
              <button type="button" onClick={leave}>
                Leave it as it is
              </button>
            ) : (
              <Confirm
                label="Discard changes"
                question="What you have changed here is lost."
                onConfirm={leave}
              />
            ))}
        </div>
      </Editor>
      <Problem problem={register.problem ?? problem} />
    </>
  )
}

function useFaults(text: string) {
  const rested = useRested(text, 400)
  const [told, setTold] = useState<{
    of: string
    faults: readonly Fault[]
    problem: Told | null
  } | null>(null)
  useEffect(() => {
    const controller = new AbortController()
    send<Validation>('POST', '/api/catalog/playbooks/validate', {
      body: { content: rested },
      signal: controller.signal,
    })
      .then(({ data }) => setTold({ of: rested, faults: data.faults ?? [], problem: null }))
      .catch((error) => {
        if (controller.signal.aborted) return
        const problem = error instanceof Told ? error : new Told(0, 'Not checked', String(error))
        setTold({
          of: rested,
          faults: problem.errors,
          problem: problem.errors.length > 0 ? null : problem,
        })
      })
    return () => controller.abort()
  }, [rested])
  return { faults: told?.faults ?? [], isKnown: told?.of === text, problem: told?.problem ?? null }
}
