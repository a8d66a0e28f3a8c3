import cluster from 'node:cluster'
import { pino } from 'pino'
import type { z } from 'zod'
import { tokenKeysSchema } from '../access/token-keys.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { dataKeysSchema } from '../data-keys.ts'
import { showCrewMetrics } from '../host/metrics-server.ts'
import { watchFiles } from '../host/watch-files.ts'
import { startServer } from '../node.ts'
import { agreementSchema } from '../population/agreement.ts'
import { readArguments } from './arguments.ts'
import { startCrew } from './crew.ts'
import { readSecret } from './data-folder.ts'

/**
 * Events are written together: a write for each took 15 % of a check's processor time in this process (profile of
 * 2026-11-30), most of it to wake a thread. 12 KiB are some 45 events; a kill -9 loses what is younger than a quarter of a second,
 * a drain nothing. A reader that stands still costs 16 MiB of events at the most, then new ones are dropped.
 */
const EVENTS_WRITTEN = { minLength: 12 * 1024, periodicFlush: 250, maxLength: 16 * 1024 * 1024 }

/** `kiemthe serve`: production. All by environment; every problem is said at once. */
export async function serve(args: string[]): Promise<void> {
  readArguments(args, {})
  const config = readConfig(process.env)
  let renew = () => {}
  process.on('SIGHUP', () => renew()) // from the start: unheard, it would end the process
  const asked = new Promise<void>((resolve) => {
    // not `once`: whoever stops a whole group of processes may signal each of them twice
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
  })
  if (config.processes > 1 && cluster.isPrimary) {
    await readKeys(config)
    const figures = await showCrewMetrics(config)
    const crew = await startCrew(config.processes, process.env)
    renew = crew.renew
    sayWhereMetricsAre(config, figures?.port ?? null)
    process.stderr.write(`ready ${scheme(config)}://${config.host}:${config.port}\n`)
    await asked
    await Promise.all([crew.stop(), figures?.close()])
    return
  }
  const logTo = pino.destination({ dest: 1, sync: false, ...EVENTS_WRITTEN })
  const server = await startServer(config, await readKeys(config), logTo)
  const useKeys = async () => server.useKeys(await readKeys(config))
  const watches = await Promise.all([
    watchFiles([config.dataKeysFile, config.tokenKeysFile], useKeys, server.renewalFailed),
    watchFiles(tlsFilesOf(config), server.renewTls, server.renewalFailed),
  ])
  renew = () => {
    for (const watch of watches) void watch.now()
  }
  sayWhereMetricsAre(config, server.metricsPort)
  if (cluster.isPrimary) process.stderr.write(`ready ${scheme(config)}://${config.host}:${server.port}\n`)
  await asked
  for (const watch of watches) watch.stop()
  await server.close()
  // postgres.js only half-closes a connection that fell silent: it would keep a drained process alive for minutes
  process.exit()
}

function scheme(config: Config): 'http' | 'https' {
  return config.tls === null ? 'http' : 'https'
}

function tlsFilesOf({ tls }: Config): string[] {
  return [tls?.certFile, tls?.keyFile, tls?.clientCaFile].filter((path) => path != null)
}

function sayWhereMetricsAre({ metrics }: Config, port: number | null): void {
  if (port !== null) process.stderr.write(`metrics http://${metrics?.host}:${port}/metrics\n`)
}

async function readKeys(config: Config) {
  const problems: string[] = []
  const data = await readKeyFile('DATA_KEYS_FILE', config.dataKeysFile, dataKeysSchema, problems)
  const token = await readKeyFile('TOKEN_KEYS_FILE', config.tokenKeysFile, tokenKeysSchema, problems)
  const agreement =
    config.registry === null
      ? null
      : await readKeyFile('REGISTRY_AGREEMENT_FILE', config.registry.agreementFile, agreementSchema, problems)
  if (data === null || token === null || problems.length > 0) throw new ConfigError(problems)
  return { data, token, agreement }
}

async function readKeyFile<T>(name: string, path: string, schema: z.ZodType<T>, problems: string[]): Promise<T | null> {
  try {
    const read = await readSecret(path, schema)
    if (read === null) problems.push(`${name}: there is no file ${path}`)
    return read
  } catch (error) {
    problems.push(`${name}: ${error instanceof Error ? error.message : 'cannot be read'}`)
    return null
  }
}
