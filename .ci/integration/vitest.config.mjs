import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { globalSetup: ['yotpo-mock/vitest/setup'] } })
