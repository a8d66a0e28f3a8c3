import { parseFacilityCode } from '../access/principal.ts'
import type { DataKeys } from '../data-keys.ts'
import { connect, type Sql } from '../db/connect.ts'
import {
  EVERYTHING,
  facilityTarget,
  isCaseNumber,
  liftHold,
  placeHold,
  readHolds,
  type WriteDeed,
} from '../erasure/hold.ts'
import { knowPerson } from '../erasure/person.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { readNumbers } from './read-numbers.ts'
import { UsageError } from './usage-error.ts'

const USAGE = `hold place CASE --reason "why" [--facility CODE… | --everything] (else numbers of a person on stdin, one a line)
       hold lift CASE --reason "why"
       hold list`

/** `kiemthe hold`, as the database's owner: what `kiemthe erase` may not take, and in which case. */
export async function hold(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      reason: { type: 'string', default: '' },
      facility: { type: 'string', multiple: true, default: [] },
      everything: { type: 'boolean', default: false },
    },
    true,
  )
  const [verb = '', name, ...more] = positionals
  const reason = values.reason.trim()
  const isList = verb === 'list'
  if (!['place', 'lift', 'list'].includes(verb) || more.length > 0 || isList !== (name === undefined)) {
    throw new UsageError(USAGE)
  }
  if (!isList && (reason === '' || !isCaseNumber(name ?? ''))) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 1,
    statementTimeoutMs: 60_000,
    applicationName: 'kiemthe hold',
  })
  try {
    const keys = await ownerDataKeys(folder)
    const deed: WriteDeed = (kind, outcome, details) => operatorDeed(keys, kind, null, outcome, details)
    if (name === undefined) {
      for (const each of await readHolds(sql, keys, 'all')) process.stdout.write(`${JSON.stringify(each)}\n`)
    } else if (verb === 'lift') {
      if (!(await liftHold(sql, name, reason, deed))) throw new UsageError(`there is no hold ${name}`)
      process.stderr.write(`${name} is lifted\n`)
    } else {
      const targets = await targetsOf(sql, keys, values.facility, values.everything)
      const isNew = await placeHold(sql, keys, name, targets, reason, new Date(), deed)
      process.stderr.write(isNew ? `${name} holds\n` : `${name} held all of that before\n`)
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function targetsOf(
  sql: Sql,
  keys: DataKeys,
  codes: readonly string[],
  everything: boolean,
): Promise<readonly string[]> {
  if (everything) return [EVERYTHING]
  if (codes.length > 0) {
    return codes.map((text) => {
      const code = parseFacilityCode(text)
      if (code === null) throw new UsageError(`${text} is no code of a facility`)
      return facilityTarget(code)
    })
  }
  const numbers = await readNumbers()
  if (numbers.length === 0) throw new UsageError('no numbers came in on standard input: whose details?')
  const person = await knowPerson(sql, keys, numbers)
  if (person.people > 1) throw new UsageError(`the numbers are of ${person.people} people: one at a time`)
  return person.targets
}
