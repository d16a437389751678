/** Reads each body and answers 200: what HTTP, this machine and the load generator cost by themselves. Not a part of wahook. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const server = http.createServer((request, response) => {
  request.on('end', () => response.writeHead(200, { 'content-length': 0 }).end()).resume();
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ message: 'Ready', url: `http://127.0.0.1:${port}` }));
});
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
