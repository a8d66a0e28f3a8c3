import { z } from 'zod'
import { DECISION_CODES, type DecisionCode } from '../entitlement/decision-code.ts'
import { DECISION_TEXTS, WARNING_TEXTS } from '../entitlement/decision-text.ts'
import type { Answer } from './endpoint.ts'
import { FIELD_ISSUES } from './field-issue-text.ts'
import openapi from './openapi.json' with { type: 'json' }
import { PROBLEMS } from './problem-text.ts'

/** What the page reads of the snapshot. */
const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        summary: z.string(),
        description: z.string(),
        security: z.array(z.record(z.string(), z.array(z.string()))),
        parameters: z
          .array(z.object({ in: z.string(), name: z.string(), description: z.string(), schema: z.unknown() }))
          .default([]),
        requestBody: z.object({ description: z.string(), content: z.record(z.string(), z.unknown()) }).optional(),
        responses: z.record(
          z.string(),
          z.object({ description: z.string(), content: z.record(z.string(), z.unknown()) }),
        ),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
})

const CACHED = 'public, max-age=300'
/** No script, no image, nothing from elsewhere; the style is this one alone. */
const HTML_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': CACHED,
}
/**
 * Narrow: a row of a table of codes becomes a card, each cell with its column's name, so nothing scrolls sideways but JSON.
 * Codes break nowhere but at `<wbr>`. On paper the answers that are folded on the screen are open.
 */
const STYLE = `:root{color-scheme:light}body{font:1rem/1.5 system-ui,sans-serif;max-width:72rem;margin:auto;padding:1rem;color:#111;background:#fff}
h2,h3{scroll-margin-top:1rem}nav ul{columns:20rem;padding-left:1.2rem}nav li{break-inside:avoid}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #888;padding:.4rem;text-align:left;vertical-align:top}
td{overflow-wrap:break-word}td[data-column=schema]{overflow-wrap:anywhere;min-width:8rem}pre{background:#f2f2f2;padding:.6rem;overflow:auto;max-height:30rem}
:target{background:#fff3b0;scroll-margin-top:1rem}a:focus-visible,summary:focus-visible,pre:focus-visible{outline:3px solid #05c;outline-offset:2px}
h3 code{overflow-wrap:anywhere}section{border-top:1px solid #888;margin-top:2rem}summary{padding:.2rem 0}
@media screen and (max-width:50rem){thead{position:absolute;clip-path:inset(50%)}table,tbody,tr,th,td{display:block}tr{border:1px solid #888;margin-bottom:.8rem}
th,td{border:0}td:empty{display:none}td::before{content:attr(data-column);display:block;font-size:.8rem;color:#555}}
@media print{body{max-width:none;font-size:9pt}pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:none}tr{break-inside:avoid}h2,h3,h4{break-after:avoid}
details::details-content{content-visibility:visible;display:block;height:auto}:target{background:none}}`

let texts: { openapi: string; docs: string; problems: string } | null = null

/** Made at the first request, then kept: a start does not wait for pages that nobody reads. */
function all() {
  texts ??= { openapi: JSON.stringify(openapi), docs: docsPage(), problems: problemsPage() }
  return texts
}

/** `GET /openapi.json`. */
export async function showOpenApi(): Promise<Answer> {
  return { status: 200, body: all().openapi, headers: { 'cache-control': CACHED } }
}

/** `GET /docs`. */
export async function showDocs(): Promise<Answer> {
  return { status: 200, body: all().docs, headers: HTML_HEADERS }
}

/** `GET /docs/problems`: the `type` of every problem leads here. */
export async function showProblems(): Promise<Answer> {
  return { status: 200, body: all().problems, headers: HTML_HEADERS }
}

function problemsPage(): string {
  const problems = Object.entries(PROBLEMS).map(([code, row]) => ({
    code,
    cells: [String(row.status), row.title],
    texts: row,
  }))
  const faults = Object.entries(FIELD_ISSUES).map(([code, texts]) => ({ code, cells: [], texts }))
  return page('Problems · Lỗi', [
    '<p><a href="/docs">Reference</a></p>',
    `<h2>Problems</h2>${codeTable(['status', 'title'], problems)}`,
    `<h2>Faults of a member</h2>${codeTable([], faults)}`,
  ])
}

