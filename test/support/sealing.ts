import { generateKeyPairSync } from 'node:crypto'
import { LOG_ID } from '../../src/audit/log.ts'
import { type SealJob, sealPass } from '../../src/audit/seal/seal.ts'
import { readSealState, saveLogKey } from '../../src/audit/seal/store.ts'
import { ED25519, ed25519Signer, ed25519Verifier, rawPublicKey, verifierKeyText } from '../../src/audit/signed-note.ts'
import type { Sql } from '../../src/db/connect.ts'

export const LOG_ORIGIN = 'kiemthe.example/thanhhoa/1'

/** A sealer on that connection, with a key of its own that is known to the log. */
export async function sealerOn(
  sql: Sql,
  part: Partial<SealJob> = {},
  { logId, origin } = { logId: LOG_ID, origin: LOG_ORIGIN },
): Promise<SealJob> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const publicKey = rawPublicKey(privateKey)
  const verifier = ed25519Verifier(origin, publicKey)
  await saveLogKey(sql, logId, verifier.keyId, verifierKeyText(origin, ED25519, publicKey))
  return {
    logId,
    query: (work) => work(sql),
    signer: ed25519Signer(origin, privateKey),
    verifier,
    former: null,
    mark: null,
    cosign: async ({ note }) => note,
    isCosigned: null,
    ...part,
  }
}

/** All that is recorded is published. Returns how many entries that are. */
export async function sealAll(job: SealJob): Promise<number> {
  let passes = 0
  while ((await sealPass(job)).more) if (++passes > 1_000) throw new Error('it does not end')
  return job.query(async (sql) => (await readSealState(sql, job.logId)).published?.size ?? 0)
}
