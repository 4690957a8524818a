// Where the http tool may go. Playbooks are written by people who need not be allowed to look around in
// the network that the Worker can reach. A name that resolves to a private address cannot be seen from here;
// deployed, the platform itself reaches public addresses only.

import ipaddr from 'ipaddr.js'
import type { Config } from '../../settings.ts'
import { ToolError } from './tool.ts'

/** The settings that say so. */
export type EgressRules = Pick<
  Config,
  'HTTP_ALLOW_HOSTS' | 'HTTP_DENY_HOSTS' | 'HTTP_ALLOW_PRIVATE'
>

/** Names that mean a machine nearby. */
const NEARBY = /(^|\.)(localhost|local|internal|home\.arpa)$/

/**
 * Refuses an address that the settings do not allow.
 * @throws ToolError naming the host and the setting.
 */
export function checkEgress(url: URL, config: EgressRules): void {
  const host = url.hostname.replace(/\.+$/, '')
  if (config.HTTP_DENY_HOSTS.some((pattern) => matches(host, pattern))) {
    throw new ToolError(`${host} is not allowed: it is among HTTP_DENY_HOSTS`)
  }
  const isAllowed = config.HTTP_ALLOW_HOSTS.some((pattern) => matches(host, pattern))
  if (config.HTTP_ALLOW_HOSTS.length > 0 && !isAllowed) {
    throw new ToolError(`${host} is not allowed: it is not among HTTP_ALLOW_HOSTS`)
  }
  if (!config.HTTP_ALLOW_PRIVATE && isPrivate(host)) {
    throw new ToolError(`${host} is not allowed: it is not a public address (HTTP_ALLOW_PRIVATE)`)
  }
}

/** `example.org` is that host alone, `*.example.org` every host below it. */
export function matches(host: string, pattern: string): boolean {
  const wanted = pattern.toLowerCase()
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted
}

/** Whether a host is an address that is not public, or a name for one. URLs write each address in one way. */
function isPrivate(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  if (!ipaddr.isValid(bare)) return NEARBY.test(host) || !host.includes('.')
  // an IPv4 address within an IPv6 one is the former
  const address = ipaddr.process(bare)
  // but for a form of old, `::10.0.0.1`
  const isOld = 'parts' in address && address.parts.slice(0, 6).every((part) => part === 0)
  return isOld || address.range() !== 'unicast'
}
