import { type Context, Hono } from 'hono'
import { SCOPES } from './access/principal.ts'
import { ServiceError } from './errors.ts'
import type { AddressOf } from './http/admission.ts'
import {
  getAuditEntry,
  getAuditEvidence,
  listAuditClaims,
  listAuditFlags,
  listAuditVerifications,
  searchAudit,
} from './http/audit.ts'
import {
  getClaimShare,
  listClaimShares,
  postClaimReceipt,
  postClaimShare,
  postClaimWithdrawal,
} from './http/claim-shares.ts'
import {
  listAuditClaimsContract,
  listAuditFlagsContract,
  listAuditVerificationsContract,
  searchAuditContract,
} from './http/contract/audit.ts'
import { getAuditEntryContract, getAuditEvidenceContract } from './http/contract/audit-entries.ts'
import {
  getClaimShareContract,
  listClaimSharesContract,
  postClaimReceiptContract,
  postClaimShareContract,
  postClaimWithdrawalContract,
} from './http/contract/claim-shares.ts'
import { showDocsContract, showOpenApiContract, showProblemsContract } from './http/contract/documents.ts'
import { postEnrolmentContract } from './http/contract/enrolments.ts'
import { getFacilityContract, showFacilitiesContract } from './http/contract/facilities.ts'
import { showLiveContract, showReadyContract } from './http/contract/health.ts'
import {
  showCheckpointContract,
  showConsistencyContract,
  showLogKeysContract,
  showProofContract,
  showTileContract,
} from './http/contract/log.ts'
import { issueTokenContract, showTokenKeysContract } from './http/contract/oauth.ts'
import { postSyncBatchContract, showSyncStatusContract } from './http/contract/sync.ts'
import { getUnverifiedVisitContract, postUnverifiedVisitContract } from './http/contract/unverified-visits.ts'
import { postVerificationBatchContract } from './http/contract/verification-batch.ts'
import { getVerificationContract, postVerificationContract } from './http/contract/verifications.ts'
import { listVisitChangesContract } from './http/contract/visit-changes.ts'
import { showDocs, showOpenApi, showProblems } from './http/documents.ts'
import { endpoint } from './http/endpoint.ts'
import { postEnrolment } from './http/enrolments.ts'
import { getFacility, showFacilities } from './http/facilities.ts'
import { showLive, showReady } from './http/health.ts'
import { showCheckpoint, showConsistency, showLogKeys, showProof, showTile } from './http/log.ts'
import { type Route, routePattern } from './http/route.ts'
import { postSyncBatch, showSyncStatus } from './http/sync.ts'
import { issueToken, showTokenKeys } from './http/token.ts'
import { getUnverifiedVisit, postUnverifiedVisit } from './http/unverified-visits.ts'
import { postVerificationBatch } from './http/verification-batch.ts'
import { getVerification, postVerification } from './http/verifications.ts'
import { listVisitChanges } from './http/visit-changes.ts'
import type { OpenScope } from './scope.ts'

