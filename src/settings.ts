// The Worker's variables. Every one is described in the README.

import * as z from 'zod'

/** Tools that the edge executor has and workers may have, too. */
const EDGE_TOOLS: readonly string[] = ['http', 'postgres', 'secrets', 'javascript']

/** Words separated by commas or spaces. */
const List = z.string().transform((text) => text.split(/[\s,]+/).filter(Boolean))

/** What no template and no step may see. */
const SECRET: ReadonlySet<string> = new Set(['DATABASE_URL', 'API_KEY', 'ENCRYPTION_KEY'])

export const Variables = z.object({
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
})

export type Config = z.infer<typeof Variables>

/** Names of all variables. */
export const VARIABLES: readonly string[] = Object.keys(Variables.shape)
