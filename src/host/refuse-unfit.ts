import type { Config } from '../config.ts'
import type { Query } from '../db/pool.ts'
import type { Service } from '../scope.ts'
import { unfitness } from './fitness.ts'
import { behindWitness } from './log-mark.ts'
import { StartError } from './start-error.ts'
import { behindWitnesses } from './witness-policy.ts'

/** The law, the keys and the log's mark are checked before the first request, not at it. */
export async function refuseUnfit(
  query: Query,
  service: Pick<Service, 'dataKeys'>,
  config: Pick<Config, 'logMarkFile' | 'witnessPolicyFile'>,
): Promise<void> {
  const problems = await unfitness(query, service.dataKeys)
  if (config.logMarkFile !== null) problems.push(...(await behindWitness(query, config.logMarkFile)))
  if (config.witnessPolicyFile !== null) problems.push(...(await behindWitnesses(query, config.witnessPolicyFile)))
  if (problems.length > 0) throw new StartError(problems)
}
