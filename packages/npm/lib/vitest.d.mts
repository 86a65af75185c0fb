import type { CurrentStore, StoreOptions } from './use-store.js'

export type { CurrentStore, StoreOptions }

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of the emulator that the global set-up started. */
    yotpoMockUrl: string
  }
}

/**
 * Creates a store for each test of this file or suite, in the emulator of `yotpo-mock/vitest/setup`. When a test fails, the
 * requests to its store are printed.
 */
export function useStore(options?: StoreOptions): CurrentStore
