/// <reference types="jest" />
import { useStore } from 'yotpo-mock/jest'
import { ten } from './ten.js'

const yotpo = useStore()

for (const [name, run] of Object.entries(ten)) test(name, () => run(yotpo))
