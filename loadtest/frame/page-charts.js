// Runs in the reader's browser, inlined behind uPlot and the report.
;(() => {
  const report = JSON.parse(document.getElementById('report').textContent)
  const place = document.getElementById('charts')
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const COLOURS = ['#2f81f7', '#d29922', '#f85149', '#3fb950', '#a371f7', '#db61a2', '#39c5cf', '#8b949e']
  const plots = []

  function axis(label, values) {
    const [text, line] = [dark.matches ? '#9aa4af' : '#57606a', dark.matches ? '#30363d' : '#d8dee4']
    return { label, stroke: text, grid: { stroke: line }, ticks: { stroke: line }, size: 64, ...(values && { values }) }
  }

  function draw(title, xLabel, yLabel, x, lines, more = {}) {
    if (x.length === 0) return
    const box = document.createElement('div')
    box.className = 'chart'
    place.append(box)
    const series = lines.map(([label], i) => ({
      label,
      stroke: COLOURS[i % COLOURS.length],
      width: 1.5,
      points: { show: x.length < 40 },
      spanGaps: true,
      value: (_u, v) => (v == null ? '–' : v.toLocaleString('en', { maximumFractionDigits: 3 })),
    }))
    const options = {
      title,
      width: Math.min(1080, place.clientWidth || 1080),
      height: 280,
      scales: { x: { time: false, ...more.x }, y: more.y ?? { range: (_u, _min, max) => [0, (max || 1) * 1.05] } },
      axes: [axis(xLabel, more.xValues), axis(yLabel, more.yValues)],
      series: [
        { label: xLabel, value: more.xValue ?? ((_u, v) => (v == null ? '–' : v.toLocaleString('en'))) },
        ...series,
      ],
    }
    plots.push(new uPlot(options, [x, ...lines.map(([, values]) => values)], box))
  }

  function render() {
    place.textContent = ''
    for (const plot of plots.splice(0)) plot.destroy()
    place.style.color = css('--text')
    for (const phase of report.phases) {
      const s = phase.series
      const some = (values) => values.some((value) => value > 0)
      const lines = [
        ['offered', s.offered],
        ['answered rightly', s.right],
        ...(some(s.refused) ? [['refused', s.refused]] : []),
        ...(some(s.bad) ? [['wrong or failed', s.bad]] : []),
      ]
      draw(`${phase.name}: requests a second`, 'seconds', 'a second', s.second, lines)
      draw(`${phase.name}: latency over time, ms from the planned start`, 'seconds', 'ms', s.second, [
        ['p50', s.p50],
        ['p99', s.p99],
      ])
    }
    // the rarest request stands furthest right: 1 − 1/10^x of all are at or under the line
    const spread = new Map()
    for (const [i, phase] of report.phases.entries()) {
      for (const [percentile, ms] of phase.distribution) {
        const x = Number((-Math.log10(1 - Math.min(99.99999, percentile) / 100)).toFixed(2))
        const row = spread.get(x) ?? report.phases.map(() => null)
        row[i] = ms
        spread.set(x, row)
      }
    }
    const xs = [...spread.keys()].sort((a, b) => a - b)
    const nines = (x) => (Number.isInteger(x) ? (x === 0 ? '0 %' : `${100 - 100 / 10 ** x} %`) : '')
    draw(
      'latency by percentile',
      'percentile',
      'ms',
      xs,
      report.phases.map((phase, i) => [phase.name, xs.map((x) => spread.get(x)[i])]),
      {
        xValues: (_u, ticks) => ticks.map(nines),
        xValue: (_u, x) => (x == null ? '–' : `${(100 - 100 / 10 ** x).toFixed(4)} %`),
        y: { distr: 3 },
      },
    )
    const clock = (series) => [...new Set(series.flatMap((each) => each.second))].sort((a, b) => a - b)
    const watched = report.processes
    const at = (each, column, seconds) => {
      const known = new Map(each.second.map((second, i) => [second, each[column][i]]))
      return seconds.map((second) => known.get(second) ?? null)
    }
    const seconds = clock(watched)
    for (const [column, title, unit] of [
      ['cores', 'processor', 'cores'],
      ['megabytes', 'memory', 'MB'],
      ['descriptors', 'open descriptors', ''],
    ]) {
      draw(
        title,
        'seconds of the run',
        unit,
        seconds,
        // of everything else only its processor time is known
        watched
          .filter((each) => each[column].some((value) => value > 0))
          .map((each) => [each.name, at(each, column, seconds)]),
      )
    }
  }

  render()
  dark.addEventListener('change', render)
})()
