import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Call } from './closed-loop.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

export interface Started {
  readonly url: string
  readonly process: ChildProcess
  readonly startSeconds: number
  readonly stop: () => Promise<void>
}

/**
 * `kiemthe demo` as a user starts it, but with an event for each request (LOG_LEVEL=info, as in production) into a file
 * of the data folder. Resolves at its `ready` line.
 */
export async function startDemo(data: string, port: number, more: readonly string[] = []): Promise<Started> {
  await mkdir(data, { recursive: true })
  const log = openSync(join(data, 'loadtest.log'), 'w')
  const began = performance.now()
  const child = spawn(process.execPath, [CLI, 'demo', '--data', data, '--port', String(port), ...more], {
    stdio: ['ignore', 'pipe', log],
    env: { ...process.env },
  })
  const url = await firstLine(child, /^ready (http:\S+)$/)
  return { url, process: child, startSeconds: (performance.now() - began) / 1000, stop: () => stop(child) }
}

export async function startControl(answerBytes: number): Promise<Started> {
  const began = performance.now()
  const file = fileURLToPath(new URL('./control.ts', import.meta.url))
  const child = spawn(process.execPath, [file, String(answerBytes)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await firstLine(child, /^(\d+)$/)
  const startSeconds = (performance.now() - began) / 1000
  return { url: `http://127.0.0.1:${port}`, process: child, startSeconds, stop: () => stop(child) }
}

async function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    const found = pattern.exec(line)?.[1]
    if (found !== undefined) return found
  }
  throw new Error('the process ended before it was ready')
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Scans of people spread over the province, each with the token of another facility. */
export function demoCalls(data: string, count: number): Call[] {
  const tokens = lines(['token', '--facility', 'all', '--data', data])
  return lines(['sample', '--count', String(count), '--data', data]).map((line, i) => {
    const { qr, serviceDate } = JSON.parse(line) as { qr: string; serviceDate: string }
    return {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${tokens[i % tokens.length]}` },
      body: JSON.stringify({ evidence: { kind: 'chipIdQr', text: qr }, serviceDate, purpose: 'arrival' }),
    }
  })
}

function lines(args: string[]): string[] {
  const text = execFileSync(process.execPath, [CLI, ...args], { encoding: 'utf8', maxBuffer: 1 << 30 })
  return text.trim().split('\n')
}
