import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { isoDate } from '../src/calendar.ts'
import { FAULTS } from './population-registry/server.ts'
import { DEMO_AGREEMENT, start as startPopulationRegistry } from './population-registry/start.ts'

/**
 * `npm run mocks -- --data .kiemthe`: the services around a demo, alone, for a `kiemthe serve` of one's own. `npm start` has
 * them inside.
 */
const { values } = parseArgs({
  options: { data: { type: 'string', default: '.kiemthe' }, 'registry-port': { type: 'string', default: '8791' } },
})
const demoSchema = z.object({ seed: z.string(), baseDate: z.string().transform(isoDate) })
const { seed, baseDate } = demoSchema.parse(JSON.parse(await readFile(join(values.data, 'demo.json'), 'utf8')))

const registry = await startPopulationRegistry({ seed, baseDate }, Number(values['registry-port']))
const agreement = join(values.data, 'agreement.json')
await writeFile(agreement, `${JSON.stringify(DEMO_AGREEMENT, null, 2)}\n`, { mode: 0o600 })
process.stderr.write(
  [
    `population registry: REGISTRY_URL=${registry.url} REGISTRY_AGREEMENT_FILE=${agreement}`,
    `  curl -X POST 'http://127.0.0.1:${registry.port}/admin/fault?fault=${FAULTS.join('|')}'`,
    '',
  ].join('\n'),
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void registry.close())
