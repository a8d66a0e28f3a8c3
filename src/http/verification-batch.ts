import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { describeFailure, type Failure } from '../event.ts'
import type { Scope } from '../scope.ts'
import { type ItemOutcome, verifyBatch } from '../verification/batch.ts'
import { verificationRequestSchema } from '../verification/request.ts'
import { batchSchema } from './contract/verification-batch.ts'
import type { Answer } from './endpoint.ts'
import { toProblem } from './problem.ts'
import { isRefusal } from './refusal.ts'
import { BATCH_BYTES_MAX, checkShape, readIdempotencyKey, readJson } from './request.ts'

/**
 * `POST /v1/verifications/batch`. Items are answered in order, each with the status it would have got alone. An answer
 * is written out as soon as its part is done: all 1,000 at the end would keep the event loop for 10 ms.
 */
export async function postVerificationBatch(
  c: Context,
  scope: Scope,
  caller: Principal,
  requestId: string,
): Promise<Answer> {
  const key = readIdempotencyKey(c)
  const { value } = await readJson(c, batchSchema, BATCH_BYTES_MAX)
  const readItem = (item: unknown) => checkShape(verificationRequestSchema, item)
  const items: string[] = []
  let failure: Failure | null = null
  await scope.inLane(async (lane) => {
    lane.service.metrics.batch(value.items.length)
    for await (const part of verifyBatch(lane, caller, value.items, readItem, key)) {
      for (const outcome of part) items.push(render(outcome))
    }
  })
  if (failure !== null) scope.report('batchItemFailed', failure)
  return { status: 200, body: `{"items":[${items.join(',')}]}` }

  function render(outcome: ItemOutcome): string {
    if (outcome.ok) return `{"status":200,"verification":${JSON.stringify(outcome.answer)}}`
    const problem = toProblem(outcome.error, requestId)
    if (isRefusal(problem)) scope.service.limits.refused.note(caller.clientId, problem.code, scope.now().getTime())
    if (problem.status >= 500) failure ??= describeFailure(outcome.error) // the first tells why
    return `{"status":${problem.status},"problem":${problem.body}}`
  }
}
