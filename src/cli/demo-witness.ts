import { mkdir } from 'node:fs/promises'
import { ED25519, rawPublicKey, verifierKeyText } from '../audit/signed-note.ts'
import { COSIGNATURE } from '../audit/witness/cosignature.ts'
import { type DataFolder, sealKeyOf, signingKeyOf, writeWhole } from './data-folder.ts'
import { anyFreePort } from './embedded/port.ts'
import { readSealKey } from './seal-config.ts'
import { witnessKeyFile } from './witness.ts'

/** Of the demo's only log: the migrations name it. */
const ORIGIN = 'kiemthe.example/thanhhoa/1'
const WITNESS_NAME = 'witness.kiemthe.example/demo'

/**
 * The demo's witness: in life somebody else's machine, here a process that shares nothing with the others but this folder.
 * Writes the policy by which the sealer asks it, and anyone verifies a proof: `kiemthe verify-proof --keys`.
 */
export async function witnessEnvironment(folder: DataFolder): Promise<NodeJS.ProcessEnv> {
  await mkdir(folder.witnessFolder, { recursive: true, mode: 0o700 })
  await Promise.all([sealKeyOf(folder), signingKeyOf(witnessKeyFile(folder.witnessFolder))])
  const publicKeyOf = async (path: string) => rawPublicKey(await readSealKey(path))
  const log = verifierKeyText(ORIGIN, ED25519, await publicKeyOf(folder.sealKeyFile))
  const own = verifierKeyText(WITNESS_NAME, COSIGNATURE, await publicKeyOf(witnessKeyFile(folder.witnessFolder)))
  const port = await anyFreePort()
  await writeWhole(folder.witnessPolicyFile, `log ${log}\nwitness demo ${own} http://127.0.0.1:${port}\nquorum demo\n`)
  return {
    PATH: process.env['PATH'],
    LOG_LEVEL: 'warn',
    WITNESS_NAME,
    WITNESS_FOLDER: folder.witnessFolder,
    WITNESS_LOGS: log,
    PORT: String(port),
  }
}
