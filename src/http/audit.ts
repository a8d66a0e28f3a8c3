import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { type EntryAt, LOG_ID } from '../audit/log-id.ts'
import { readEntry, readEvidence } from '../audit/read/entry.ts'
import {
  type ShownCheck,
  type ShownClaim,
  type ShownFlag,
  shownCheck,
  shownClaim,
  shownFlag,
} from '../audit/read/items.ts'
import { type AuditList, openStream, readPage } from '../audit/read/lists.ts'
import { type SearchFor, search } from '../audit/read/search.ts'
import { findClaimPlace, listChecks, listClaims, listFlags } from '../audit/read/store.ts'
import { addDays, endOfDayInVietnam, type IsoDate } from '../calendar.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { readAuditReason } from './audit-reason.ts'
import { auditClaimsQuery, auditFlagsQuery, auditSearchSchema, auditVerificationsQuery } from './contract/audit.ts'
import { type Cell, CSV_MARK, csvLine } from './csv.ts'
import type { Answer } from './endpoint.ts'
import { readJson, readQuery } from './request.ts'

/** `GET /v1/audit/verifications`. */
export async function listAuditVerifications(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const query = readQuery(c, auditVerificationsQuery)
  const { decision = null, code = null, assurance = null, flag = null, claim } = query
  if (flag !== null && claim !== undefined)
    throw new ServiceError('invalid_request', { faults: [{ pointer: '/claim', issue: 'member_value' }] })
  requireReach(c, query.facility, flag !== null || claim !== undefined)
  const hiv = caller.scopes.has('audit:hiv')
  return answerList(c, scope, caller, query, {
    ...listOf('verifications', query),
    page: (lane, of, max) =>
      lane.query(async (sql) => {
        const place = claim === undefined ? null : await findClaimPlace(sql, LOG_ID, claim, hiv)
        if (claim !== undefined && place === null) return { items: [], next: null }
        return listChecks(sql, LOG_ID, of, { decision, code, assurance, flag, claim: place }, max)
      }),
    shown: shownCheck,
    columns: CHECK_COLUMNS,
  })
}

/** `GET /v1/audit/claim-shares`. */
export async function listAuditClaims(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const query = readQuery(c, auditClaimsQuery)
  const { status = null, flag = null } = query
  requireReach(c, query.facility, flag !== null)
  const hiv = caller.scopes.has('audit:hiv')
  return answerList(c, scope, caller, query, {
    ...listOf('claim-shares', query),
    page: (lane, of, max) => lane.query((sql) => listClaims(sql, LOG_ID, of, { status, flag, hiv }, max)),
    shown: shownClaim,
    columns: CLAIM_COLUMNS,
  })
}

/** `GET /v1/audit/flags`. */
export async function listAuditFlags(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const query = readQuery(c, auditFlagsQuery)
  const { rule = null } = query
  const hiv = caller.scopes.has('audit:hiv')
  return answerList(c, scope, caller, query, {
    ...listOf('flags', query),
    page: (lane, of, max) => lane.query((sql) => listFlags(sql, LOG_ID, of, { rule, hiv }, max)),
    shown: shownFlag,
    columns: FLAG_COLUMNS,
  })
}

/** `POST /v1/audit/search`: numbers of people travel in bodies only. */
export async function searchAudit(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const reason = readAuditReason(c)
  const { value } = await readJson(c, auditSearchSchema)
  const { visitId, citizenId, checkCode, facility = null } = value
  if (citizenId !== undefined && reason.auditCase === null) throw new ServiceError('audit_case_missing')
  const of: SearchFor =
    visitId !== undefined
      ? { by: 'visitId', value: visitId, facility }
      : citizenId !== undefined
        ? { by: 'citizenId', value: citizenId, facility }
        : { by: 'checkCode', value: checkCode ?? '', facility }
  return json(await search(scope, caller, reason, of))
}

/** `GET /v1/audit/logs/{log}/entries/{index}`. */
export async function getAuditEntry(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  return json(await readEntry(scope, caller, readAuditReason(c), entryOf(c)))
}

/** `GET /v1/audit/logs/{log}/entries/{index}/evidence`. */
export async function getAuditEvidence(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  return json(await readEvidence(scope, caller, readAuditReason(c), entryOf(c)))
}

/** A smallint. Which logs there are, the entry's look-up tells. */
const LOG_MAX = 2 ** 15 - 1

function entryOf(c: Context): EntryAt {
  const logId = /^[1-9]\d{0,4}$/.test(c.req.param('log') ?? '') ? Number(c.req.param('log')) : 0
  if (logId < LOG_ID || logId > LOG_MAX) throw new ServiceError('log_not_found')
  const text = c.req.param('index') ?? ''
  const index = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(index)) throw new ServiceError('log_place_invalid', { detail: 'index is no whole number' })
  return { logId, index }
}

/** Across facilities only by what leads to a case (contract). */
function requireReach(c: Context, facility: string | undefined, isLed: boolean): void {
  if (facility === undefined && !isLed && readAuditReason(c).auditCase === null)
    throw new ServiceError('audit_facility_missing')
}

interface ListQuery {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly facility?: string | undefined
  readonly from?: IsoDate | undefined
  readonly to?: IsoDate | undefined
}

