import { defineConfig } from 'vitest/config';

export default defineConfig({
  // One Chromium and one server at a time: the machine may be small.
  test: {
    include: ['*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    expect: { poll: { timeout: 15_000 } },
  },
});
