// Preloaded into a program under test: whatever port it asks for, it gets a free one on loopback, and says which.
const { Server } = require('node:net')
const { Hub } = require('../../npm/dist/index.js')

const { listen } = Server.prototype
Server.prototype.listen = function (port, ...more) {
  this.once('listening', () => process.send(this.address().port))
  const callback = more.filter(argument => typeof argument === 'function')
  return listen.call(this, 0, '127.0.0.1', ...callback)
}

const { listen: bind } = Hub.prototype
Hub.prototype.listen = async function (options) {
  const listener = await bind.call(this, { ...options, port: 0 })
  process.send(listener.port)
  return listener
}

// A program that has nothing more to do exits, although its parent listens.
process.channel?.unref()
