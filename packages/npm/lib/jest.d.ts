import type { CurrentStore, StoreOptions } from './use-store.js'

export type { CurrentStore, StoreOptions }

/**
 * Creates a store for each test of this file or suite, in the emulator of `yotpo-mock/jest/setup`. When a test fails, the requests
 * to its store are printed.
 */
export function useStore(options?: StoreOptions): CurrentStore
