import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { compare, type Report } from './report.ts'
import { number, shown, spread } from './table.ts'

/** One file that needs nothing else: it is mailed, kept, and read years later. */
export async function renderPage(report: Report, before: Report | null): Promise<string> {
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'))
  const [library, style, charts, own] = await Promise.all([
    readFile(join(uplot, 'uPlot.iife.min.js'), 'utf8'),
    readFile(join(uplot, 'uPlot.min.css'), 'utf8'),
    readFile(new URL('./page-charts.js', import.meta.url), 'utf8'),
    readFile(new URL('./page.css', import.meta.url), 'utf8'),
  ])
  const { machine } = report
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(report.scenario)} · load test of kiemthe</title>
<style>${style}\n${own}</style>
</head>
<body>
<main>
<h1>${escaped(report.scenario)}</h1>
<p>${escaped(report.what)}</p>
<p class="about">${escaped(report.startedAt)} · ${number(report.seconds)} s · ${machine.cores} cores of ${escaped(machine.cpu)}, ${machine.memoryGb} GB, Node ${escaped(machine.node)}</p>
${report.bottleneck.map((why) => `<p class="bad">Refused, the generator was its own bottleneck: ${escaped(why)}</p>`).join('\n')}
${list('Plan', report.plan)}
${figuresTable(report)}
${before === null ? '' : comparison(report, before)}
${budgetsTable(report)}
${phasesTable(report)}
<div id="charts"></div>
${outcomesTable(report)}
${list('Notes', report.notes)}
${list(
  'Options',
  Object.entries(report.options).map(([name, value]) => `--${name} ${value}`),
)}
</main>
<script>${library}</script>
<script id="report" type="application/json">${JSON.stringify(report).replaceAll('<', '\\u003c')}</script>
<script>${charts}</script>
</body>
</html>
`
}

function figuresTable({ figures }: Report): string {
  const rows = Object.entries(figures).map(([name, figure]) => [name, shown(figure), spread(figure)])
  return rows.length === 0 ? '' : table('Figures', ['figure', 'value', 'spread'], rows)
}

function comparison(report: Report, before: Report): string {
  const rows = compare(report.figures, before.figures).map((each) => [
    each.name,
    number(each.now),
    number(each.before),
    each.ratio.toFixed(3),
    each.better === null ? '' : each.better ? 'better' : 'worse',
  ])
  return table(`Against ${before.startedAt}`, ['figure', 'now', 'before', 'ratio', ''], rows)
}

function budgetsTable({ budgets }: Report): string {
  const rows = budgets.map(({ figure, atLeast, atMost, value, met }) => [
    figure,
    value === null ? '–' : number(value),
    [atLeast === undefined ? '' : `≥ ${atLeast}`, atMost === undefined ? '' : `≤ ${atMost}`].join(' ').trim(),
    met ? 'met' : 'missed',
  ])
  return rows.length === 0 ? '' : table('Budgets', ['figure', 'value', 'wanted', ''], rows)
}

function phasesTable({ phases }: Report): string {
  const rows = phases.map(({ name, engine, seconds, offeredPerSecond, rightPerSecond, kinds, latencyMs, lagMs }) => [
    name,
    engine,
    number(seconds),
    number(offeredPerSecond),
    number(rightPerSecond),
    String(kinds.wrong),
    String(kinds.refused),
    String(kinds.failed),
    ...[latencyMs.p50, latencyMs.p90, latencyMs.p95, latencyMs.p99, latencyMs.p999, latencyMs.max].map(number),
    lagMs === null ? '–' : number(lagMs.p99),
  ])
  const head = ['phase', 'engine', 's', 'offered/s', 'right/s', 'wrong', 'refused', 'failed']
  const latency = ['p50 ms', 'p90', 'p95', 'p99', 'p99.9', 'max', "sender's delay p99"]
  return rows.length === 0 ? '' : table('Phases', [...head, ...latency], rows)
}

function outcomesTable({ phases }: Report): string {
  const rows = phases.flatMap((phase) =>
    Object.entries(phase.outcomes).map(([name, count]) => [phase.name, name, number(count)]),
  )
  return rows.length === 0 ? '' : table('Outcomes and errors, by code', ['phase', 'outcome', 'requests'], rows)
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) => row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')
  const body = rows.map((row) => {
    const last = row.at(-1)
    const mark =
      last === 'missed' || last === 'worse'
        ? ' class="bad"'
        : last === 'met' || last === 'better'
          ? ' class="good"'
          : ''
    return `<tr${mark}>${cells(row, 'td')}</tr>`
  })
  return `<h2>${escaped(title)}</h2>
<div class="wide"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return ''
  return `<h2>${title}</h2>\n<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
