import { createServer } from 'node:net';

/** Before anything is started: an occupied port is the most common reason why a start fails. */
export function assertPortIsFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(reason(error, host, port))));
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

function reason({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} on ${host} is in use. Stop what listens there, or choose another: PORT=${port + 1} npm start`;
  }
  if (code === 'EACCES') return `Port ${port} needs rights we do not have. Choose another: PORT=8000 npm start`;
  return `Cannot listen on HOST=${host} PORT=${port}: ${message}`;
}
