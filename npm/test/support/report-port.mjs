// Preloaded into an example: tells the test which port its server got.
import net from 'node:net'

const { listen } = net.Server.prototype
net.Server.prototype.listen = function (...parameters) {
  this.once('listening', () => process.send({ port: this.address().port }))
  return listen.apply(this, parameters)
}
process.channel.unref()
