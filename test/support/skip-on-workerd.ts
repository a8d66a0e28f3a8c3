import { basename } from 'node:path'
import { beforeEach } from 'vitest'
import { NOT_ON_WORKERD } from './hosts.ts'

beforeEach(({ task, skip }) => {
  const suite = basename(task.file.name, '.db.test.ts')
  const difference = NOT_ON_WORKERD.find((each) => each.suite === suite && each.test.test(task.fullTestName))
  if (difference !== undefined) skip(difference.why)
})
