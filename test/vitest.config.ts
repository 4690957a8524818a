// Two projects: `worker` runs in workerd, as the product does; `node` tests what runs in Node.
import { join } from 'node:path'
import { cloudflareTest } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'

const root = join(import.meta.dirname, '..')

export default defineConfig({
  test: {
    root,
    globalSetup: [join(root, 'test/global-setup.ts')],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        plugins: [
          cloudflareTest({
            wrangler: { configPath: join(root, 'wrangler.toml') },
          }),
        ],
        test: {
          root,
          name: 'worker',
          include: ['test/**/*.test.ts'],
          exclude: ['test/node/**', 'test/page/**'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          root,
          name: 'node',
          include: ['test/{node,page}/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
    ],
  },
})
