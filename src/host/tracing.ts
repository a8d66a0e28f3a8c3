import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Hono } from 'hono'
import packageJson from '../../package.json' with { type: 'json' }
import type { RequestEvent } from '../event.ts'
import type { OpenScope, Scope } from '../scope.ts'

/** OpenTelemetry traces. Loaded only when an endpoint is configured: without one no request pays anything. */
export interface Tracing {
  /** The app within a span for each request. */
  readonly around: (createApp: (open: OpenScope) => Hono, shared: Scope) => Hono['fetch']
  /** Sends what waits. */
  readonly stop: () => Promise<void>
}

/** For one export, and for the last one at the end. A collector that is away costs spans, never an answer. */
const EXPORT_TIMEOUT_MS = 3_000
/** Spans that wait to be sent; later ones are dropped. Three a verification, some 1 KB each: 8 MB, and 2,700 verifications. */
const QUEUE_SPANS_MAX = 8_192

export function startTracing({ endpoint, ratio }: { readonly endpoint: string; readonly ratio: number }): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS })
  const kept = new TraceIdRatioBasedSampler(ratio)
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ 'service.name': 'kiemthe', 'service.version': packageJson.version }),
    ),
    // a caller's trace is followed, but how many are kept is ours to say
    sampler: new ParentBasedSampler({ root: kept, remoteParentSampled: kept }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, maxQueueSize: QUEUE_SPANS_MAX, exportTimeoutMillis: EXPORT_TIMEOUT_MS }),
    ],
  })
  const tracer = provider.getTracer('kiemthe')
  return {
    around: (createApp, shared) => {
      const open = new AsyncLocalStorage<Scope>()
      const app = createApp(() => open.getStore() ?? shared)
      return (request, host, context) => {
        const parent = readTraceparent(request.headers.get('traceparent'))
        const span = tracer.startSpan(request.method, { kind: SpanKind.SERVER }, parent)
        return open.run(tracedScope(tracer, span, shared), () => app.fetch(request, host, context))
      }
    },
    stop: () => provider.shutdown().catch(() => {}),
  }
}

/** The scope of one request. Items of a batch have no spans of their own: 2,000 a batch would be nobody's reading. */
function tracedScope(tracer: Tracer, span: Span, shared: Scope): Scope {
  const within = trace.setSpan(ROOT_CONTEXT, span)
  return {
    ...shared,
    findCoverage: (key) => traced(tracer, within, 'read coverage', () => shared.findCoverage(key)),
    append: (row) => traced(tracer, within, 'append to log', () => shared.append(row)),
    record: (event) => {
      endSpan(span, event)
      shared.record(event)
    },
  }
}

/** From the moment a request waits for the shared statement until it has its own part of the answer. */
async function traced<T>(tracer: Tracer, within: Context, name: string, work: () => Promise<T>): Promise<T> {
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql' } }, within)
  try {
    return await work()
  } catch (error) {
    // never its message: PostgreSQL quotes values in them
    span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

/** Patterns and codes only, as in the log event; the request id leads there. */
function endSpan(span: Span, event: RequestEvent): void {
  span.updateName(`${event.method} ${event.route}`)
  span.setAttributes({
    'http.request.method': event.method,
    'http.route': event.route,
    'http.response.status_code': event.status,
    'kiemthe.request_id': event.requestId,
  })
  if (event.code !== null) span.setAttribute('kiemthe.code', event.code)
  if (event.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

/** W3C Trace Context, `version-trace-parent-flags`. What cannot be read is as if it were not there. */
export function readTraceparent(header: string | null): Context {
  const found = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(header ?? '')
  if (found === null || (header?.startsWith('00') && header.length > 55)) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = ''] = found
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true }
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
}
