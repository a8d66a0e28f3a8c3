import { auditFigures } from './audit.ts'
import { crash } from './crash.ts'
import { dossiers } from './dossiers.ts'
import { edge } from './edge.ts'
import { firstStart } from './first-start.ts'
import { runScenario } from './frame/run.ts'
import type { Scenario } from './frame/scenario.ts'
import { fsckScenario } from './fsck.ts'
import { fuzz } from './fuzz.ts'
import { importFigures } from './import.ts'
import { importKills } from './import-kills.ts'
import { insurerDown } from './insurer-down.ts'
import { lanes } from './lanes.ts'
import { middleware } from './middleware.ts'
import { pushVisible } from './push-visible.ts'
import { ratio } from './ratio.ts'
import { registryDown } from './registry-down.ts'
import { cards } from './scenarios/cards.ts'
import { honesty } from './scenarios/honesty.ts'
import { mixed } from './scenarios/mixed.ts'
import { monday } from './scenarios/monday.ts'
import { nation } from './scenarios/nation.ts'
import { overload } from './scenarios/overload.ts'
import { refusal } from './scenarios/refusal.ts'
import { restart } from './scenarios/restart.ts'
import { saturate } from './scenarios/saturate.ts'
import { soak } from './scenarios/soak.ts'
import { province, thousand } from './scenarios/steady.ts'
import { seal } from './seal.ts'
import { shares } from './shares.ts'
import { syncMerge } from './sync-merge.ts'
import { syncModel } from './sync-model-run.ts'

/** The one table: a scenario is a line. `npm run loadtest` lists them. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  province,
  thousand,
  nation,
  monday,
  saturate,
  overload,
  refusal,
  mixed,
  restart,
  soak,
  cards,
  honesty,
  'first-start': {
    what: 'the demo from nothing: seconds, memory, rows/s ÷ plain COPY, bytes per verification',
    run: firstStart,
  },
  audit: {
    what: 'what auditors wait for: projection lag, lists and searches over 10 million rows, streams (--rows --export --asks --rate --seconds)',
    run: auditFigures,
  },
  crash: {
    what: 'kill -9 of the server under load, N times: lost answers, double entries (--kills --seed --cards --desks)',
    run: crash,
  },
  dossiers: {
    what: 'generated dossiers, each field of each broken in every way, with the expected finding (--dossiers)',
    run: dossiers,
  },
  edge,
  fsck: {
    what: 'entries/s of `kiemthe fsck`; changes by SQL at random places, each found and named (--entries --steps --seed)',
    run: fsckScenario,
  },
  fuzz: { what: 'requests made from the OpenAPI document, valid and hostile (--requests --seed)', run: fuzz },
  import: {
    what: 'full feeds and a delta ÷ plain COPY: rows/s, memory, disk (--records --changes)',
    run: importFigures,
  },
  'import-kills': {
    what: 'kill -9 of imports at random points: old or new, never a mix (--kills --records --seed)',
    run: importKills,
  },
  'insurer-down': insurerDown,
  shares: {
    what: 'claim shares/s, signed ÷ unsigned; single checks alone and beside them (--shares --rounds --clients --seconds)',
    run: shares,
  },
  'sync-merge': syncMerge,
  'sync-model': { what: 'orders of feeds, cuts and rollbacks against a model (--runs --seed)', run: syncModel },
  lanes,
  middleware: { what: 'µs that each step of a request adds, in process (--requests --rounds)', run: middleware },
  'push-visible': {
    what: 'seconds from the push of a delta until an answer shows it, p50 and p95 (--records --rows --runs)',
    run: pushVisible,
  },
  seal: {
    what: 'log rows/s with sealing ÷ without, recorded → published p99, proofs (--entries --seconds --rounds)',
    run: seal,
  },
  ratio,
  'registry-down': registryDown,
}

const [name = '--help', ...args] = process.argv.slice(2)
const scenario = SCENARIOS[name]
if (scenario === undefined) {
  const width = Math.max(...Object.keys(SCENARIOS).map((each) => each.length))
  const list = Object.entries(SCENARIOS).map(([each, { what }]) => `  ${each.padEnd(width)}  ${what}`)
  process.stdout.write(`npm run loadtest -- SCENARIO [options | --help]\n\n${list.join('\n')}\n`)
  process.exitCode = name === '--help' ? 0 : 2
} else if (!(await runScenario(name, scenario, args))) process.exitCode = 1
