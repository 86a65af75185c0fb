'use strict'

class Fault {
  #control

  constructor(control, { id }) {
    this.#control = control
    this.id = id
  }

  async hits() {
    return (await this.toJson()).hits
  }

  async matched() {
    return (await this.toJson()).matched
  }

  async isUsedUp() {
    return (await this.toJson()).used_up
  }

  async remove() {
    await this.#control.call('DELETE', `/faults/${this.id}`)
  }

  toJson() {
    return this.#control.call('GET', `/faults/${this.id}`)
  }
}

module.exports = { Fault }
