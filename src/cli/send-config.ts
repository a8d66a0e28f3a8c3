import { z } from 'zod'
import { ConfigError, type Environment } from '../config.ts'

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is not a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))

/** What `kiemthe send` is told by its environment. Nothing of `serve`: no token key is for it to read. */
const sendConfigSchema = z.object({
  /** The insurer's claim gateway. Without it nothing is sent; `list` and `retry` need none. */
  INSURER_GATEWAY_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => (url.endsWith('/') ? url : `${url}/`))
    // passwords go there: in the clear to this machine only
    .refine((url) => url.startsWith('https:') || /^http:\/\/(?:127\.|localhost[:/]|\[::1\])/.test(url), 'is not https')
    .optional(),
  /** PEM. The only authority that its certificate may come from; without it, those that Node trusts. */
  INSURER_GATEWAY_CA_FILE: z.string().min(1).optional(),
  /** Of one call. The portal was seen to take 5 to 60 s, and clients went from 30 to 120 s (domain §1.1). */
  SEND_TIMEOUT_MS: wholeNumber(100, 120_000).default(60_000),
  /**
   * Files under way at once. 24,000 visits a day at 5 s each are 1.4 under way on average and some 11 in the worst hour;
   * 64 drain a day's backlog in half an hour (12.8/s), and are few enough not to be taken for an attack.
   */
  SEND_CONCURRENCY: wholeNumber(1, 512).default(64),
  /** Of them, of one facility: it is one account, and the portal restricts accounts that ask much. 0.8/s at 5 s each. */
  SEND_FACILITY_CONCURRENCY: wholeNumber(1, 64).default(4),
  /** Of the files under way, MiB as sealed. A claim has some 100 KB; each is held some five times over (base64, form). */
  SEND_BYTES_MAX_MIB: wholeNumber(1, 1_024).default(32),
  LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('info'),
})

export interface SendConfig {
  readonly gatewayUrl: string | null
  readonly caFile: string | null
  readonly timeoutMs: number
  readonly runningMax: number
  readonly facilityMax: number
  readonly bytesMax: number
  readonly logLevel: 'info' | 'warn' | 'error' | 'silent'
}

export function readSendConfig(environment: Environment): SendConfig {
  const parsed = sendConfigSchema.safeParse(environment)
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  }
  const env = parsed.data
  return {
    gatewayUrl: env.INSURER_GATEWAY_URL ?? null,
    caFile: env.INSURER_GATEWAY_CA_FILE ?? null,
    timeoutMs: env.SEND_TIMEOUT_MS,
    runningMax: env.SEND_CONCURRENCY,
    facilityMax: env.SEND_FACILITY_CONCURRENCY,
    bytesMax: env.SEND_BYTES_MAX_MIB * 1024 * 1024,
    logLevel: env.LOG_LEVEL,
  }
}
