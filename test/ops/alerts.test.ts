import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { fullMetrics, samples } from '../support/full-metrics.ts'

const said = z.string().min(12)
const rulesSchema = z.strictObject({
  groups: z
    .array(
      z.strictObject({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Kiemthe[A-Z]\w+$/),
            expr: z.string().min(1),
            for: z
              .string()
              .regex(/^\d+[mh]$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
            annotations: z.strictObject({ threshold: said, meaning: said, action: said }),
          }),
        ),
      }),
    )
    .min(1),
})

const text = readFileSync(join(import.meta.dirname, '..', '..', 'ops', 'alerts.yaml'), 'utf8')
const rules = rulesSchema.parse(parse(text)).groups.flatMap((group) => group.rules)
const shown = samples(await fullMetrics().registry.metrics())

/** Words of PromQL that stand where a metric could. */
const WORDS = new Set(
  [
    'sum',
    'rate',
    'increase',
    'histogram_quantile',
    'absent',
    'by',
    'on',
    'and',
    'or',
    'unless',
    'hour',
    'day_of_week',
  ].concat(['le', 'min', 'max', 'avg', 'count', 'time', 'without', 'ignoring', 'bool']),
)

/** What an expression names that the service never shows: metrics, labels of theirs, values of these. */
function unknownIn(expr: string): string[] {
  const unknown: string[] = []
  const bare = expr
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[\w+\]/g, ' ')
    .replaceAll(/"[^"]*"/g, ' ')
  for (const [name] of bare.matchAll(/(?<![\w.])[a-zA-Z_:][\w:]*/g)) {
    if (!WORDS.has(name) && !shown.some((each) => each.name === name)) unknown.push(name)
  }
  for (const [, name = '', matchers = ''] of expr.matchAll(/([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}/g)) {
    const series = shown.filter((each) => each.name === name)
    for (const [, label = '', how, value = ''] of matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)) {
      const values = new Set(series.map((each) => each.labels[label]))
      // each branch of an alternative must be there by itself
      const wanted =
        how === '=~' || how === '!~' ? value.split('|').map((each) => new RegExp(`^(?:${each})$`)) : [value]
      for (const each of wanted) {
        const known = [...values].some(
          (have) => have !== undefined && (typeof each === 'string' ? have === each : each.test(have)),
        )
        if (!known) unknown.push(`${name}{${label}="${each}"}`)
      }
    }
  }
  return unknown
}

test.each(rules.map((rule) => [rule.alert, rule.expr] as const))(
  '%s would never ring: the service does not show what it looks at',
  (_, expr) => {
    expect(unknownIn(expr)).toEqual([])
  },
)

test('two alarms would have one name', () => {
  expect(new Set(rules.map((rule) => rule.alert)).size).toBe(rules.length)
})

describe('the check itself', () => {
  test.each([
    ['rate(kiemthe_http_request_seconds_count[5m]) > 1', ['kiemthe_http_request_seconds_count']],
    ['kiemthe_backlog_items{queue="append"} > 1', ['kiemthe_backlog_items{queue="append"}']],
    [
      'kiemthe_http_problems_total{code=~"overloaded|overlooded"} > 1',
      ['kiemthe_http_problems_total{code="/^(?:overlooded)$/"}'],
    ],
    ['kiemthe_batches{state="waiting"} > 1 and on () (hour() >= 1)', []],
  ])('%s', (expr, unknown) => {
    expect(unknownIn(expr)).toEqual(unknown)
  })
})
