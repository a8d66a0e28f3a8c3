import { resolve } from 'node:path'
import { tokenKeysSchema } from '../access/token-keys.ts'
import { dataKeysSchema } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { takeRotationLock } from '../db/reseal.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder, readSecret, sealKeysSchema } from './data-folder.ts'
import { rotateCheckpoint } from './keys/checkpoint-rotation.ts'
import { describeKeys } from './keys/list.ts'
import { type Place, replaceTokenKeys, rotateLookup, rotateSeal, rotateToken } from './keys/rotate.ts'
import { CLOCK } from './keys/waiting.ts'
import { dataKeysFileOf, tokenKeysFileOf } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'keys list | keys rotate token [--wait | --at-once] | keys rotate seal | lookup | checkpoint [--wait]'

/**
 * `kiemthe keys`: the service's own keys. `rotate` is run as the database's owner, beside the running service, which takes
 * up the changed file by itself. It takes the steps that are due and says when the next is; `--wait` stays for them. It may
 * be killed at any moment and is run again: it goes on from where the files say it is.
 */
export async function keys(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      wait: { type: 'boolean', default: false },
      'at-once': { type: 'boolean', default: false },
    },
    true,
  )
  const asked = positionals.join(' ')
  const { wait, 'at-once': atOnce } = values
  if (!['list', 'rotate token', 'rotate seal', 'rotate lookup', 'rotate checkpoint'].includes(asked))
    throw new UsageError(USAGE)
  if ((atOnce && (asked !== 'rotate token' || wait)) || (wait && asked === 'list')) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const sealKeyFile = resolve(process.env['SEAL_KEY_FILE'] || folder.sealKeyFile)
  const paths = { dataKeysFile: dataKeysFileOf(folder), tokenKeysFile: tokenKeysFileOf(folder) }
  if (asked === 'list') {
    const token = await readSecret(paths.tokenKeysFile, tokenKeysSchema)
    const data = await readSecret(paths.dataKeysFile, dataKeysSchema)
    const checkpoint = await readSecret(sealKeyFile, sealKeysSchema).catch(() => null) // another user's to read
    process.stdout.write(describeKeys(token, data, checkpoint))
    return
  }
  // no statement may take long, but for this the operator waits anyway
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 1,
    statementTimeoutMs: 60_000,
    applicationName: 'kiemthe keys',
  })
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const place: Place = { sql, ...paths, clock: CLOCK, say, seam: () => {} }
  try {
    if (!(await takeRotationLock(sql))) throw new UsageError('another rotation runs on this database')
    if (atOnce) await replaceTokenKeys(place)
    else if (asked === 'rotate token') await rotateToken(place, wait)
    else if (asked === 'rotate seal') await rotateSeal(place, wait)
    else if (asked === 'rotate lookup') await rotateLookup(place, wait)
    else await rotateCheckpoint(place, sealKeyFile, wait)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
