import { globalSetup } from 'yotpo-mock/vitest/setup'

export default globalSetup({ failOn: ['unmatched', 'no-requests'] })
