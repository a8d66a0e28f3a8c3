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
const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:72rem;margin:auto;padding:1rem;color:#111;background:#fff}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #888;padding:.4rem;text-align:left;vertical-align:top}
pre{background:#f2f2f2;padding:.6rem;overflow:auto}:target{background:#fff3b0}a:focus,summary:focus,pre:focus{outline:3px solid #05c}
code{overflow-wrap:anywhere}section{border-top:1px solid #888;margin-top:2rem}`

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
  const problems = Object.entries(PROBLEMS).map(([code, row]) => codeRow(code, [String(row.status), row.title], row))
  const faults = Object.entries(FIELD_ISSUES).map(([code, row]) => codeRow(code, [], row))
  return page('Problems · Lỗi', [
    '<p><a href="/docs">Reference</a></p>',
    `<h2>Problems</h2>${table(['code', 'status', 'title', 'Quầy tiếp đón', 'Integrator'], problems)}`,
    `<h2>Faults of a member</h2>${table(['code', 'Quầy tiếp đón', 'Integrator'], faults)}`,
  ])
}

function docsPage(): string {
  const { paths, components } = documentSchema.parse(openapi)
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { operationId: id, summary, description, security, parameters, requestBody, responses } = operation
      const scopes = security.flatMap((each) => Object.values(each).flat())
      return `<section id="${escaped(id)}"><h3><code>${method.toUpperCase()} ${escaped(path)}</code></h3>
<p>${escaped(summary)}. ${escaped(description)}</p><p>Scope: ${scopes.length === 0 ? 'none, public' : escaped(scopes.join(' or '))}</p>
${
  parameters.length === 0
    ? ''
    : table(
        ['parameter', 'in', 'meaning', 'schema'],
        parameters.map((each) => row([each.name, each.in, each.description, JSON.stringify(each.schema)])),
      )
}
${requestBody === undefined ? '' : `<h4>Request</h4><p>${escaped(requestBody.description)}</p>${json(requestBody.content)}`}
<h4>Answers</h4>${Object.entries(responses)
        .map(
          ([status, each]) =>
            `<details><summary>${status} ${escaped(each.description)}</summary>${json(each.content)}</details>`,
        )
        .join('')}</section>`
    }),
  )
  const decisions = Object.entries(DECISION_CODES).map(([code, each]) =>
    codeRow(code, [each.vssCode ?? '–', each.decision, each.cause ?? ''], DECISION_TEXTS[code as DecisionCode]),
  )
  const warnings = Object.entries(WARNING_TEXTS).map(([code, each]) => codeRow(code, [], each))
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<section id="schema-${escaped(name)}"><h3>${escaped(name)}</h3>${json(schema)}</section>`,
  )
  return page('Kiểm thẻ', [
    '<p><a href="/openapi.json">OpenAPI 3.1</a> · <a href="/docs/problems">Problems</a> · <a href="#operations">Operations</a> · <a href="#decisions">Decisions</a> · <a href="#warnings">Warnings</a> · <a href="#schemas">Schemas</a></p>',
    `<h2 id="operations">Operations</h2>${operations.join('')}`,
    `<h2 id="decisions">Decisions · Kết quả</h2>${table(['code', 'VSS', 'decision', 'cause', 'Quầy tiếp đón', 'Integrator'], decisions)}`,
    `<h2 id="warnings">Warnings · Lưu ý</h2>${table(['code', 'Quầy tiếp đón', 'Integrator'], warnings)}`,
    `<h2 id="schemas">Schemas</h2>${schemas.join('')}`,
  ])
}

function page(title: string, parts: readonly string[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>${parts.join('\n')}</main></body></html>`
}

function codeRow(code: string, cells: readonly string[], { desk, integrator }: { desk: string; integrator: string }) {
  const rest = cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')
  return `<tr id="${code}"><th scope="row"><a href="#${code}"><code>${code}</code></a></th>${rest}<td lang="vi">${escaped(desk)}</td><td>${escaped(integrator)}</td></tr>`
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`
}

function table(head: readonly string[], rows: readonly string[]): string {
  return `<table><thead><tr>${head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function json(value: unknown): string {
  return `<pre tabindex="0">${escaped(JSON.stringify(value, null, 1))}</pre>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
