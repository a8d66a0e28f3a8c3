import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { readTraceparent } from '../../src/host/tracing.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

describe('a traceparent would be read otherwise than W3C Trace Context says', () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, 1],
    [`00-${TRACE}-${SPAN}-00`, 0],
    [`00-${TRACE}-${SPAN}-03`, 1],
    [`cc-${TRACE}-${SPAN}-01-of-a-later-version`, 1],
    [`00-${TRACE}-${SPAN}-01-more`, null],
    [`ff-${TRACE}-${SPAN}-01`, null],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, null],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, null],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, null],
    [`00-${TRACE}-${SPAN}`, null],
    ['', null],
    [null, null],
  ])('%s', (header, flags) => {
    const context = readTraceparent(header)
    if (flags === null) expect(context).toBe(ROOT_CONTEXT)
    else {
      expect(trace.getSpanContext(context)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags: flags, isRemote: true })
    }
  })
})

/** CommonJS packages (both are) that a module has loaded, with all that it imports. */
function loadedBy(module: string): string[] {
  const script = `
    await import(${JSON.stringify(join(import.meta.dirname, '..', '..', module))})
    const { createRequire } = await import('node:module')
    const paths = Object.keys(createRequire('/x.js').cache)
    const names = paths.map((path) => /node_modules\\/(@opentelemetry|prom-client)\\//.exec(path)?.[1]).filter(Boolean)
    console.log(JSON.stringify([...new Set(names)]))
    process.exit()`
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }))
}

test.each([
  ['src/host/tracing.ts', ['@opentelemetry']],
  ['src/worker.ts', []],
])('%s would load more than it uses', (module, packages) => {
  expect(loadedBy(module)).toEqual(packages)
})

test('whoever traces nothing would load the tracer all the same', () => {
  // prom-client itself takes the API's types and no-ops; the SDK and the exporter stay out
  const script = `
    await import(${JSON.stringify(join(import.meta.dirname, '..', '..', 'src', 'node.ts'))})
    const { createRequire } = await import('node:module')
    console.log(Object.keys(createRequire('/x.js').cache).filter((path) => /sdk-trace|exporter-trace/.test(path)).length)
    process.exit()`
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trim()).toBe('0')
})
