import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { CATALOGUE_FEED, catalogueRows } from './catalogue.ts'
import { feedKeySchema, writeFeedFile } from './feed-file.ts'

/**
 * A catalogue of facilities for a demo (`npm start`), signed with its key; prints the path of the manifest:
 * `npm run kiemthe -- import "$(node mocks/insurer/write-catalogue.ts --data .kiemthe --edition 2)"`.
 */
const { values } = parseArgs({
  options: { data: { type: 'string', default: '.kiemthe' }, edition: { type: 'string', default: '2' } },
})
const edition = z.coerce.number().int().min(1).max(20).parse(values.edition)
const clients: unknown = JSON.parse(await readFile(join(values.data, 'clients.json'), 'utf8'))
const key = feedKeySchema.parse(z.record(z.string(), z.unknown()).parse(clients)[`feed:${CATALOGUE_FEED}`])
const folder = join(values.data, 'insurer')
await mkdir(folder, { recursive: true })
const created = new Date()
const of = { feed: CATALOGUE_FEED, sequence: edition, kind: 'full', encoding: 'plain', asOf: created, created } as const
const { path } = await writeFeedFile(folder, key, of, catalogueRows(edition))
process.stdout.write(`${path}\n`)