/** Every path on one screen; `http/route.ts` says how one is added. */
export const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/oauth/token',
    access: 'public',
    oauth: true,
    proves: true,
    work: issueToken,
    contract: issueTokenContract,
  },
  {
    method: 'GET',
    path: '/.well-known/jwks.json',
    access: 'public',
    work: showTokenKeys,
    contract: showTokenKeysContract,
  },
  {
    method: 'POST',
    path: '/v1/enrolments',
    access: 'public',
    proves: true,
    work: postEnrolment,
    contract: postEnrolmentContract,
  },

  {
    method: 'POST',
    path: '/v1/verifications',
    access: ['verify'],
    work: postVerification,
    contract: postVerificationContract,
  },
  {
    method: 'POST',
    path: '/v1/verifications/batch',
    access: ['verify'],
    priority: 'batch',
    work: postVerificationBatch,
    contract: postVerificationBatchContract,
  },
  {
    method: 'GET',
    path: '/v1/verifications/{id}',
    access: ['verify', 'audit'],
    work: getVerification,
    contract: getVerificationContract,
  },
  {
    method: 'POST',
    path: '/v1/unverified-visits',
    access: ['verify'],
    work: postUnverifiedVisit,
    contract: postUnverifiedVisitContract,
  },
  {
    method: 'GET',
    path: '/v1/unverified-visits/{id}',
    access: ['verify'],
    work: getUnverifiedVisit,
    contract: getUnverifiedVisitContract,
  },
  {
    method: 'GET',
    path: '/v1/visit-changes',
    access: ['verify'],
    work: listVisitChanges,
    contract: listVisitChangesContract,
  },

  {
    method: 'POST',
    path: '/v1/claim-shares',
    access: ['share'],
    priority: 'claim',
    work: postClaimShare,
    contract: postClaimShareContract,
  },
  {
    method: 'GET',
    path: '/v1/claim-shares',
    access: ['share'],
    work: listClaimShares,
    contract: listClaimSharesContract,
  },
  {
    method: 'GET',
    path: '/v1/claim-shares/{id}',
    access: ['share'],
    work: getClaimShare,
    contract: getClaimShareContract,
  },
  {
    method: 'POST',
    path: '/v1/claim-shares/{id}/withdrawal',
    access: ['share'],
    priority: 'claim',
    work: postClaimWithdrawal,
    contract: postClaimWithdrawalContract,
  },
  {
    method: 'POST',
    path: '/v1/claim-shares/{id}/receipts',
    access: ['share'],
    priority: 'claim',
    work: postClaimReceipt,
    contract: postClaimReceiptContract,
  },
  {
    method: 'GET',
    path: '/v1/audit/verifications',
    access: ['audit'],
    work: listAuditVerifications,
    contract: listAuditVerificationsContract,
  },
  {
    method: 'GET',
    path: '/v1/audit/claim-shares',
    access: ['audit'],
    work: listAuditClaims,
    contract: listAuditClaimsContract,
  },
  { method: 'GET', path: '/v1/audit/flags', access: ['audit'], work: listAuditFlags, contract: listAuditFlagsContract },
  { method: 'POST', path: '/v1/audit/search', access: ['audit'], work: searchAudit, contract: searchAuditContract },
  {
    method: 'GET',
    path: '/v1/audit/logs/{log}/entries/{index}',
    access: ['audit'],
    work: getAuditEntry,
    contract: getAuditEntryContract,
  },
  {
    method: 'GET',
    path: '/v1/audit/logs/{log}/entries/{index}/evidence',
    access: ['audit'],
    work: getAuditEvidence,
    contract: getAuditEvidenceContract,
  },

  {
    method: 'GET',
    path: '/v1/log/keys',
    access: 'public',
    bounded: true,
    work: showLogKeys,
    contract: showLogKeysContract,
  },
  {
    method: 'GET',
    path: '/v1/log/{log}/checkpoint',
    access: 'public',
    bounded: true,
    work: showCheckpoint,
    contract: showCheckpointContract,
  },
  {
    method: 'GET',
    path: '/v1/log/{log}/proof/{index}',
    access: 'public',
    bounded: true,
    work: showProof,
    contract: showProofContract,
  },
  {
    method: 'GET',
    path: '/v1/log/{log}/consistency',
    access: 'public',
    bounded: true,
    work: showConsistency,
    contract: showConsistencyContract,
  },
  {
    method: 'GET',
    path: '/v1/log/{log}/tile/{tile}',
    access: 'public',
    bounded: true,
    work: showTile,
    contract: showTileContract,
  },

  {
    method: 'POST',
    path: '/v1/sync/batches',
    access: ['sync'],
    priority: 'claim',
    work: postSyncBatch,
    contract: postSyncBatchContract,
  },
  {
    method: 'GET',
    path: '/v1/sync/status',
    access: ['sync', 'ops'],
    work: showSyncStatus,
    contract: showSyncStatusContract,
  },

  { method: 'GET', path: '/v1/facilities', access: SCOPES, work: showFacilities, contract: showFacilitiesContract },
  { method: 'GET', path: '/v1/facilities/{code}', access: SCOPES, work: getFacility, contract: getFacilityContract },

  { method: 'GET', path: '/health/live', access: 'public', always: true, work: showLive, contract: showLiveContract },
  {
    method: 'GET',
    path: '/health/ready',
    access: 'public',
    always: true,
    work: showReady,
    contract: showReadyContract,
  },

  { method: 'GET', path: '/openapi.json', access: 'public', work: showOpenApi, contract: showOpenApiContract },
  { method: 'GET', path: '/docs', access: 'public', work: showDocs, contract: showDocsContract },
  { method: 'GET', path: '/docs/problems', access: 'public', work: showProblems, contract: showProblemsContract },
]

/** Knows neither Node nor Workers: `open` gives each request what its host has, `addressOf` whose it is. */
export function createApp(open: OpenScope, addressOf: AddressOf): Hono {
  const app = new Hono()
  for (const route of ROUTES) {
    app.on(route.method, routePattern(route), endpoint(open, addressOf, route))
  }
  // not routes of their own: one handler a path keeps Hono on its short way (no middleware chain)
  const routes = [...app.routes]
  app.notFound(endpoint(open, addressOf, { access: 'public', work: (c) => refuse(missing(app, routes, c)) }))
  return app
}

/** Nothing at this path, or nothing for this method. */
function missing(app: Hono, routes: Hono['routes'], c: Context): ServiceError {
  const methods = new Set(routes.map((route) => route.method))
  const taken = [...methods].filter((method) => app.router.match(method, c.req.path)[0].length > 0)
  return taken.length === 0
    ? new ServiceError('route_not_found')
    : new ServiceError('method_not_allowed', { detail: taken.join(', ') })
}

async function refuse(error: ServiceError): Promise<never> {
  throw error
}
