'use strict'

class YotpoMockError extends Error {
  constructor(message, options) {
    super(message, options)
    this.name = new.target.name
  }
}

class StartError extends YotpoMockError {}

class UnreachableError extends YotpoMockError {}

class VersionError extends YotpoMockError {}

class ControlError extends YotpoMockError {
  constructor(status, error, hint) {
    super(hint ? `${error}\nhint: ${hint}` : error)
    this.status = status
    this.error = error
    this.hint = hint
  }
}

// Not an `AssertionError`, of which runners print a comparison of the numbers in place of the message.
class VerificationError extends Error {
  constructor(message) {
    super(message)
    this.name = 'VerificationError'
  }
}

module.exports = { YotpoMockError, StartError, UnreachableError, VersionError, ControlError, VerificationError }
