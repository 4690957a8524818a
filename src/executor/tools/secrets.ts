// The secrets tool: names a secret for the steps behind it. Its result holds a reference, never the value.

import { type Origin, referenceTo } from '../secrets.ts'
import { type Call, type Ending, ToolError } from './tool.ts'

/** Gives `secret_value`, a reference that other steps of the execution may use in place of the secret. */
export async function secretsTool(call: Call): Promise<Ending> {
  const origin = await originOf(call)
  const secret_value = await referenceTo(call, origin)
  return { status: 'success', data: { secret_name: origin.name, secret_value } }
}

async function originOf({ task, credential }: Call): Promise<Origin> {
  const name = task.secret_name ?? task.key ?? task.credential ?? task.auth
  if (typeof name !== 'string' || name === '') {
    throw new ToolError('a secrets step needs secret_name: NAME')
  }
  const provider = String(task.provider ?? 'env').toLowerCase()
  if (provider === 'env') return { source: 'env', name }
  if (provider !== 'credential') {
    throw new ToolError(
      `secrets of '${provider}' cannot be read here; the providers are env, a secret of the Worker, and credential`,
    )
  }
  if (typeof task.field === 'string') return { source: 'credential', name, field: task.field }
  const { data } = await credential(name)
  const [only, ...others] = Object.keys(data)
  if (only === undefined || others.length > 0) {
    throw new ToolError(`which field of the credential '${name}' is meant? field: NAME`)
  }
  return { source: 'credential', name, field: only }
}
