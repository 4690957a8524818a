import { auditOf } from '../../src/access/audit.ts'
import type { Caller } from '../../src/access/caller.ts'

const TEST: Caller = { id: 'cli', name: 'test', scopes: new Set(), within: null, ip: null }

/** A line of the audit for statements that are sent by hand. */
export const AUDIT = auditOf(TEST, 'test.done', 'test')
