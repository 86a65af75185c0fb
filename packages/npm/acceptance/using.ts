import { YotpoMock } from 'yotpo-mock'

async function main(): Promise<void> {
  await using mock = await YotpoMock.start()
  const store = await mock.newStore({ customers: [{ external_id: 'c-1' }] })
  console.log((await store.customers()).length)
}

void main()
