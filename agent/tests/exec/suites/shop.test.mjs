// A test suite as people write them: a server and a client. LEAK=1 plants a leak in the server.
import assert from 'node:assert'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'

const server = net.createServer({ allowHalfOpen: true }, connection => {
  connection.write('hello')
  connection.resume()
  if (process.env.LEAK !== '1') connection.on('end', () => connection.end())
  // else the end is read, and end() is never called
})

before(() => new Promise(resolve => server.listen(0, '127.0.0.1', resolve)))
after(() => { server.close() })

test('greets', async () => {
  const client = net.connect(server.address().port, '127.0.0.1')
  const [data] = await new Promise(resolve => client.once('data', (...all) => resolve(all)))
  assert.equal(data.toString(), 'hello')
  client.destroy()
})

test('takes its time', () => setTimeout(2000))
