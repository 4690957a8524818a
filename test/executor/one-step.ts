// Runs of playbooks with one step between start and end, for tests of a tool.
import { expect } from 'vitest'
import { type Client, playbook } from '../support.ts'

/** Runs such playbooks; `defaults` are the step's keys unless a run says otherwise. */
export function oneStep(client: Client, defaults: object) {
  /** The execution, whole. */
  async function ran(step: object, head = '') {
    const keys = JSON.stringify({ step: 'only', next: 'end', ...defaults, ...step })
    const yaml = playbook(`  - {step: start, next: only}\n  - ${keys}\n  - {step: end}`, head)
    return client.get(`/api/executions/${await client.run(await client.register(yaml))}`)
  }

  return {
    ran,

    /** The result of a run that must succeed. */
    async resultOf(step: object, head = '') {
      const { body } = await ran(step, head)
      expect([body.status, body.error]).toEqual(['COMPLETED', null])
      return body.result
    },

    /** The error of a run that must fail. */
    async errorOf(step: object): Promise<string> {
      const { body } = await ran(step)
      expect(body.status).toBe('FAILED')
      return body.error
    },
  }
}
