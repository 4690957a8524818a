// The Worker's variables. Every one is described in the README.

import * as z from 'zod'
import { SCOPES } from './access/caller.ts'

/** Tools that the edge executor has and workers may have, too. */
const EDGE_TOOLS: readonly string[] = ['http', 'postgres', 'secrets', 'javascript']

/** Words separated by commas or spaces. */
const List = z.string().transform((text) => text.split(/[\s,]+/).filter(Boolean))

/** What no template and no step may see. */
const SECRET: ReadonlySet<string> = new Set(['DATABASE_URL', 'API_KEY', 'ENCRYPTION_KEY'])

/** Names of this machine, as URLs have them. */
export const LOOPBACK = /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/

const ClaimPath = z.string().regex(/^\S{1,256}$/)

const Settings = z.object({
  /** Neon's connection string (pooled or direct). */
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//),
  /** Where the driver sends its SQL instead of Neon's own address; for the local endpoint. */
  NEON_ENDPOINT: z.url().optional(),
  /** The key that callers send as a bearer token. */
  API_KEY: z.string().min(16).optional(),
  /** `open` lets everybody in; for loopback only. */
  ACCESS: z.enum(['open', 'key']).default('key'),
  /** Origins whose pages may call, separated by commas or spaces: `https://ui.example.org`. */
  CORS_ORIGINS: List.prefault('').refine(
    (origins) => origins.every((origin) => URL.parse(origin)?.origin === origin),
    {
      error: 'origins, like https://ui.example.org',
    },
  ),
  /** Tools that the edge executor runs itself, separated by commas or spaces; empty: none. */
  EDGE_TOOLS: List.refine((tools) => tools.every((tool) => EDGE_TOOLS.includes(tool)), {
    error: `any of ${EDGE_TOOLS.join(', ')}`,
  }).optional(),
  /** Hosts that the http tool may ask (`api.example.org`, `*.example.org`); empty: all public ones. */
  HTTP_ALLOW_HOSTS: List.prefault(''),
  /** Hosts that it may not ask, whatever else is said. */
  HTTP_DENY_HOSTS: List.prefault(''),
  /** Whether it may ask private, loopback and link-local addresses. */
  HTTP_ALLOW_PRIVATE: z.stringbool().default(false),
  /** Variables of the Worker that templates see as `env`; empty: none. */
  TEMPLATE_ENV: List.prefault('').refine((names) => !names.some((name) => SECRET.has(name)), {
    error: 'names a secret',
  }),
  /** What the http tool reads of one reply at most, in bytes. */
  HTTP_MAX_BYTES: z.coerce.number().int().min(1024).max(20_971_520).default(5_242_880),
  /** Variables and secrets of the Worker that steps may read; never its own settings. */
  SECRETS_ALLOW: List.prefault(''),
  /** 32 bytes in base64: what credentials are encrypted under. */
  ENCRYPTION_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/)
    .optional(),
  /** How long one invocation goes on from step to step before it hands over to the queue. */
  EDGE_WALL_SECONDS: z.coerce.number().int().min(1).max(900).default(20),
  /** How many steps one invocation does before it hands over to the queue. */
  EDGE_MAX_STEPS: z.coerce.number().int().min(1).max(10_000).default(40),
  /** How many actions of one execution run at the same time in one invocation. */
  EDGE_CONCURRENCY: z.coerce.number().int().min(1).max(6).default(5),
  /** How deep playbooks may be nested. */
  PLAYBOOK_DEPTH: z.coerce.number().int().min(1).max(100).default(16),
  /** How long a step may go without a sign before another invocation may take it. */
  EDGE_LEASE_SECONDS: z.coerce.number().int().min(5).max(3600).default(60),
  /** After how many reads of the database a stream ends, for its reader to come again. */
  STREAM_POLLS: z.coerce.number().int().min(1).max(100_000).default(900),
  /** What RATE_KEY of wrangler.toml allows, for callers to be told. */
  RATE_KEY_PER_MINUTE: z.coerce.number().int().min(1).default(6_000),
  /** What RATE_IP allows. */
  RATE_IP_PER_MINUTE: z.coerce.number().int().min(1).default(300),
  /** Whose tokens are taken: `iss`, to the letter. */
  JWT_ISSUER: z.string().min(1).max(1024).optional(),
  /** For whom they must have been issued (`aud`): one of these. */
  JWT_AUDIENCE: List.refine((audiences) => audiences.length > 0, { error: 'is empty' }).optional(),
  /** Where the issuer's keys are; `.well-known/jwks.json` below the issuer unless it is said. */
  JWT_JWKS_URL: z.url().optional(),
  /** A header that has the token, beside `Authorization`. */
  JWT_HEADER: z
    .string()
    .regex(/^(?!authorization$)[a-z0-9-]{1,64}$/i)
    .optional(),
  /** The claim with a token's scopes. */
  JWT_SCOPES_CLAIM: ClaimPath.default('scope'),
  /** Scopes of every token. */
  JWT_SCOPES: List.prefault('').refine(
    (words) => words.every((word) => (SCOPES as readonly string[]).includes(word)),
    { error: `any of ${SCOPES.join(', ')}` },
  ),
  /** The claim with the prefix of the paths that a token reaches. */
  JWT_PREFIX_CLAIM: ClaimPath.optional(),
  /** The claim with the caller's name. */
  JWT_NAME_CLAIM: ClaimPath.optional(),
})

/** What has no meaning without an issuer. */
const OF_ISSUER = [
  'JWT_AUDIENCE',
  'JWT_JWKS_URL',
  'JWT_HEADER',
  'JWT_PREFIX_CLAIM',
  'JWT_NAME_CLAIM',
] as const

export const Variables = Settings.superRefine((config, context) => {
  const refuse = (name: string, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message })
  if (config.JWT_ISSUER === undefined) {
    const isUsed = OF_ISSUER.some((name) => config[name] !== undefined)
    if (isUsed || config.JWT_SCOPES.length > 0) refuse('JWT_ISSUER', 'other settings need it')
    return
  }
  if (config.JWT_AUDIENCE === undefined) refuse('JWT_AUDIENCE', 'JWT_ISSUER needs it')
  // whoever can change the keys on their way can sign
  const url = URL.parse(jwksUrlOf(config) ?? '')
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  if (!isSafe) refuse('JWT_JWKS_URL', 'https only')
})

const isLoopback = ({ hostname }: URL) => LOOPBACK.test(hostname)

/** Where the issuer's keys are; null without an issuer. */
export function jwksUrlOf(config: Pick<Config, 'JWT_ISSUER' | 'JWT_JWKS_URL'>): string | null {
  const { JWT_ISSUER, JWT_JWKS_URL } = config
  if (JWT_ISSUER === undefined) return null
  return JWT_JWKS_URL ?? `${JWT_ISSUER.replace(/\/$/, '')}/.well-known/jwks.json`
}

export type Config = z.infer<typeof Settings>

/** Names of all variables. */
export const VARIABLES: readonly string[] = Object.keys(Settings.shape)
