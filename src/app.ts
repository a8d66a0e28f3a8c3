import { type Context, Hono } from 'hono'
import { ServiceError } from './errors.ts'
import { endpoint } from './http/endpoint.ts'
import { showLive, showReady } from './http/health.ts'
import { issueToken, showTokenKeys } from './http/token.ts'
import { postVerificationBatch } from './http/verification-batch.ts'
import { getVerification, postVerification } from './http/verifications.ts'
import type { OpenScope } from './scope.ts'

/** Every path on one screen. Knows neither Node nor Workers: `open` gives each request what its host has. */
export function createApp(open: OpenScope): Hono {
  const app = new Hono()
  app.post('/oauth/token', endpoint(open, 'public', issueToken))
  app.get('/.well-known/jwks.json', endpoint(open, 'public', showTokenKeys))

  app.post('/v1/verifications', endpoint(open, ['verify'], postVerification))
  app.post('/v1/verifications/batch', endpoint(open, ['verify'], postVerificationBatch))
  app.get('/v1/verifications/:id', endpoint(open, ['verify', 'audit'], getVerification))

  app.get('/health/live', endpoint(open, 'public', showLive))
  app.get('/health/ready', endpoint(open, 'public', showReady))

  // not routes of their own: one handler a path keeps Hono on its short way (no middleware chain)
  const routes = [...app.routes]
  app.notFound(endpoint(open, 'public', (c) => refuse(missing(app, routes, c))))
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
