import type { Phase } from './phase.ts'
import { compare, type Figure, type Report } from './report.ts'

/** The report for a terminal. */
export function renderTable(report: Report, before: Report | null): string {
  const parts: string[] = ['']
  if (report.phases.length > 0) parts.push(columns(phaseRows(report.phases)), '')
  for (const phase of report.phases) {
    const told = Object.entries(phase.outcomes).map(([name, count]) => `${count} ${name}`)
    parts.push(`${phase.name}: ${told.join(', ')}`)
  }
  if (report.phases.length > 0) parts.push('')
  const figures = Object.entries(report.figures)
  if (figures.length > 0)
    parts.push(columns(figures.map(([name, figure]) => [name, shown(figure), spread(figure)])), '')
  if (before !== null) {
    const rows = compare(report.figures, before.figures).map((each) => [
      each.name,
      number(each.now),
      number(each.before),
      `× ${each.ratio.toFixed(3)}`,
      each.better === null ? '' : each.better ? 'better' : 'worse',
    ])
    parts.push(`against ${before.startedAt}`, columns([['figure', 'now', 'before', 'ratio', ''], ...rows]), '')
  }
  for (const budget of report.budgets) {
    const bound = [
      budget.atLeast === undefined ? '' : `≥ ${budget.atLeast}`,
      budget.atMost === undefined ? '' : `≤ ${budget.atMost}`,
    ]
    const value = budget.value === null ? 'nothing was measured' : number(budget.value)
    parts.push(`${budget.met ? 'met   ' : 'MISSED'} ${budget.figure}: ${value} (${bound.join(' ').trim()})`)
  }
  for (const why of report.bottleneck) parts.push(`REFUSED, the generator was its own bottleneck: ${why}`)
  return `${parts.join('\n')}\n`
}

function phaseRows(phases: readonly Phase[]): string[][] {
  const head = [
    'phase',
    's',
    'offered/s',
    'right/s',
    'wrong',
    'refused',
    'failed',
    'p50 ms',
    'p90',
    'p99',
    'p99.9',
    'max',
  ]
  const rows = phases.map(({ name, seconds, offeredPerSecond, rightPerSecond, kinds, latencyMs }) => [
    name,
    number(seconds),
    number(offeredPerSecond),
    number(rightPerSecond),
    String(kinds.wrong),
    String(kinds.refused),
    String(kinds.failed),
    ...[latencyMs.p50, latencyMs.p90, latencyMs.p99, latencyMs.p999, latencyMs.max].map(number),
  ])
  return [head, ...rows]
}

export function shown({ value, unit }: Figure): string {
  return `${number(value)}${unit === '' ? '' : ` ${unit}`}`
}

export function spread({ rounds }: Figure): string {
  if (rounds === undefined || rounds.length === 0) return ''
  return `(${number(Math.min(...rounds))}–${number(Math.max(...rounds))}, ${rounds.length} rounds)`
}

/** As many digits as one can use. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 1_000) return Math.round(value).toLocaleString('en')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n')
}
