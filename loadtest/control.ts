import { createServer } from 'node:http'

/**
 * The control: a bare `node:http` server that reads the request's bytes and answers as many bytes as a verification
 * does. What it cannot do is what a verification costs. Arguments: bytes of the answer. Prints its port.
 */
const bytes = Number(process.argv[2])
const answer = Buffer.alloc(bytes, 'x')

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    Buffer.concat(parts)
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes })
    response.end(answer)
  })
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : ''}\n`)
})
