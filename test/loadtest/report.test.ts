import { expect, test } from 'vitest'
import { renderPage } from '../../loadtest/frame/page.ts'
import { phaseOf } from '../../loadtest/frame/phase.ts'
import { compare, judged, median, type Report } from '../../loadtest/frame/report.ts'
import { renderTable } from '../../loadtest/frame/table.ts'
import { SampleBuffer } from '../../loadtest/open-loop/samples.ts'

/** Ten seconds, 100 a second: every tenth refused at once, every hundredth wrong, the others after 1, 2, … ms. */
function phase() {
  const buffer = new SampleBuffer()
  for (let i = 0; i < 1_000; i++) {
    const kind = i % 100 === 5 ? 'wrong' : i % 10 === 0 ? 'refused' : 'right'
    buffer.add(i * 10, 0.1, kind === 'refused' ? 0.5 : 1 + (i % 50), {
      kind,
      name: kind === 'right' ? 'valid' : `<${kind}>`,
    })
  }
  return phaseOf('ten seconds', 'open loop', 10, buffer.samples())
}

function report(figures: Report['figures']): Report {
  return {
    v: 1,
    scenario: 'made-up',
    what: '</script><script>alert(1)</script>',
    startedAt: '2026-11-24T00:00:00.000Z',
    seconds: 10,
    machine: { cpu: 'a <processor>', cores: 2, memoryGb: 23, node: 'v24' },
    options: { rate: '100' },
    plan: ['100/s'],
    figures,
    phases: [phase()],
    processes: [{ name: 'server', second: [1, 2], cores: [0.5, 0.6], megabytes: [100, 101], descriptors: [40, 40] }],
    budgets: judged(
      [
        { figure: 'p99', atMost: 50 },
        { figure: 'rate', atLeast: 100 },
        { figure: 'never told', atMost: 1 },
      ],
      figures,
    ),
    bottleneck: ['ten seconds: it was late'],
    notes: [],
  }
}

const FIGURES = {
  p99: { value: 60, unit: 'ms', better: 'lower' },
  rate: { value: 200, unit: '/s', better: 'higher', rounds: [190, 200, 230] },
} as const

test('refusals are no quick answers: they have percentiles of their own', () => {
  const told = phase()
  expect(told.kinds).toEqual({ right: 890, wrong: 10, refused: 100, failed: 0 })
  expect(told.outcomes).toEqual({ valid: 890, 'refused: <refused>': 100, 'wrong: <wrong>': 10 })
  expect(told.latencyMs.p50).toBeCloseTo(26, 0)
  expect(told.refusedMs?.max).toBeCloseTo(0.5, 2)
  expect(told.rightPerSecond).toBeCloseTo(89, 0)
  expect(told.series.offered.slice(0, 10)).toEqual(Array(10).fill(100))
})

test('a budget is missed by a figure beyond it, and by one that was never told', () => {
  expect(report(FIGURES).budgets.map(({ figure, met }) => [figure, met])).toEqual([
    ['p99', false],
    ['rate', true],
    ['never told', false],
  ])
})

test('two reports are compared figure by figure; which way is good depends on the figure', () => {
  const before = { p99: { ...FIGURES.p99, value: 30 }, rate: { ...FIGURES.rate, value: 100 }, gone: FIGURES.p99 }
  expect(compare(FIGURES, before).map(({ name, ratio, better }) => [name, ratio, better])).toEqual([
    ['p99', 2, false],
    ['rate', 2, true],
  ])
})

test('the table says what was missed, what not to believe, and how it was before', () => {
  const text = renderTable(report(FIGURES), report({ ...FIGURES, rate: { ...FIGURES.rate, value: 100 } }))
  expect(text).toMatch(/MISSED p99: 60/)
  expect(text).toMatch(/met {4}rate: 200/)
  expect(text).toMatch(/REFUSED/)
  expect(text).toMatch(/rate +200 +100 +× 2\.000 +better/)
})

test('the page needs nothing else, and nothing in a report becomes its code', async () => {
  const page = await renderPage(report(FIGURES), null)
  expect(page).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)=/)
  expect(page).toContain('uPlot')
  expect(page).not.toContain('<script>alert(1)')
  const told = /<script id="report" type="application\/json">(.*?)<\/script>/s.exec(page)?.[1] ?? ''
  expect(JSON.parse(told)).toEqual(report(FIGURES))
})

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})
