import { mkdir } from 'node:fs/promises'
import { rawPublicKey, verifierKeyText } from '../audit/signed-note.ts'
import { COSIGNATURE } from '../audit/witness/cosignature.ts'
import { type DataFolder, sealKeyOf, signingKeyOf, writeWhole } from './data-folder.ts'
import { anyFreePort } from './embedded/port.ts'
import { readSealKey } from './seal-config.ts'
import { type Log, publicTextOf, readSealKeys } from './seal-keys.ts'
import { witnessKeyFile } from './witness.ts'

const WITNESS_NAME = 'witness.kiemthe.example/demo'

/**
 * The demo's witness: in life somebody else's machine, here a process that shares nothing with the others but this folder.
 * Writes the policy by which the sealer asks it, and anyone verifies a proof: `kiemthe verify-proof --keys`.
 */
export async function witnessEnvironment(folder: DataFolder, logs: readonly Log[]): Promise<NodeJS.ProcessEnv> {
  await mkdir(folder.witnessFolder, { recursive: true, mode: 0o700 })
  await Promise.all([sealKeyOf(folder), signingKeyOf(witnessKeyFile(folder.witnessFolder))])
  const keysOf = async (log: Log) => {
    const { current, former } = await readSealKeys(folder.sealKeyFile, log)
    return [current, ...(former === null ? [] : [former])].map((key) => publicTextOf(key, log))
  }
  const keys = (await Promise.all(logs.map(keysOf))).flat()
  const ownKey = rawPublicKey(await readSealKey(witnessKeyFile(folder.witnessFolder), 'WITNESS_FOLDER'))
  const own = verifierKeyText(WITNESS_NAME, COSIGNATURE, ownKey)
  const port = await anyFreePort()
  const policy = [...keys.map((key) => `log ${key}`), `witness demo ${own} http://127.0.0.1:${port}`, 'quorum demo']
  await writeWhole(folder.witnessPolicyFile, `${policy.join('\n')}\n`)
  return {
    PATH: process.env['PATH'],
    LOG_LEVEL: 'warn',
    WITNESS_NAME,
    WITNESS_FOLDER: folder.witnessFolder,
    WITNESS_LOGS: keys.join(' '),
    PORT: String(port),
  }
}
