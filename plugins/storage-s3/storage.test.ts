/** Storage on a real S3 server: the common suite, and what only a server can do wrong. */
import { describeStorage } from '../../kernel/contract/storage.suite.ts'
import { silentLog } from '../../kernel/log.ts'
import { createS3Storage } from './storage.ts'
import { skipWithoutS3, TestS3 } from './test-s3.ts'

describeStorage('s3 storage', async () => {
  const server = await TestS3.start()
  const storage = createS3Storage(server.options, silentLog)
  return {
    storage,
    fetch: (url, init) => fetch(url, init),
    async close() {
      await storage.close()
      await server.stop()
    },
  }
}, { skip: skipWithoutS3 })