function docsPage(): string {
  const { paths, components } = documentSchema.parse(openapi)
  const contents = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { operationId }]) =>
        `<li><a href="#${escaped(operationId)}"><code>${method.toUpperCase()} ${escaped(path)}</code></a></li>`,
    ),
  )
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { operationId: id, summary, description, security, parameters, requestBody, responses } = operation
      const scopes = security.flatMap((each) => Object.values(each).flat())
      return `<section id="${escaped(id)}"><h3><code>${method.toUpperCase()} ${escaped(path)}</code></h3>
<p>${marked(summary)}. ${marked(description)}</p><p>Scope: ${scopes.length === 0 ? 'none, public' : escaped(scopes.join(' or '))}</p>
${
  parameters.length === 0
    ? ''
    : table(
        ['parameter', 'in', 'meaning', 'schema'],
        parameters.map(
          (each) =>
            `<tr>${cell('parameter', each.name)}${cell('in', each.in)}${cell('meaning', each.description)}${cell('schema', JSON.stringify(each.schema))}</tr>`,
        ),
      )
}
${requestBody === undefined ? '' : `<h4>Request</h4><p>${marked(requestBody.description)}</p>${json(requestBody.content)}`}
<h4>Answers</h4>${Object.entries(responses)
        .map(
          ([status, each]) =>
            `<details><summary>${status} ${marked(each.description)}</summary>${json(each.content)}</details>`,
        )
        .join('')}</section>`
    }),
  )
  const decisions = Object.entries(DECISION_CODES).map(([code, each]) => ({
    code,
    cells: [each.vssCode ?? '–', each.decision, each.cause ?? ''],
    texts: DECISION_TEXTS[code as DecisionCode],
  }))
  const warnings = Object.entries(WARNING_TEXTS).map(([code, texts]) => ({ code, cells: [], texts }))
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<section id="schema-${escaped(name)}"><h3>${escaped(name)}</h3>${json(schema)}</section>`,
  )
  return page('Kiểm thẻ', [
    '<p><a href="/openapi.json">OpenAPI 3.1</a> · <a href="/docs/problems">Problems</a> · <a href="#operations">Operations</a> · <a href="#decisions">Decisions</a> · <a href="#warnings">Warnings</a> · <a href="#schemas">Schemas</a></p>',
    `<h2 id="operations">Operations</h2><nav aria-label="Operations"><ul>${contents.join('')}</ul></nav>${operations.join('')}`,
    `<h2 id="decisions">Decisions · Kết quả</h2>${codeTable(['VSS', 'decision', 'cause'], decisions)}`,
    `<h2 id="warnings">Warnings · Lưu ý</h2>${codeTable([], warnings)}`,
    `<h2 id="schemas">Schemas</h2>${schemas.join('')}`,
  ])
}

function page(title: string, parts: readonly string[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>${parts.join('\n')}</main></body></html>`
}

/** A table of codes: each row has an anchor, its own columns, and the two texts. */
function codeTable(columns: readonly string[], rows: readonly CodeRow[]): string {
  const body = rows.map(({ code, cells, texts: { desk, integrator } }) => {
    const breakable = code.replaceAll('_', '_<wbr>')
    const rest = cells.map((text, at) => cell(columns[at] ?? '', text)).join('')
    return `<tr id="${code}"><th scope="row"><a href="#${code}"><code>${breakable}</code></a></th>${rest}${cell(DESK, desk, ' lang="vi"')}${cell(INTEGRATOR, integrator)}</tr>`
  })
  return table(['code', ...columns, DESK, INTEGRATOR], body)
}

interface CodeRow {
  readonly code: string
  readonly cells: readonly string[]
  readonly texts: { readonly desk: string; readonly integrator: string }
}

const DESK = 'Quầy tiếp đón'
const INTEGRATOR = 'Integrator'

function cell(column: string, text: string, attributes = ''): string {
  return `<td data-column="${escaped(column)}"${attributes}>${marked(text)}</td>`
}

function table(head: readonly string[], rows: readonly string[]): string {
  const names = head.map((name) => `<th scope="col"${name === DESK ? ' lang="vi"' : ''}>${escaped(name)}</th>`)
  return `<table><thead><tr>${names.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

/** Texts name members as \`member\`. */
function marked(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

function json(value: unknown): string {
  return `<pre tabindex="0">${escaped(JSON.stringify(value, null, 1))}</pre>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
