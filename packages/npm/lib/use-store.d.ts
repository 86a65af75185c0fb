import type { Content, SettingsPatch, Store, YotpoMock } from './index.js'

/** The content and the settings of each store. */
export interface StoreOptions extends Content {
  settings?: SettingsPatch
}

/** The emulator and the store of the running test. Reading them outside of a test is an error. */
export interface CurrentStore {
  readonly mock: YotpoMock
  readonly store: Store
}
