import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundleWorker } from '../../loadtest/workerd.ts'
import setupCluster from './global-setup.ts'
import { throwawayFolder } from './throwaway-folder.ts'

/** The bundle is made by wrangler, as for a deployment, while PostgreSQL starts. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await throwawayFolder()
  const [removeCluster, bundled] = await Promise.allSettled([setupCluster(project), bundleWorker(folder)])
  const teardown = async () => {
    if (removeCluster.status === 'fulfilled') await removeCluster.value()
    await rm(dirname(folder), { recursive: true, force: true })
  }
  for (const each of [removeCluster, bundled]) {
    if (each.status === 'fulfilled') continue
    await teardown()
    throw each.reason
  }
  project.provide('workerBundle', join(folder, 'worker.js'))
  return teardown
}
