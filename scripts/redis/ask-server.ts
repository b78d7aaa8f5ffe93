import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ServerFacts } from '../servers/private-server.ts';

const oldestVersion = [6, 2] as const;

export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^\D+/, '').split('.').map(Number);
  return major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
}

export const tooOld = (version: string): string => `version ${version} is older than ${oldestVersion.join('.')}`;

/** INFO over a bare socket: no client library, so that a start loses no time on it. */
export function askServer(address: string, timeoutMs = 1_000): Promise<ServerFacts> {
  const url = new URL(address);
  const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) };
  return new Promise((resolve, reject) => {
    const socket = url.protocol === 'rediss:' ? connectTls({ ...target, servername: target.host }) : connectTcp(target);
    let reply = '';
    const refuse = (reason: string) => {
      socket.destroy();
      reject(new Error(reason));
    };
    socket.setTimeout(timeoutMs, () => refuse(`no answer within ${timeoutMs} ms`));
    socket.on('error', (error: NodeJS.ErrnoException) => refuse(error.code ?? error.message));
    socket.on('close', () => refuse('closed the connection'));
    socket.write(`${authentication(url)}${encode(['INFO'])}`);
    socket.on('data', (chunk) => {
      reply += chunk;
      const error = /^-(.*)\r\n/m.exec(reply);
      if (error?.[1]) return refuse(error[1]);
      const facts = readFacts(reply);
      if (!facts) return;
      resolve(facts);
      socket.destroy();
    });
  });
}

function authentication(url: URL): string {
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  if (!password) return '';
  return encode(user ? ['AUTH', user, password] : ['AUTH', password]);
}

const encode = (words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

function readFacts(reply: string): ServerFacts | undefined {
  const field = (name: string) => new RegExp(`^${name}:(\\S+)\\r$`, 'm').exec(reply)?.[1];
  const [version, loading] = [field('redis_version'), field('loading')];
  if (!version || !loading) return;
  const valkey = field('valkey_version');
  return { version: valkey ? `valkey ${valkey}` : version, loading: loading !== '0' };
}
