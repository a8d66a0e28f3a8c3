import { Hono } from 'hono'
import { ServiceError } from './errors.ts'
import { endpoint } from './http/endpoint.ts'
import { showLive, showReady } from './http/health.ts'
import { issueToken, showTokenKeys } from './http/token.ts'
import { getVerification, postVerification } from './http/verifications.ts'
import type { OpenScope } from './scope.ts'

/** Every path on one screen. Knows neither Node nor Workers: `open` gives each request what its host has. */
export function createApp(open: OpenScope): Hono {
  const app = new Hono()
  app.post('/oauth/token', endpoint(open, 'public', issueToken))
  app.get('/.well-known/jwks.json', endpoint(open, 'public', showTokenKeys))

  app.post('/v1/verifications', endpoint(open, ['verify'], postVerification))
  app.get('/v1/verifications/:id', endpoint(open, ['verify', 'audit'], getVerification))

  app.get('/health/live', endpoint(open, 'public', showLive))
  app.get('/health/ready', endpoint(open, 'public', showReady))

  const known = new Map<string, string[]>()
  for (const route of app.routes) known.set(route.path, [...(known.get(route.path) ?? []), route.method])
  for (const [path, methods] of known) {
    app.all(
      path,
      endpoint(open, 'public', () => refuse(new ServiceError('method_not_allowed', { detail: methods.join(', ') }))),
    )
  }
  app.all(
    '*',
    endpoint(open, 'public', () => refuse(new ServiceError('route_not_found'))),
  )
  return app
}

async function refuse(error: ServiceError): Promise<never> {
  throw error
}
