import { readFile } from 'node:fs/promises'
import { LOG_ID } from '../audit/log.ts'
import { readPublished } from '../audit/tree/store.ts'
import { latestOf } from '../audit/witness/client.ts'
import { type Policy, PolicyInvalid, readPolicy } from '../audit/witness/policy.ts'
import { ConfigError } from '../config.ts'
import type { Query } from '../db/pool.ts'
import { endBeside } from './log-mark.ts'

/** Once, before the first request: a witness that is down costs a start this long, and the sealer asks it again anyway. */
const DEADLINE_MS = 3_000

export async function readPolicyFile(path: string): Promise<Policy> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new ConfigError([`WITNESS_POLICY_FILE: there is no file ${path}`]) : error
  })
  try {
    return readPolicy(text)
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error
    throw new ConfigError([`WITNESS_POLICY_FILE: ${path}: ${error.message}`])
  }
}

/**
 * Why a host must not append to this log: a witness shows a checkpoint, signed by the log, of more entries than there are.
 * Empty when it may; a witness that is silent, or shows nothing that the log signed, does not keep desks from opening.
 */
export async function behindWitnesses(query: Query, policyFile: string): Promise<string[]> {
  const { witnesses, logs } = await readPolicyFile(policyFile)
  const log = await query((sql) => readPublished(sql, LOG_ID))
  if (log === null) return []
  const keys = logs.filter((each) => each.name === log.origin)
  const known = await Promise.all(
    witnesses.map(async ({ name, url }) => {
      if (url === null) return null
      const signal = AbortSignal.timeout(DEADLINE_MS)
      const latest = await latestOf(url, log.origin, keys, signal).catch(() => null)
      return latest === null ? null : { name, size: latest.size }
    }),
  )
  const { size } = await endBeside(query, null) // after them: the log grows meanwhile
  return known.flatMap((each) =>
    each === null || each.size <= size
      ? []
      : [
          `logBehindWitness: the log has ${size} entries, witness ${each.name} cosigned ${each.size}: was an older backup restored?`,
          '  restore a newer one: a witness never takes back what it cosigned',
        ],
  )
}
