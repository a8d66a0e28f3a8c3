import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSources, type SourceFile, sourceFile } from './support/source-file.ts'

/**
 * The law of direction and what goes with it (architecture §2), read off the imports and the code. Each rule is a
 * function of files that names what breaks it; beside the real files it is given a planted one, so that it can fail.
 */
const FILES = readSources(join(import.meta.dirname, '..'), ['src', 'mocks', 'loadtest'])

type Rule = (files: readonly SourceFile[]) => string[]

// ——— places

/** From the top down: each may know itself and what stands below. */
const LAYERS = ['db', 'leaf', 'use case', 'http', 'app', 'entry'] as const
type Place = (typeof LAYERS)[number] | 'root' | 'mock' | 'loadtest'

/** Shared by all, each named here: whatever else wants to lie beside `app.ts` belongs into a folder. */
const ROOTS = ['brand', 'calendar', 'config', 'data-keys', 'errors', 'event', 'hmac', 'scope', 'seal'].map(
  (name) => `src/${name}.ts`,
)
const SCOPE = 'src/scope.ts'

const PLACES: readonly (readonly [Place, RegExp])[] = [
  ['entry', /^src\/(?:node|worker|cli)\.ts$|^src\/(?:cli|host|worker)\//],
  ['app', /^src\/app\.ts$/],
  ['http', /^src\/http\//],
  [
    'use case',
    /^src\/(?:verification|unverified-visit|visit|claim-share|sync|erasure)\/|^src\/audit\/(?:log\.ts$|project\/|read\/)/,
  ],
  ['leaf', /^src\/(?:identity|population|coverage|entitlement|facility|access|audit|limits|metrics)\//],
  ['db', /^src\/db\//],
  ['mock', /^mocks\//],
  ['loadtest', /^loadtest\//],
]

function placeOf(path: string): Place | null {
  if (ROOTS.includes(path)) return 'root'
  return PLACES.find(([, where]) => where.test(path))?.[0] ?? null
}

function rank(place: Place | null): number {
  return (LAYERS as readonly (Place | null)[]).indexOf(place)
}

const isEntry = (path: string) => placeOf(path) === 'entry'
const isStore = (path: string) => path.startsWith('src/db/') || /^src\/(?:[a-z-]+\/){1,2}store\.ts$/.test(path)
const isClient = (path: string) => /^src\/(?:[a-z-]+\/){1,2}client\.ts$/.test(path)
/** Programs of their own that come from outside: they have their own process, clock and wire. */
const isOutside = (path: string) => path.startsWith('loadtest/') || (path.startsWith('mocks/') && !isProvince(path))
/** `person(seed, i)` is pure: the same person on every machine and day. */
const isProvince = (path: string) => path.startsWith('mocks/province/')

// ——— rules

const everyFileHasAPlace: Rule = (files) =>
  files.filter((file) => placeOf(file.path) === null).map((file) => `${file.path}: the law knows no such place`)

/** entries → app → http → use cases → leaves → db; the shared roots below all, mocks and load tests beside. */
const direction: Rule = (files) => {
  const wrong: string[] = []
  for (const file of files) {
    for (const { target, isFile, typeOnly } of file.imports) {
      if (isFile && !mayKnow(file.path, target, typeOnly)) wrong.push(`${file.path} → ${target}`)
    }
  }
  return wrong
}

function mayKnow(from: string, to: string, typeOnly: boolean): boolean {
  const [above, below] = [placeOf(from), placeOf(to)]
  if (below === 'mock') return above === 'mock' || above === 'loadtest' || from.startsWith('src/cli/')
  if (below === 'loadtest') return above === 'loadtest'
  // what is measured or fed is met from outside, through its door
  if (above === 'loadtest' || above === 'mock')
    return below === 'root' || below === 'leaf' || typeOnly || above === 'loadtest'
  // the shape of a request's surroundings: named by types alone, and of no use below the use cases
  if (from === SCOPE) return typeOnly && (below === 'root' || rank(below) <= rank('use case'))
  if (to === SCOPE) return rank(above) >= rank('use case')
  if (below === 'root') return true
  // text in, policy out: the configuration has no second opinion of what a policy is
  if (from === 'src/config.ts' && to === 'src/verification/policy.ts') return true
  if (above === 'root') return below === 'leaf' && typeOnly
  return rank(above) >= rank(below)
}

/** Files may not go in circles, not even by types; folders may refer to one another. */
const noCycles: Rule = (files) => {
  const next = new Map(files.map((file) => [file.path, file.imports.filter((i) => i.isFile).map((i) => i.target)]))
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (path: string, way: readonly string[]) => {
    const at = way.indexOf(path)
    if (at >= 0) circles.push([...way.slice(at), path].join(' → '))
    if (at >= 0 || done.has(path)) return
    for (const each of next.get(path) ?? []) walk(each, [...way, path])
    done.add(path)
  }
  for (const path of next.keys()) walk(path, [])
  return circles
}

/** Which packages and modules of Node are known where. */
const WHERE: readonly { readonly what: RegExp; readonly may: (path: string) => boolean; readonly also?: string[] }[] = [
  {
    what: /^(?:hono|@hono\/.+)(?:\/|$)/,
    may: (path) => path === 'src/app.ts' || isEntry(path) || path.startsWith('src/http/'),
  },
  { what: /^drizzle-(?:orm|kit)(?:\/|$)/, may: (path) => path.startsWith('src/db/') },
  {
    what: /^postgres$/,
    may: isStore,
    also: ['src/cli/embedded/start.ts'], // knocks on the server it found, to prove whose it is
  },
  { what: /^undici$/, may: (path) => isClient(path) || isEntry(path) },
  { what: /^pino$/, may: isEntry },
  { what: /^(?:prom-client$|@opentelemetry\/)/, may: isEntry },
  {
    what: /^node:(?:fs|os|child_process|worker_threads|net|tls|http|https|http2|dns|dgram|process)(?:\/|$)/,
    may: isEntry,
  },
]

const packagesInTheirPlaces: Rule = (files) =>
  files
    .filter((file) => !isOutside(file.path))
    .flatMap((file) =>
      file.imports
        .filter(({ target, isFile }) =>
          WHERE.some(
            ({ what, may, also }) => !isFile && what.test(target) && !may(file.path) && !also?.includes(file.path),
          ),
        )
        .map(({ target }) => `${file.path} imports ${target}`),
    )

/** Code that may stand in certain files only. Searched without comments, texts and regular expressions. */
const CODE: readonly {
  readonly what: string
  readonly code: RegExp
  readonly may: (path: string) => boolean
  readonly also?: string[]
}[] = [
  // `store.ts` = all SQL. A tag touches its backtick; `String.raw` is no statement.
  {
    what: 'a tagged template',
    code: /(?<!\bString\.raw)(?<=[\w$)\]>])(?<!=>)`/,
    may: isStore,
    also: ['src/cli/embedded/start.ts'],
  },
  { what: 'unsafe()', code: /\.unsafe\s*\(/, may: isStore },
  // one statement is one transaction: postgres.js has open bugs in begin() (traps); loading and migrating are commands that run alone
  {
    what: 'begin()',
    code: /\.begin\s*\(/,
    may: (path) => /^src\/(?:sync\/(?:full\/)?store|db\/migrate)\.ts$/.test(path),
  },
  // `client.ts` = all outbound HTTP
  { what: 'fetch()', code: /(?<![.\w$])fetch\s*\(/, may: (path) => isClient(path) || isEntry(path) },
  { what: 'process', code: /(?<![.\w$])process\b/, may: isEntry },
  {
    what: 'a clock',
    code: /\bDate\.now\b|\bnew Date\s*\(\s*\)|\bnew Date\b(?!\s*\()|\bperformance\.now\b/,
    may: isEntry,
  },
  // on Workers nothing else writes a log
  { what: 'the console', code: /(?<![.\w$])console\s*\./, may: (path) => path === 'src/worker/log.ts' },
]

const codeInItsPlace: Rule = (files) =>
  files
    .filter((file) => !isOutside(file.path))
    .flatMap((file) =>
      CODE.filter(({ code, may, also }) => code.test(file.bare) && !may(file.path) && !also?.includes(file.path)).map(
        ({ what }) => `${file.path} has ${what}`,
      ),
    )

/** `problem.ts` = all failures. */
const failuresAreRenderedOnce: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith('src/') && file.code.includes('problem+json'))
    .filter((file) => file.path !== 'src/http/problem.ts' && file.path !== 'src/cli/openapi-document.ts') // describes them
    .map((file) => `${file.path} renders a problem`)

const PURE =
  /^src\/(?:identity|entitlement)\/|^src\/audit\/(?:entry|merkle|tile|signed-note|checkpoint|tlog-proof|fsck|check-code|witness\/(?:cosignature|policy|add-checkpoint|witness))\.ts$/
const HARMLESS = /^(?:node:crypto|node:buffer|zod)$/

/** No I/O there, nor in anything they load. */
const pureStaysPure: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const wrong: string[] = []
  for (const start of files.filter((file) => PURE.test(file.path))) {
    const seen = new Set<string>()
    const walk = (path: string) => {
      if (seen.has(path)) return
      seen.add(path)
      if (isStore(path) || isClient(path)) wrong.push(`${start.path} loads ${path}`)
      for (const { target, isFile, typeOnly } of byPath.get(path)?.imports ?? []) {
        if (typeOnly) continue
        if (isFile) walk(target)
        else if (!HARMLESS.test(target))
          wrong.push(`${start.path} loads ${target}${path === start.path ? '' : ` by ${path}`}`)
      }
    }
    walk(start.path)
  }
  return wrong
}

const DRAWERS = new Set(
  [
    'util',
    'utils',
    'helper',
    'helpers',
    'common',
    'lib',
    'libs',
    'misc',
    'shared',
    'type',
    'types',
    'interfaces',
  ].concat(['service', 'services', 'manager', 'managers', 'base', 'core', 'index', 'constants']),
)

const noDrawers: Rule = (files) =>
  files
    .filter((file) => file.path.split('/').some((part) => DRAWERS.has(part.replace(/\.ts$/, ''))))
    .map((file) => `${file.path}: a name that says nothing`)

/** A file that only hands on what others hold. */
const noBarrels: Rule = (files) =>
  files
    .filter((file) => file.imports.some((each) => each.reExport))
    .filter((file) => file.bare.replace(/(?:import|export)\b[^;]*?from\s*(?:''|"");?/g, '').trim() === '')
    .map((file) => `${file.path}: a barrel`)

/** A command is a process: each module it does not need is time before its first line, and a demo is six of them. */
const LOADED_WITH: readonly { readonly by: (path: string) => boolean; readonly not: RegExp; readonly why: string }[] = [
  { by: (path) => path === 'src/cli.ts', not: /^(?!node:|src\/)/, why: 'a package, for every command' },
  {
    by: (path) => path.startsWith('src/cli/') && !/^src\/cli\/(?:serve|openapi(?:-document)?)\.ts$/.test(path),
    not: /^src\/app\.ts$/,
    why: 'the server, to do something else',
  },
  { by: (path) => path.startsWith('src/cli/'), not: /^drizzle-orm(?!\/migrator$)/, why: 'all of drizzle: two seconds' },
  {
    by: (path) => path === 'src/node.ts',
    not: /^(?:prom-client|undici)$/,
    why: 'what only a server with a registry or with metrics needs',
  },
]

const commandsLoadLittle: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  return files.flatMap(({ path: start }) => {
    const rules = LOADED_WITH.filter(({ by }) => by(start))
    if (rules.length === 0) return []
    const seen = new Set<string>()
    const walk = (target: string) => {
      if (seen.has(target)) return
      seen.add(target)
      for (const each of byPath.get(target)?.imports ?? []) if (!each.typeOnly && !each.later) walk(each.target)
    }
    walk(start)
    return rules.flatMap(({ not, why }) =>
      [...seen].filter((each) => each !== start && not.test(each)).map((each) => `${start} loads ${each}: ${why}`),
    )
  })
}

const LINES_MAX = 400

const filesStayShort: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith('src/') && file.lines > LINES_MAX)
    .map((file) => `${file.path}: ${file.lines} lines`)

const importsExist: Rule = (files) => {
  const paths = new Set(files.map((file) => file.path))
  return files.flatMap((file) =>
    file.imports
      .filter(({ target, isFile }) => isFile && target.endsWith('.ts') && !paths.has(target))
      .map(({ target }) => `${file.path} → ${target}`),
  )
}

// ——— each rule holds, and can fail

/** A tree of fakes: `path: text`. */
function planted(files: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(files).map(([path, text]) => sourceFile(path, text))
}

describe.each<[string, Rule, Record<string, string>[], Record<string, string>[]]>([
  [
    'every file has a place',
    everyFileHasAPlace,
    [{ 'src/text.ts': '' }, { 'src/payments/pay.ts': '' }],
    [{ 'src/seal.ts': '' }, { 'src/population/breaker.ts': '' }],
  ],
  [
    'the direction: entries → app → http → use cases → leaves → db',
    direction,
    [
      { 'src/coverage/store.ts': "import { verify } from '../verification/verify.ts'" },
      { 'src/verification/verify.ts': "import type { Answer } from '../http/endpoint.ts'" },
      { 'src/http/health.ts': "import { createApp } from '../app.ts'" },
      { 'src/app.ts': "import { startServer } from './node.ts'" },
      { 'src/db/group.ts': "import { decide } from '../entitlement/decide.ts'" },
      { 'src/audit/entry.ts': "import { LOG_ID } from './log.ts'" },
      { 'src/identity/name.ts': "import type { Scope } from '../scope.ts'" },
      { 'src/scope.ts': "import { connect } from './db/connect.ts'" },
      { 'src/scope.ts': "import type { Answer } from './http/endpoint.ts'" },
      { 'src/errors.ts': "import { toProblem } from './http/problem.ts'" },
      { 'src/errors.ts': "import { EVIDENCE_ISSUES } from './identity/evidence-issue.ts'" },
      { 'src/calendar.ts': "import type { Deed } from './audit/log.ts'" },
      { 'src/verification/verify.ts': "import { person } from '../../mocks/province/person.ts'" },
      { 'src/node.ts': "import { person } from '../mocks/province/person.ts'" },
      { 'src/cli/demo.ts': "import { attack } from '../../loadtest/cli.ts'" },
      { 'mocks/insurer/feed.ts': "import { startServer } from '../../src/node.ts'" },
      { 'src/coverage/store.ts': "const verify = await import('../verification/verify.ts')" },
      { 'src/access/store.ts': "export { verify } from '../verification/verify.ts'" },
    ],
    [
      { 'src/cli/demo.ts': "import { person } from '../../mocks/province/person.ts'" },
      { 'src/verification/verify.ts': "import type { Scope } from '../scope.ts'" },
      { 'src/http/endpoint.ts': "import { QueueFull } from '../db/group.ts'" },
      { 'src/errors.ts': "import type { EvidenceIssue } from './identity/evidence-issue.ts'" },
      { 'mocks/province/person.ts': "import type { FeedRow } from '../../src/sync/feed.ts'" },
    ],
  ],
  [
    'files do not go in circles',
    noCycles,
    [
      { 'src/a.ts': "import './a.ts'" },
      { 'src/a.ts': "import { b } from './b.ts'", 'src/b.ts': "import type { A } from './a.ts'" },
      {
        'src/cli/a.ts': "import { b } from '../identity/b.ts'",
        'src/identity/b.ts': "export * from '../coverage/c.ts'",
        'src/coverage/c.ts': "const a = () => import('../cli/a.ts')",
      },
    ],
    [
      {
        'src/identity/a.ts': "import { b } from '../coverage/b.ts'",
        'src/coverage/b.ts': "import { c } from '../identity/c.ts'",
        'src/identity/c.ts': '',
      },
    ],
  ],
  [
    'packages and modules of Node are known where they belong',
    packagesInTheirPlaces,
    [
      { 'src/verification/verify.ts': "import type { Context } from 'hono'" },
      { 'src/access/store.ts': "import { eq } from 'drizzle-orm'" },
      { 'src/audit/log.ts': "import postgres from 'postgres'" },
      { 'src/cli/demo.ts': "import postgres from 'postgres'" },
      { 'src/population/messages.ts': "import { request } from 'undici'" },
      { 'src/http/endpoint.ts': "import { pino } from 'pino'" },
      { 'src/verification/verify.ts': "import { Counter } from 'prom-client'" },
      { 'src/http/endpoint.ts': "import { trace } from '@opentelemetry/api'" },
      { 'src/sync/load.ts': "import { readFile } from 'node:fs/promises'" },
      { 'src/population/client.ts': "import { connect } from 'node:net'" },
      { 'mocks/province/person.ts': "import { readFileSync } from 'node:fs'" },
    ],
    [
      { 'src/population/client.ts': "import { Agent } from 'undici'" },
      { 'src/sync/store.ts': "import type { TransactionSql } from 'postgres'" },
      { 'src/node.ts': "import { pino } from 'pino'" },
      { 'src/app.ts': "import { Hono } from 'hono'" },
      { 'loadtest/closed-loop.ts': "import { connect } from 'node:net'" },
    ],
  ],
  [
    'SQL, outbound HTTP, the process and clocks stand where they belong',
    codeInItsPlace,
    [
      { 'src/audit/log.ts': 'await sql`select 1`' },
      { 'src/audit/log.ts': 'await sql<{ n: number }[]>`select 1 as n`' },
      { 'src/verification/verify.ts': `await scope.sql\`select \${\`\${1}\`}\`` },
      { 'src/cli/demo.ts': "await sql.unsafe('drop table log_entry')" },
      { 'src/audit/store.ts': 'await sql.begin(async (tx) => tx`select 1`)' },
      { 'src/verification/verify.ts': "await fetch('https://egw.baohiemxahoi.gov.vn')" },
      { 'src/config.ts': "const port = process.env['PORT']" },
      { 'src/coverage/store.ts': 'const now = Date.now()' },
      { 'src/access/assertion.ts': 'function prove(now = new Date()) {}' },
      { 'src/access/assertion.ts': 'const clock = performance.now' },
      { 'mocks/province/person.ts': 'const today = new Date()' },
      { 'src/http/health.ts': "console.log('here')" },
      { 'src/http/health.ts': `const text = \`\${process.pid}\`` },
    ],
    [
      { 'src/audit/store.ts': 'await sql`select 1`' },
      { 'src/node.ts': 'setInterval(() => sweep(new Date()), 1000)' },
      { 'src/calendar.ts': 'const day = new Date(now.getTime())' },
      { 'src/event.ts': "const text = 'process.env and sql`x`' // process.env, sql`x`, Date.now()" },
      { 'src/identity/name.ts': 'const MARKS = /[-\'`"]+/g; const path = String.raw`\\d`; const f = () => `x`' },
      { 'src/sync/load.ts': 'plan.process(rows); const processed = row.process' },
    ],
  ],
  [
    'failures are rendered in one place',
    failuresAreRenderedOnce,
    [{ 'src/http/token.ts': "const type = 'application/problem+json'" }],
    [{ 'src/http/problem.ts': "const type = 'application/problem+json'" }],
  ],
  [
    'what is pure does no I/O, and loads nothing that does',
    pureStaysPure,
    [
      { 'src/identity/name.ts': "import { readFileSync } from 'node:fs'" },
      { 'src/entitlement/decide.ts': "import { findSealed } from '../coverage/store.ts'" },
      { 'src/audit/entry.ts': "import { x } from '../seal.ts'", 'src/seal.ts': "import { get } from 'node:https'" },
      { 'src/audit/check-code.ts': "import { SignJWT } from 'jose'" },
    ],
    [
      { 'src/audit/entry.ts': "import { hash } from 'node:crypto'" },
      { 'src/entitlement/decide.ts': "import type { Row } from '../coverage/store.ts'" },
    ],
  ],
  [
    'no drawers',
    noDrawers,
    [{ 'src/http/utils.ts': '' }, { 'src/common/dates.ts': '' }, { 'mocks/insurer/index.ts': '' }],
    [{ 'src/coverage/coverage.ts': '' }, { 'src/cli/facility.ts': '' }],
  ],
  [
    'no barrels',
    noBarrels,
    [
      { 'src/identity/all.ts': "export * from './name.ts'\nexport { a,\n  b } from './qr.ts'" },
      { 'src/identity/all.ts': "// all\nimport type { A } from './a.ts'\nexport type { B } from './b.ts'" },
    ],
    [{ 'mocks/province/person.ts': "export type { Province } from './layout.ts'\nexport const person = 1" }],
  ],
  [
    'a command loads what it needs',
    commandsLoadLittle,
    [
      { 'src/cli.ts': "import { ConfigError } from './config.ts'", 'src/config.ts': "import { z } from 'zod'" },
      {
        'src/cli/seal.ts': "import { StartError } from '../node.ts'",
        'src/node.ts': "import { createApp } from './app.ts'",
        'src/app.ts': '',
      },
      { 'src/cli/migrate.ts': "import '../db/migrate.ts'", 'src/db/migrate.ts': "import 'drizzle-orm/postgres-js'" },
      { 'src/node.ts': "import './host/prometheus.ts'", 'src/host/prometheus.ts': "import 'prom-client'" },
    ],
    [
      { 'src/cli.ts': "const load = () => import('./config.ts')", 'src/config.ts': "import { z } from 'zod'" },
      { 'src/cli/serve.ts': "import '../app.ts'", 'src/app.ts': '' },
      { 'src/cli/migrate.ts': "import { readMigrationFiles } from 'drizzle-orm/migrator'" },
      { 'src/node.ts': "import type { openRegistry } from 'undici'" },
    ],
  ],
  [
    'no file of src has more than 400 lines',
    filesStayShort,
    [{ 'src/http/problem-text.ts': 'x\n'.repeat(400) }],
    [{ 'src/http/problem-text.ts': 'x\n'.repeat(399) }, { 'mocks/province/names.ts': 'x\n'.repeat(500) }],
  ],
])('%s', (_, rule, bad, good) => {
  test('holds', () => {
    expect(rule(FILES)).toEqual([])
  })

  test.each(bad.map((files) => [JSON.stringify(files), files] as const))('would notice %s', (_, files) => {
    expect(rule(planted(files))).not.toEqual([])
  })

  test.each(good.map((files) => [JSON.stringify(files), files] as const))('lets pass %s', (_, files) => {
    expect(rule(planted(files))).toEqual([])
  })
})

describe('the reader of files', () => {
  test('reads every import of the tree: each leads to a file that is there', () => {
    expect(importsExist(FILES)).toEqual([])
    expect(importsExist(planted({ 'src/a.ts': "import { b } from './b.ts'" }))).toEqual(['src/a.ts → src/b.ts'])
  })

  test('finds what the tree is known to hold', () => {
    const byPath = new Map(FILES.map((file) => [file.path, file]))
    expect(FILES.length).toBeGreaterThan(90)
    expect(byPath.get('src/cli/load-province.ts')?.imports.map((each) => each.target)).toContain(
      'src/cli/load-worker.ts',
    )
    expect(byPath.get('src/cli.ts')?.imports.map((each) => each.target)).toContain('src/cli/serve.ts')
    expect(byPath.get('src/audit/store.ts')?.bare).toMatch(/await sql<[^`]*>`/)
    // statements that run over several lines, types told from values
    const imports = byPath.get('src/verification/evidence.ts')?.imports ?? []
    expect(imports).toContainEqual({
      target: 'src/coverage/card-number.ts',
      isFile: true,
      typeOnly: false,
      reExport: false,
      later: false,
    })
    expect(imports.find((each) => each.target === 'src/brand.ts')?.typeOnly).toBe(true)
  })

  test('comments, texts, templates and regular expressions do not lead it astray', () => {
    const { bare, code } = sourceFile(
      'src/a.ts',
      [
        "const a = 'it\\'s // no comment' // import { x } from './x.ts'",
        `const b = \`a \${c + \`d \${e} // f\`} g\` /* \` */`,
        "const h = /[/'`]\\/\"/.test(i) ? j / k / l : 'm'",
        "const n = { o: `}` } // '",
      ].join('\n'),
    )
    expect(bare.split('\n').map((line) => line.trim())).toEqual([
      "const a = ''",
      `const b = \`\${c + \`\${e}\`}\``,
      "const h = /x/.test(i) ? j / k / l : ''",
      'const n = { o: `` }',
    ])
    expect(code).not.toContain('import')
  })
})
