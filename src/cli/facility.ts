import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import {
  CLIENT_KEY_LIFE_MS,
  ENROLMENT_LIFE_MS,
  ENROLMENT_TRIES,
  enrolmentDigest,
  makeEnrolmentCode,
} from '../access/enrolment.ts'
import { type FacilityCode, parseFacilityCode, ROLE_SCOPES } from '../access/principal.ts'
import { addingKey, findEnrolled, openEnrolment, revokingKeys } from '../access/store.ts'
import { makeSigningKey } from '../access/token-keys.ts'
import { appendDeed } from '../audit/log.ts'
import { todayInVietnam } from '../calendar.ts'
import type { DataKeys } from '../data-keys.ts'
import { connect, type Sql } from '../db/connect.ts'
import { facilityCodes, findFacility } from '../facility/store.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder, writeSecret } from './data-folder.ts'
import { setInsurerLogin } from './insurer-login.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const USAGE = `facility add | rotate-key | revoke CODE … (or add --all)
       facility insurer-login CODE [--username NAME] [--remove] (the password on standard input)`

/**
 * `kiemthe facility`, as the database's owner (DATABASE_URL, or the running demo).
 * `add` and `rotate-key` print a one-time code for each facility (`CODE<tab>code` on stdout): its software makes the key
 * pair and registers the public half (`kiemthe enrol`, POST /v1/enrolments). Former keys stay in force until they are
 * revoked. With --out the key pair is made here and its private half written (mode 0600). `revoke` ends keys, and
 * with them their tokens, within 5 s everywhere. `insurer-login` keeps its account at the insurer's portal, for `kiemthe send`.
 * Each is an entry of the log.
 */
export async function facility(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      out: { type: 'string' },
      key: { type: 'string' },
      all: { type: 'boolean', default: false },
      username: { type: 'string' },
      remove: { type: 'boolean', default: false },
    },
    true,
  )
  const [verb, ...texts] = positionals
  if (verb === 'insurer-login') {
    const code = parseFacilityCode(texts[0] ?? '')
    if (code === null || texts.length !== 1) throw new UsageError(USAGE)
    const username = values.remove ? null : (values.username ?? `${code}_BV`)
    return setInsurerLogin(dataFolder(values.data), code, username)
  }
  if (verb !== 'add' && verb !== 'rotate-key' && verb !== 'revoke') throw new UsageError(USAGE)
  const codes = texts.map((text) => parseFacilityCode(text)).filter((code) => code !== null)
  const one = values.out !== undefined || verb === 'revoke'
  if (codes.length !== texts.length || (values.all ? codes.length > 0 || verb !== 'add' || one : codes.length === 0)) {
    throw new UsageError(USAGE)
  }
  if (one && codes.length !== 1) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const ownerUrl = await ownerUrlOf(folder)
  const keys = await ownerDataKeys(folder)
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 10_000, applicationName: 'kiemthe facility' })
  try {
    const first = codes[0]
    if (verb === 'revoke' && first !== undefined) await revoke(sql, keys, first, values.key ?? null)
    else if (values.out !== undefined && first !== undefined) await makeKey(sql, keys, first, values.out)
    else await openEnrolments(sql, keys, values.all ? null : codes)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Null: every facility of the catalogue that has no key in force. */
async function openEnrolments(sql: Sql, keys: DataKeys, asked: readonly FacilityCode[] | null): Promise<void> {
  const catalogue = await facilityCodes(sql, todayInVietnam(new Date()))
  for (const code of asked ?? []) if (!catalogue.includes(code)) await refuseCode(sql, code)
  const enrolled = await findEnrolled(sql)
  const codes = asked ?? catalogue.filter((code) => !enrolled.has(`facility:${code}`))
  const expiresAt = new Date(Date.now() + ENROLMENT_LIFE_MS)
  const progress = codes.length > 1 ? createProgress({ label: 'facilities', total: codes.length, unit: 'codes' }) : null
  let done = 0
  for (const code of codes) {
    const secret = makeEnrolmentCode()
    const row = operatorDeed(keys, 'enrolmentOpened', code, { client: `facility:${code}` }, { expiresAt })
    const digest = enrolmentDigest(keys, `facility:${code}`, secret)
    await appendDeed(sql, row, (with_) =>
      openEnrolment(with_, clientOf(code), { digest, expiresAt, tries: ENROLMENT_TRIES }),
    )
    process.stdout.write(`${code}\t${secret}\n`)
    progress?.update(++done)
  }
  progress?.finish()
  process.stderr.write(
    `${codes.length} code${codes.length === 1 ? '' : 's'}, each for one key, until ${expiresAt.toISOString()}; not shown again\n`,
  )
}

/** Keys are made for codes in force; those of a code that ended hold on until they are revoked. */
async function refuseCode(sql: Sql, code: FacilityCode): Promise<never> {
  const found = await findFacility(sql, code)
  if (found === null) throw new UsageError(`the catalogue has no facility ${code}`)
  const { validFrom, validTo, mergedInto } = found
  const successor = mergedInto === null ? '' : `; it was merged into ${mergedInto}`
  throw new UsageError(`${code} is in force from ${validFrom} to ${validTo ?? 'now'} only${successor}`)
}

async function makeKey(sql: Sql, keys: DataKeys, code: FacilityCode, out: string): Promise<void> {
  if (!(await facilityCodes(sql, todayInVietnam(new Date()))).includes(code)) await refuseCode(sql, code)
  const { clientId } = clientOf(code)
  const { d, kid, ...jwk } = await makeSigningKey(`${code}-${randomBytes(4).toString('hex')}`)
  await writeFile(out, '', { mode: 0o600, flag: 'wx' }).catch(() => {
    throw new UsageError(`${out} is there already, or cannot be written; choose another --out`)
  })
  await writeSecret(out, { kid, ...jwk, d })
  const expiresAt = new Date(Date.now() + CLIENT_KEY_LIFE_MS)
  const outcome = { client: clientId, key: kid, by: 'operator' }
  const row = operatorDeed(keys, 'clientKeyEnrolled', code, outcome, { publicJwk: jwk, expiresAt })
  await appendDeed(sql, row, (with_) => addingKey(with_, clientOf(code), { keyId: kid, publicJwk: jwk, expiresAt }))
  process.stderr.write(
    `${clientId}: key ${kid} is in force until ${expiresAt.toISOString().slice(0, 10)}, private half in ${out}\n`,
  )
}

async function revoke(sql: Sql, keys: DataKeys, code: FacilityCode, keyId: string | null): Promise<void> {
  const { clientId } = clientOf(code)
  const row = operatorDeed(keys, 'clientKeyRevoked', code, { client: clientId, key: keyId ?? 'all' }, {})
  const result = await appendDeed(sql, row, (with_) => revokingKeys(with_, clientId, keyId))
  const what = keyId === null ? 'all its keys are' : `key ${keyId} is`
  process.stderr.write(
    result === 'done' ? `${clientId}: ${what} revoked\n` : `${clientId}: no such key was in force, 0 keys revoked\n`,
  )
}

function clientOf(code: FacilityCode) {
  return { clientId: `facility:${code}`, facility: code, scopes: ROLE_SCOPES.facility }
}
