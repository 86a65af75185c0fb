import type { StartOptions } from './index.js'
import type { CurrentStore, StoreOptions } from './use-store.js'

export type { CurrentStore, StoreOptions }

/**
 * Starts an emulator for this file or suite, and creates a store for each of its tests. When a test fails, the requests to its
 * store are printed. The suite fails if there are problems of the kinds in `failOn`, such as `unmatched`.
 */
export function useStore(options?: StoreOptions & StartOptions & { failOn?: readonly string[] }): CurrentStore
