import { type FacilityCode, parseFacilityCode, ROLE_SCOPES, readClientId } from '../access/principal.ts'
import { findEnrolled } from '../access/store.ts'
import { todayInVietnam } from '../calendar.ts'
import type { DataKeys } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { findFacility, listCodes } from '../facility/store.ts'
import { readArguments } from './arguments.ts'
import { asOwner, codesExpireAt, type KeyOwner, makeKey, openCode, revoke } from './client-keys.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { setInsurerLogin } from './insurer-login.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const USAGE = `facility add | rotate-key | revoke CODE … (or add --all --province 38)
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
      province: { type: 'string' },
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
  if ((one && codes.length !== 1) || (values.province !== undefined && !values.all)) throw new UsageError(USAGE)
  await asOwner(values.data, 'facility', async (sql, keys) => {
    const first = codes[0]
    if (verb === 'revoke' && first !== undefined) await revoke(sql, keys, clientOf(first), values.key ?? null)
    else if (values.out !== undefined && first !== undefined) await makeKeyOf(sql, keys, first, values.out)
    else await openEnrolments(sql, keys, values.all ? await allOf(sql, values.province ?? null) : codes)
  })
}

/**
 * Every facility in force that has no key. A catalogue of the country has 12,900 of them, and a code lets its holder ask
 * about people: so of one province, named unless the catalogue has no other.
 */
async function allOf(sql: Sql, province: string | null): Promise<FacilityCode[]> {
  const inForce = await listCodes(sql, todayInVietnam(new Date()))
  const provinces = [...new Set(inForce.map((each) => each.province))]
  if (province === null && provinces.length > 1) {
    throw new UsageError(`the catalogue has ${provinces.length} provinces: say which one, --province 38`)
  }
  if (province !== null && !provinces.includes(province)) {
    throw new UsageError(`the catalogue has no facility in province ${province}`)
  }
  const enrolled = await findEnrolled(sql)
  return inForce
    .filter((each) => (province === null || each.province === province) && !enrolled.has(`facility:${each.code}`))
    .map((each) => each.code)
}

async function openEnrolments(sql: Sql, keys: DataKeys, codes: readonly FacilityCode[]): Promise<void> {
  const inForce = new Set((await listCodes(sql, todayInVietnam(new Date()))).map((each) => each.code))
  for (const code of codes) if (!inForce.has(code)) await refuseCode(sql, code)
  const expiresAt = codesExpireAt()
  const progress = codes.length > 1 ? createProgress({ label: 'facilities', total: codes.length, unit: 'codes' }) : null
  let done = 0
  for (const code of codes) {
    const secret = await openCode(sql, keys, clientOf(code), expiresAt)
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

async function makeKeyOf(sql: Sql, keys: DataKeys, code: FacilityCode, out: string): Promise<void> {
  const inForce = await listCodes(sql, todayInVietnam(new Date()))
  if (!inForce.some((each) => each.code === code)) await refuseCode(sql, code)
  await makeKey(sql, keys, clientOf(code), out)
}

function clientOf(code: FacilityCode): KeyOwner {
  const client = readClientId(`facility:${code}`)
  if (client === null) throw new Error('a facility code makes a client id')
  return { clientId: client.clientId, facility: code, scopes: ROLE_SCOPES.facility }
}
