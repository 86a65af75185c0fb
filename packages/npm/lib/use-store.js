// A new store for each test, for runners with the hooks `beforeEach` and `afterEach`.
'use strict'

/** The emulator and the store of the running test. Reading them outside of a test is an error. */
class CurrentStore {
  #mock
  #store

  constructor() {
    Object.defineProperty(this, 'set', {
      value: (mock, store) => {
        this.#mock = mock
        this.#store = store
      }
    })
  }

  get mock() {
    if (!this.#mock) throw new Error('there is an emulator only in a test or a hook of a test: read `mock` there')
    return this.#mock
  }

  get store() {
    if (!this.#store) throw new Error('there is a store only in a test or a hook of a test: read `store` there')
    return this.#store
  }
}

/** Part of the id of a store, made of the name of its test. */
function storeName(testName) {
  return testName.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 40) || 'store'
}

module.exports = { CurrentStore, storeName }