/** Days are those of Viet Nam; the log is to the millisecond. */
function listOf(name: string, { limit: _, cursor: __, from, to, ...rest }: ListQuery) {
  const { facility = null, ...filters }: { readonly facility?: string | null | undefined } = rest
  const asked: Record<string, string | number> = {}
  for (const [member, value] of Object.entries<string | number | null | undefined>({
    facility,
    from,
    to,
    ...filters,
  })) {
    if (value != null) asked[member] = value
  }
  return {
    ...{ name, facility, asked },
    from: from === undefined ? null : new Date(Date.parse(endOfDayInVietnam(addDays(from, -1))) + 1).toISOString(),
    to: to === undefined ? null : endOfDayInVietnam(to),
  }
}

type Columns<Shown> = readonly (readonly [name: string, of: (shown: Shown) => Cell])[]

/** A page, or with `Accept` all of it as a stream. */
async function answerList<Row extends { readonly place: number }, Shown>(
  c: Context,
  scope: Scope,
  caller: Principal,
  { limit, cursor }: ListQuery,
  list: AuditList<Row, Shown> & { readonly columns: Columns<Shown> },
): Promise<Answer> {
  const reason = readAuditReason(c)
  const type = streamTypeOf(c)
  if (type === null) return json(await readPage(scope, caller, reason, list, cursor ?? null, limit))
  if (cursor !== undefined)
    throw new ServiceError('page_invalid', { detail: 'a stream has no cursor: it is all there is' })
  const { columns } = list
  const isCsv = type === 'text/csv'
  const head = isCsv ? CSV_MARK + csvLine(columns.map(([name]) => name)) : ''
  const write = isCsv
    ? (rows: readonly Shown[]) => rows.map((row) => csvLine(columns.map(([, of]) => of(row)))).join('')
    : (rows: readonly Shown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  const { bytes, indexedThrough } = await openStream(scope, caller, reason, list, {
    head,
    write,
    breakOff: breakOffOf(c),
  })
  return {
    status: 200,
    body: bytes,
    headers: {
      'content-type': isCsv ? 'text/csv; charset=utf-8' : type,
      'audit-indexed-through': `${indexedThrough.log} ${indexedThrough.index} ${indexedThrough.time ?? '-'}`,
    },
  }
}

/** What Node's adapter answers by; on Workers there is none. */
function breakOffOf(c: Context): (() => void) | null {
  const { outgoing } = (c.env ?? {}) as { readonly outgoing?: { destroy: () => unknown } }
  return outgoing === undefined ? null : () => void outgoing.destroy()
}

/** The first of the two that is named. A HEAD has no body to stream. */
function streamTypeOf(c: Context): 'application/x-ndjson' | 'text/csv' | null {
  if (c.req.method === 'HEAD') return null
  const named = (c.req.header('accept') ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.split(';')[0]?.trim())
  return named.find((each) => each === 'application/x-ndjson' || each === 'text/csv') ?? null
}

function json(body: unknown): Answer {
  return { status: 200, body: JSON.stringify(body) }
}

const CHECK_COLUMNS: Columns<ShownCheck> = [
  ['kind', (row) => row.kind],
  ['id', (row) => row.id],
  ['log', (row) => row.log],
  ['index', (row) => row.index],
  ['recordedAt', (row) => row.recordedAt],
  ['facility', (row) => row.facility],
  ['decision', (row) => row.decision],
  ['code', (row) => row.code],
  ['cause', (row) => row.cause],
  ['method', (row) => row.method],
  ['assurance', (row) => row.assurance],
  ['purpose', (row) => row.purpose],
  ['serviceDate', (row) => row.serviceDate],
  ['route', (row) => row.route],
  ['inpatient', (row) => row.inpatient],
  ['erased', (row) => row.erased],
  ['flags', (row) => row.flags.join(' ')],
]

const CLAIM_COLUMNS: Columns<ShownClaim> = [
  ['kind', (row) => row.kind],
  ['id', (row) => row.id],
  ['log', (row) => row.log],
  ['index', (row) => row.index],
  ['recordedAt', (row) => row.recordedAt],
  ['facility', (row) => row.facility],
  ['share', (row) => row.share],
  ['version', (row) => row.version],
  ['delivery', (row) => row.delivery],
  ['settlementMonth', (row) => row.settlementMonth],
  ['status', (row) => row.status],
  ['totalHospital', (row) => row.totalHospital],
  ['totalInsured', (row) => row.totalInsured],
  ['paidByPatient', (row) => row.paidByPatient],
  ['copayment', (row) => row.copayment],
  ['paidByInsurer', (row) => row.paidByInsurer],
  ['findings', (row) => row.findings],
  ['signature', (row) => row.signature],
  ['admitted', (row) => row.admitted],
  ['discharged', (row) => row.discharged],
  ['careType', (row) => row.careType],
  ['route', (row) => row.route],
  ['erased', (row) => row.erased],
  ['restricted', (row) => row.restricted],
  ['checks', (row) => row.checks.join(' ')],
  ['flags', (row) => row.flags.join(' ')],
]

const FLAG_COLUMNS: Columns<ShownFlag> = [
  ['rule', (row) => row.rule],
  ['log', (row) => row.log],
  ['index', (row) => row.index],
  ['recordedAt', (row) => row.recordedAt],
  ['facility', (row) => row.facility],
  ['otherIndex', (row) => row.otherIndex],
  ['facts', (row) => JSON.stringify(row.facts)],
  ['explanation', (row) => row.explanation.vi],
  ['innocent', (row) => row.innocent.vi.join(' ')],
  ['otherLog', (row) => row.otherLog],
]
