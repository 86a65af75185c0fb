'use strict'

const { ControlError, StartError, UnreachableError, VerificationError, VersionError, YotpoMockError } = require('./errors.js')
const { Fault } = require('./fault.js')
const { Snapshot, YotpoMock } = require('./mock.js')
const { Store, StoreSnapshot } = require('./store.js')

// The names stand here so that `import { … }` finds them.
module.exports = {
  ControlError,
  Fault,
  Snapshot,
  StartError,
  Store,
  StoreSnapshot,
  UnreachableError,
  VerificationError,
  VersionError,
  YotpoMock,
  YotpoMockError
}
