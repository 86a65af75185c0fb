module.exports = {
  globalSetup: 'yotpo-mock/jest/setup',
  globalTeardown: 'yotpo-mock/jest/teardown',
  globals: { yotpoMock: { failOn: ['unmatched', 'no-requests'] } },
  testMatch: ['**/dist/jest.test.js']
}
