import { test } from 'vitest'
import { useStore } from 'yotpo-mock/vitest'
import { ten } from './ten.js'

const yotpo = useStore()

for (const [name, run] of Object.entries(ten)) test(name, () => run(yotpo))
