import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { KeyFiles, RunningServer } from '../src/node.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** As for a deployment: `worker.js` in the folder. Returns what wrangler says of it. */
export async function bundleWorker(folder: string): Promise<string> {
  const wrangler = join(ROOT, 'node_modules', 'wrangler', 'bin', 'wrangler.js')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [wrangler, 'deploy', '--dry-run', '--outdir', folder],
    { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', CI: 'true' } },
  )
  return stdout
}

/** What the registry is shown, and whom it must be vouched for by; PEM files. */
export interface RegistryCertificate {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/**
 * Stands for `mtls_certificates`, which wrangler and miniflare have only by way of an account ("remote"): a service that
 * workerd itself reaches over TLS with a key pair of ours. The same `fetch`, but one address.
 */
async function showingCertificate(url: string, { caFile, certFile, keyFile }: RegistryCertificate) {
  const [ca, certificateChain, privateKey] = await Promise.all(
    [caFile, certFile, keyFile].map((file) => readFile(file, 'utf8')),
  )
  const tlsOptions = { keypair: { privateKey, certificateChain }, trustedCertificates: [ca ?? ''] }
  return { REGISTRY_MTLS: { external: { address: new URL(url).host, https: { tlsOptions } } } }
}

/** The Worker as wrangler bundles it, on the platform's own runtime; `DATABASE_URL` stands for Hyperdrive's. */
export async function startWorkerd(
  bundle: string,
  appUrl: string,
  { DATABASE_URL = appUrl, ...settings }: Readonly<Record<string, string>>,
  keys: KeyFiles,
  logTo: { write: (line: string) => void },
  registry: RegistryCertificate | null = null,
): Promise<RunningServer> {
  // loaded where it is needed: it takes a second, and suites on Node use this module too
  const { convertV4MiniflareOptions, Miniflare } = await import('miniflare')
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: await readFile(bundle, 'utf8'),
      // as wrangler.toml says
      compatibilityDate: '2026-10-23',
      compatibilityFlags: ['nodejs_compat'],
      hyperdrives: { HYPERDRIVE: DATABASE_URL },
      serviceBindings: registry === null ? {} : await showingCertificate(settings['REGISTRY_URL'] ?? '', registry),
      bindings: {
        ...settings,
        DATA_KEYS: JSON.stringify(keys.data),
        TOKEN_KEYS: JSON.stringify(keys.token),
        ...(keys.agreement == null ? {} : { REGISTRY_AGREEMENT: JSON.stringify(keys.agreement) }),
      },
      handleStructuredLogs: ({ message }) => logTo.write(message),
    }),
  )
  const { port } = await worker.ready
  let closing: Promise<void> | null = null
  return {
    port: Number(port),
    metricsPort: null,
    close: () => {
      closing ??= worker.dispose()
      return closing
    },
  }
}
