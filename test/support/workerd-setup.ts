import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import setupCluster from './global-setup.ts'

/** The bundle is made by wrangler, as for a deployment, while PostgreSQL starts. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'kiemthe-bundle-'))
  const [removeCluster, bundled] = await Promise.allSettled([setupCluster(project), bundle(folder)])
  const teardown = async () => {
    if (removeCluster.status === 'fulfilled') await removeCluster.value()
    await rm(folder, { recursive: true, force: true })
  }
  for (const each of [removeCluster, bundled]) {
    if (each.status === 'fulfilled') continue
    await teardown()
    throw each.reason
  }
  project.provide('workerBundle', join(folder, 'worker.js'))
  return teardown
}

async function bundle(folder: string): Promise<void> {
  const wrangler = join('node_modules', 'wrangler', 'bin', 'wrangler.js')
  await promisify(execFile)(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', folder], {
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
  })
}
