// The API's description as a page, made on the server: it needs no script and fetches nothing.

import { html, raw } from 'hono/html'
import type { describeApi } from './openapi.ts'

type Description = ReturnType<typeof describeApi>
type Html = ReturnType<typeof html>
type Schema = Record<string, unknown>

interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
}

interface Shown {
  method: string
  path: string
  summary?: string
  description?: string
  security?: Record<string, string[]>[]
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema?: Schema; example?: unknown }> }
  responses?: Record<string, { description: string; content?: Record<string, { schema?: Schema }> }>
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete']

/** The page of a description. */
export function pageOf(description: Description): Html {
  const shown = Object.entries(description.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = (item as Record<string, unknown>)[method]
      return operation ? [{ ...(operation as Shown), method, path }] : []
    }),
  )
  const tags = (description.tags ?? []).map(({ name }) => name)
  const { title, version, description: about } = description.info
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} API</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header>
<h1>${title} <small>${version}</small></h1>
<p>${about} The same for machines: <a href="/openapi.json">openapi.json</a>.</p>
<nav>${tags.map((tag) => html`<a href="#${tag}">${tag}</a> `)}</nav>
</header>
<main>
${tags.map((tag) =>
  section(
    tag,
    shown.filter((operation) => operation.tags?.[0] === tag),
  ),
)}
<section id="schemas"><h2>Schemas</h2>
${Object.entries(description.components?.schemas ?? {}).map(
  ([name, schema]) =>
    html`<details id="schema-${name}"><summary>${name}</summary>${code(schema)}</details>`,
)}
</section>
</main>
</body>
</html>`
}

function section(tag: string, operations: Shown[]): Html {
  return html`<section id="${tag}"><h2>${tag}</h2>${operations.map(details)}</section>\n`
}

function details(operation: Shown): Html {
  const {
    method,
    path,
    summary,
    description,
    security = [],
    parameters = [],
    requestBody,
    responses = {},
  } = operation
  const body = requestBody?.content['application/json']
  const scopes = [...new Set(security.flatMap((way) => Object.values(way).flat()))]
  return html`<details>
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code> ${summary}</summary>
${description && html`<p>${description}</p>`}
${scopes.length > 0 && html`<p>Scope: ${scopes.join(' or ')}</p>`}
${parameters.length > 0 && html`<h3>Parameters</h3><table>${parameters.map(row)}</table>`}
${body?.schema && html`<h3>Body</h3>${code(body.schema)}`}
${body?.example !== undefined && html`<h3>Example</h3>${code(body.example)}`}
<h3>Replies</h3>
${Object.entries(responses).map(([status, reply]) => {
  const schema = Object.values(reply.content ?? {})[0]?.schema
  return html`<p><b>${status}</b> ${reply.description}</p>${schema && code(schema)}`
})}
</details>`
}

function row({ name, in: where, required, description, schema }: Parameter): Html {
  return html`<tr><td><code>${name}</code></td><td>${where}${required ? ', required' : ''}</td>
<td>${description ?? ''}</td><td><code>${JSON.stringify(schema ?? {})}</code></td></tr>`
}

function code(value: unknown): Html {
  return html`<pre>${JSON.stringify(value, null, 2)}</pre>`
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
nav a { margin-right: .75rem; }
details { border-top: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 4rem; font-size: .8rem; }
.get { color: #2a7ae2; } .post { color: #1a8f4a; } .put, .patch { color: #b8860b; } .delete { color: #c0392b; }
pre { overflow-x: auto; padding: .75rem; background: #8881; border-radius: .4rem; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td { border-top: 1px solid #8884; padding: .25rem .5rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
`
