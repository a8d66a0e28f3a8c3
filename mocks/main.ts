import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { isoDate } from '../src/calendar.ts'
import { feedKeySchema } from './insurer/feed-file.ts'
import { startMocks } from './start.ts'

/**
 * `npm run mocks`: the mocks alone, for a service of one's own on the province of a demo's folder; `npm start` has them
 * with it. `--port` is the insurer's, the others follow: `kiemthe pull --url http://127.0.0.1:8790/`.
 */
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '.kiemthe' },
    port: { type: 'string', default: '8790' },
    'delta-every': { type: 'string', default: '60' },
    changes: { type: 'string', default: '100' },
  },
})

const demoSchema = z.object({ seed: z.string(), baseDate: z.string().transform(isoDate), cards: z.int() })
const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(values.data, name), 'utf8'))

const { seed, baseDate, cards } = demoSchema.parse(await read('demo.json'))
const mocks = await startMocks(
  {
    folder: values.data,
    province: { seed, baseDate },
    records: cards,
    keys: z.record(z.string(), feedKeySchema).parse(await read('clients.json')),
  },
  { port: Number(values.port), deltaEveryMs: Number(values['delta-every']) * 1_000, changes: Number(values.changes) },
)
for (const line of mocks.says) process.stderr.write(`${line}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void mocks.close())
