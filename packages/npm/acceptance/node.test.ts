import { test } from 'node:test'
import { useStore } from 'yotpo-mock/node-test'
import { ten } from './ten.js'

const yotpo = useStore({ failOn: ['unmatched', 'no-requests'] })

for (const [name, run] of Object.entries(ten)) test(name, () => run(yotpo))
